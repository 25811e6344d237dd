//! This member's hybrid logical clock. Its upper bound is on disk before a time beyond it is given out, so that a restart
//! never goes back.

use event::{Hlc, Micros};
use hlc::{Clock, TooFarAhead};
use parking_lot::Mutex;
use std::sync::Arc;
use store::{Store, StoreError};

/// The bound on disk is raised this far ahead: at most one sync in that time, and no more that a restart runs ahead.
const BOUND_AHEAD_US: u64 = 1_000_000;

/// The clock. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct MemberClock {
    state: Arc<Mutex<State>>,
    now: fn() -> Micros,
    store: Arc<Store>,
    /// Held by whoever raises the bound: all others wait for that one write instead of making one each.
    raising: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct State {
    clock: Clock,
    bound: Hlc,
}

impl MemberClock {
    pub(crate) fn new(
        store: Arc<Store>,
        max_offset_ms: u32,
        now: fn() -> Micros,
    ) -> Result<Self, StoreError> {
        let bound = store.hlc_bound()?;
        let clock = Clock::new(bound, u64::from(max_offset_ms) * 1000);
        Ok(Self {
            state: Arc::new(Mutex::new(State { clock, bound })),
            now,
            store,
            raising: Arc::default(),
        })
    }

    /// Physical time.
    pub(crate) fn now(&self) -> Micros {
        (self.now)()
    }

    /// A new local time.
    pub(crate) async fn tick(&self) -> Result<Hlc, StoreError> {
        let (time, bound) = {
            let mut s = self.state.lock();
            (s.clock.tick((self.now)()), s.bound)
        };
        self.within(time, bound).await
    }

    /// A time after `remote`, as far as the maximal offset allows; and whether it did not.
    pub(crate) async fn merge(&self, remote: Hlc) -> Result<(Hlc, Option<TooFarAhead>), StoreError> {
        let ((time, ahead), bound) = {
            let mut s = self.state.lock();
            (s.clock.merge(remote, (self.now)()), s.bound)
        };
        Ok((self.within(time, bound).await?, ahead))
    }

    /// Waits until the bound on disk covers the time.
    async fn within(&self, time: Hlc, bound: Hlc) -> Result<Hlc, StoreError> {
        if time > bound {
            let _one = self.raising.lock().await;
            if time <= self.state.lock().bound {
                return Ok(time);
            }
            let raised = Hlc::from_micros(Micros(time.micros().0 + BOUND_AHEAD_US));
            let store = Arc::clone(&self.store);
            tokio::task::spawn_blocking(move || store.raise_hlc_bound(raised))
                .await
                .unwrap_or(Err(StoreError::ShutDown))?;
            let mut s = self.state.lock();
            s.bound = s.bound.max(raised);
        }
        Ok(time)
    }
}
