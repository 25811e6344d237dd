//! How often an address may fail: a bucket of chances each, filled again with time. Pure.
//!
//! Only failures are counted, after the token was looked at: who has a valid token is never kept out because another behind the same
//! proxy guesses. Guesses are hopeless (256 bits); what this bounds is answers, log lines and counters of senders that are set up wrong.

use std::net::IpAddr;

use lru::LruCache;

/// Failures at once.
const CHANCES: f64 = 20.0;
/// Failures a second for ever.
const CHANCES_A_SECOND: f64 = 1.0;
/// Addresses that are remembered; of more, the one that was quiet longest is forgotten.
const ADDRESSES_MAX: std::num::NonZeroUsize = match std::num::NonZeroUsize::new(4_096) {
    Some(count) => count,
    None => std::num::NonZeroUsize::MIN,
};

#[derive(Debug)]
pub(super) struct Limiter(LruCache<IpAddr, Bucket>);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    chances: f64,
    at_us: u64,
}

impl Limiter {
    pub(super) fn new() -> Self {
        Self(LruCache::new(ADDRESSES_MAX))
    }

    /// Counts a failure; false if the address had too many. A clock that goes back fills nothing.
    pub(super) fn fail(&mut self, address: IpAddr, now_us: u64) -> bool {
        let full = Bucket {
            chances: CHANCES,
            at_us: now_us,
        };
        let bucket = self.0.get_or_insert_mut(address, || full);
        let since_s = now_us.saturating_sub(bucket.at_us) as f64 / 1e6;
        bucket.chances = (bucket.chances + since_s * CHANCES_A_SECOND).min(CHANCES);
        bucket.at_us = now_us;
        let left = bucket.chances >= 1.0;
        if left {
            bucket.chances -= 1.0;
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: one address fails 30 times at once, another once, the first again after 3 s. Guarantee: 20 chances, one more each second,
    /// each address for itself.
    #[test]
    fn chances() {
        let mut limiter = Limiter::new();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let counted = (0..30).filter(|_| limiter.fail(one, 1_000_000)).count();
        assert_eq!(counted, 20);
        assert!(limiter.fail(other, 1_000_000));
        let counted = (0..30).filter(|_| limiter.fail(one, 4_000_000)).count();
        assert_eq!(counted, 3);
        assert!(!limiter.fail(one, 0));
    }

    /// Scenario: more addresses than are remembered. Guarantee: memory is bounded; those seen last are still counted.
    #[test]
    fn many_addresses() {
        let mut limiter = Limiter::new();
        for n in 0..10_000_u32 {
            assert!(limiter.fail(IpAddr::from(n.to_be_bytes()), 0));
        }
        assert_eq!(limiter.0.len(), 4_096);
    }
}
