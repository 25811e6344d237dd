//! Hybrid logical clock: time as one `u64` that orders events across machines.
//!
//! Source: Kulkarni, Demirbas, Madeppa, Avva, Leone, "Logical Physical Clocks and Consistent Snapshots in Globally
//! Distributed Databases" (2014). Layout of ours: 49 bits of microseconds since 2020-01-01 UTC, then 10 bits of
//! counter: 59 bits, so that it is one small integer on the BEAM (until 2037).
//!
//! This crate reads no clock: the caller passes physical time. Start with [`Hlc`] and [`Clock`].

use std::fmt;

/// Microseconds between the Unix epoch and 2020-01-01T00:00:00Z, the epoch of every time in this system.
pub const EPOCH_UNIX_US: u64 = 1_577_836_800_000_000;
/// Bits of the counter.
pub const COUNTER_BITS: u32 = 10;
/// Greatest representable value: 59 bits.
pub const HLC_MAX: u64 = (1 << 59) - 1;

/// Microseconds since 2020-01-01 UTC; a physical clock's reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// From microseconds since the Unix epoch; times before 2020 become 0.
    pub fn from_unix_us(unix_us: u64) -> Self {
        Self(unix_us.saturating_sub(EPOCH_UNIX_US))
    }
    /// To microseconds since the Unix epoch.
    pub fn to_unix_us(self) -> u64 {
        self.0.saturating_add(EPOCH_UNIX_US)
    }
    /// To nanoseconds since the Unix epoch; the greatest number after the year 2554.
    pub fn to_unix_ns(self) -> u64 {
        self.to_unix_us().saturating_mul(1_000)
    }
}

/// One hybrid logical time. Comparable as an integer; an order, never an identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The earliest HLC of a physical time.
    pub fn from_micros(t: Micros) -> Self {
        Self((t.0 << COUNTER_BITS).min(HLC_MAX))
    }
    /// The physical part.
    pub fn micros(self) -> Micros {
        Micros(self.0 >> COUNTER_BITS)
    }
    /// The counter part.
    pub fn counter(self) -> u64 {
        self.0 & ((1 << COUNTER_BITS) - 1)
    }
    /// The next HLC; saturates at [`HLC_MAX`].
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1).min(HLC_MAX))
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.micros().0, self.counter())
    }
}

/// A remote time was further ahead of our physical clock than `max_offset` allows; the clock was not dragged beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFarAhead {
    /// How far ahead of our physical clock the remote time was, in microseconds.
    pub ahead_us: u64,
}

/// A member's clock. Never goes back; never dragged further ahead of physical time than `max_offset_us`.
#[derive(Clone, Debug)]
pub struct Clock {
    last: Hlc,
    max_offset_us: u64,
}

impl Clock {
    /// A clock that starts after `floor` (the persisted upper bound of an earlier life, or zero).
    pub fn new(floor: Hlc, max_offset_us: u64) -> Self {
        Self {
            last: floor,
            max_offset_us,
        }
    }
    /// The last time given out or merged.
    pub fn last(&self) -> Hlc {
        self.last
    }
    /// A new local time: `max(last + 1, physical)`.
    pub fn tick(&mut self, physical: Micros) -> Hlc {
        self.last = self.last.next().max(Hlc::from_micros(physical));
        self.last
    }
    /// Merges a remote time and gives out a time after both, as far as `max_offset_us` allows.
    pub fn merge(&mut self, remote: Hlc, physical: Micros) -> (Hlc, Option<TooFarAhead>) {
        let bound = Hlc::from_micros(Micros(physical.0.saturating_add(self.max_offset_us)));
        let ahead = (remote > bound).then(|| TooFarAhead {
            ahead_us: remote.micros().0.saturating_sub(physical.0),
        });
        self.last = self.last.max(remote.min(bound));
        (self.tick(physical), ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: physical time stands still. Guarantee: times still increase.
    #[test]
    fn ticks_increase_without_physical_progress() {
        let mut c = Clock::new(Hlc(0), 500_000);
        let t = Micros(1_000);
        let a = c.tick(t);
        let b = c.tick(t);
        assert!(b > a);
        assert_eq!(b.micros(), t);
        assert_eq!(b.counter(), 1);
    }

    /// Scenario: a remote clock is a year ahead. Guarantee: ours follows by at most `max_offset`, and it is said.
    #[test]
    fn a_wrong_remote_clock_drags_no_further_than_the_bound() {
        let mut c = Clock::new(Hlc(0), 500_000);
        let year = Hlc::from_micros(Micros(31_536_000_000_000));
        let (t, ahead) = c.merge(year, Micros(1_000_000));
        assert_eq!(
            ahead,
            Some(TooFarAhead {
                ahead_us: 31_536_000_000_000 - 1_000_000
            })
        );
        assert!(t.micros().0 <= 1_500_000);
    }

    /// Scenario: a message arrives from a node slightly ahead. Guarantee: the receive is after the send.
    #[test]
    fn a_receive_is_after_its_send() {
        let mut a = Clock::new(Hlc(0), 500_000);
        let mut b = Clock::new(Hlc(0), 500_000);
        let sent = a.tick(Micros(2_000_000));
        let (received, ahead) = b.merge(sent, Micros(1_900_000));
        assert!(received > sent);
        assert_eq!(ahead, None);
    }
}
