//! The agent's hybrid clock, corrected by the collector's.

use std::fmt;
use std::sync::Arc;

use event::{Hlc, Micros};
use parking_lot::Mutex;

/// Reads physical time.
pub type PhysicalClock = Arc<dyn Fn() -> Micros + Send + Sync>;

/// How far the hybrid clock may be dragged before a collector says otherwise, in microseconds.
const MAX_OFFSET_US: u64 = 500_000;

/// Physical time plus the collector's offset, made monotone. Buckets are cut by it, so that an agent with a wrong
/// clock writes to the bucket that the collector is in.
pub(crate) struct AgentClock {
    physical: PhysicalClock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    hlc: hlc::Clock,
    /// Collector's time minus ours, as measured last.
    offset_us: i64,
}

impl fmt::Debug for AgentClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentClock")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl AgentClock {
    pub(crate) fn new(physical: PhysicalClock) -> Self {
        let hlc = hlc::Clock::new(Hlc(0), MAX_OFFSET_US);
        Self {
            physical,
            state: Mutex::new(State { hlc, offset_us: 0 }),
        }
    }

    /// Our own clock, uncorrected.
    pub(crate) fn physical(&self) -> Micros {
        (self.physical)()
    }

    /// A new time.
    pub(crate) fn tick(&self) -> Hlc {
        let now = self.physical();
        let mut state = self.state.lock();
        let corrected = Micros(now.0.saturating_add_signed(state.offset_us));
        state.hlc.tick(corrected)
    }

    /// The collector's time, received now. Returns its offset to ours in microseconds.
    pub(crate) fn merge(&self, remote: Hlc) -> i64 {
        let now = self.physical();
        let mut state = self.state.lock();
        state.offset_us =
            i64::try_from(remote.micros().0).unwrap_or(i64::MAX) - i64::try_from(now.0).unwrap_or(i64::MAX);
        let corrected = Micros(now.0.saturating_add_signed(state.offset_us));
        state.hlc.merge(remote, corrected);
        state.offset_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: our clock is five minutes behind, then jumps. Guarantee: times follow the collector, never go back.
    #[test]
    fn follows_the_collector() {
        let physical = Arc::new(Mutex::new(Micros(1_000_000_000)));
        let shared = Arc::clone(&physical);
        let clock = AgentClock::new(Arc::new(move || *shared.lock()));
        let before = clock.tick();
        assert_eq!(clock.merge(Hlc::from_micros(Micros(1_300_000_000))), 300_000_000);
        let after = clock.tick();
        assert!(after > before && after.micros().0 >= 1_300_000_000);
        *physical.lock() = Micros(0);
        assert!(clock.tick() > after);
    }
}
