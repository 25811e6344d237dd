//! Whose turn it is on the blocking pool: few at a time, and a bounded number that waits.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Takes turns.
#[derive(Debug)]
pub(super) struct Turns {
    runtime: Handle,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Turns {
    /// `at_once` at a time; `waiting` of these and of those that wait.
    pub(super) fn new(runtime: Handle, at_once: usize, waiting: usize) -> Self {
        Self {
            runtime,
            running: Arc::new(Semaphore::new(at_once)),
            waiting: Arc::new(Semaphore::new(waiting)),
        }
    }

    /// Does it when its turn comes; `false` = too much waits, and it is dropped.
    pub(super) fn take(&self, work: impl FnOnce() + Send + 'static) -> bool {
        let Ok(waits) = Arc::clone(&self.waiting).try_acquire_owned() else {
            return false;
        };
        let (running, runtime) = (Arc::clone(&self.running), self.runtime.clone());
        self.runtime.spawn(async move {
            if let Ok(turn) = running.acquire_owned().await {
                runtime.spawn_blocking(move || {
                    let _turn = (turn, waits);
                    work();
                });
            }
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    /// Scenario: two at a time, sixteen may wait; sixteen come while the first two go on, then one more. Guarantee: the one more is dropped,
    /// all others are done in the end.
    #[test]
    fn what_waits_is_done() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let turns = Turns::new(runtime.handle().clone(), 2, 16);
        let (go, gate) = channel::<()>();
        let gate = Arc::new(parking_lot::Mutex::new(gate));
        let (done, ended) = channel();
        for number in 0..16 {
            let (gate, done) = (Arc::clone(&gate), done.clone());
            assert!(turns.take(move || {
                let _ = gate.lock().recv();
                done.send(number).unwrap();
            }));
        }
        assert!(!turns.take(|| {}));
        drop(go);
        let limit = Duration::from_mins(1);
        let mut all: Vec<i32> = (0..16).map(|_| ended.recv_timeout(limit).unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..16).collect::<Vec<_>>());
    }
}
