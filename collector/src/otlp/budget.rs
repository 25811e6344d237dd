//! How many bytes of requests may be held at once. Nobody waits: what does not fit is refused, to be sent again.

use std::sync::Arc;

use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::config::RETRY_AFTER_MS;
use super::intake::Refusal;
use super::lag::Lag;

/// The bytes that are left.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    left: Arc<Semaphore>,
    held: IntGauge,
    lag: Arc<Lag>,
}

impl Budget {
    /// `lag` says when requests are refused for want of processor time, whatever they hold.
    pub(super) fn new(bytes: usize, held: IntGauge, lag: Arc<Lag>) -> Self {
        let left = Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Self { left, held, lag }
    }

    /// For one request, nothing yet.
    pub(super) fn reservation(&self) -> Reservation {
        Reservation {
            budget: self.clone(),
            permit: None,
        }
    }
}

/// What one request holds; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
}

impl Reservation {
    /// Takes more. The first bytes of a request are refused also when there is no time for it.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let busy = Refusal::Busy {
            retry_after_ms: RETRY_AFTER_MS,
        };
        if self.permit.is_none() && self.budget.lag.sheds() {
            return Err(busy);
        }
        let wanted = u32::try_from(bytes).map_err(|_| busy.clone())?;
        let more = Arc::clone(&self.budget.left).try_acquire_many_owned(wanted);
        let more = more.map_err(|_| busy)?;
        self.budget.held.add(i64::from(wanted));
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }

    /// Gives some back.
    pub(super) fn shrink(&mut self, bytes: usize) {
        if let Some(less) = self.permit.as_mut().and_then(|permit| permit.split(bytes)) {
            self.budget.held.sub(less.num_permits() as i64);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.budget.held.sub(permit.num_permits() as i64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two requests want more than there is. Guarantee: the one that is too much is told to come again and holds what
    /// it held; what is given back can be taken; the gauge agrees.
    #[test]
    fn bounded() {
        let gauge = IntGauge::new("x", "x").unwrap();
        let budget = Budget::new(100, gauge.clone(), Arc::default());
        let (mut a, mut b) = (budget.reservation(), budget.reservation());
        a.grow(60).unwrap();
        assert!(matches!(b.grow(41), Err(Refusal::Busy { .. })));
        b.grow(40).unwrap();
        assert!(matches!(b.grow(1), Err(Refusal::Busy { .. })));
        a.shrink(10);
        b.grow(10).unwrap();
        assert_eq!(gauge.get(), 100);
        drop(a);
        assert_eq!(gauge.get(), 50);
        b.grow(50).unwrap();
        drop(b);
        assert_eq!(gauge.get(), 0);
        assert!(matches!(
            budget.reservation().grow(usize::MAX),
            Err(Refusal::Busy { .. })
        ));
    }
}
