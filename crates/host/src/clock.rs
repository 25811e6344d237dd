//! The wall clock, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

use event::Micros;

/// Now, in microseconds since 2020-01-01 UTC; 0 on a clock before that.
pub fn now() -> Micros {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros::from_unix_us(u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    /// Guarantee: after 2025 and not before the last reading by more than a step of the clock.
    #[test]
    fn plausible() {
        assert!(super::now().0 > 5 * 365 * 86_400 * 1_000_000);
    }
}
