//! When a flush is due. Pure.
//!
//! A frame costs an agent a sync, and a collector datagrams, a put and a share of a sync, whatever is in it: so frames of a steady
//! trickle are kept apart. What comes after a pause is not: somebody who makes one call and looks for it does not wait.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::AgentConfig;

/// The time between flushes.
#[derive(Debug)]
pub(super) struct Rhythm {
    apart: Duration,
    /// When the last flush of something began.
    last: Option<Instant>,
}

impl Rhythm {
    /// Flushes at least this far apart.
    pub(super) fn new(apart: Duration) -> Self {
        Self { apart, last: None }
    }

    /// When what waits since then is to be flushed.
    pub(super) fn due(&self, since: Instant) -> Instant {
        let soon = since + self.apart.min(AgentConfig::QUICK);
        self.last.map_or(soon, |last| soon.max(last + self.apart))
    }

    /// A flush begins.
    pub(super) fn flushed(&mut self, now: Instant) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Scenario: an event after a long pause; a steady trickle of one event a millisecond for ten seconds; a pause; one more. Guarantee: the
    /// first and the last wait for 20 ms, none for longer than the time between flushes, and there are four flushes a second.
    #[test]
    fn a_trickle_is_gathered_and_a_lone_event_is_not() {
        let (begin, mut rhythm) = (Instant::now(), Rhythm::new(250 * MS));
        assert_eq!(rhythm.due(begin), begin + 20 * MS);
        let (mut since, mut flushes) = (None, 0);
        for ms in 0..10_000 {
            let now = begin + ms * MS;
            let waits = *since.get_or_insert(now);
            let due = rhythm.due(waits);
            assert!(due <= waits + 250 * MS);
            if due <= now {
                rhythm.flushed(now);
                (since, flushes) = (None, flushes + 1);
            }
        }
        assert_eq!(flushes, 40);
        let later = begin + 11_000 * MS;
        assert_eq!(rhythm.due(later), later + 20 * MS);
    }

    /// Scenario: flushes are asked for every 5 ms. Guarantee: the first does not wait longer than that either.
    #[test]
    fn a_short_time_holds_for_the_first_too() {
        let (now, rhythm) = (Instant::now(), Rhythm::new(5 * MS));
        assert_eq!(rhythm.due(now), now + 5 * MS);
    }
}
