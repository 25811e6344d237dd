//! Whose turn it is to read the disk for others: few threads, which step back behind those that take events in, and a bounded number of
//! turns that waits.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::runtime::Handle;

/// How much less than others the threads get of a processor (`nice`).
const NICE: i32 = 10;

type Work = Box<dyn FnOnce() + Send>;

/// Takes turns, until it is dropped: what waits then is dropped too, what is under way ends first.
#[derive(Debug)]
pub(super) struct Turns {
    waiting: Option<SyncSender<Work>>,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Turns {
    /// `at_once` at a time, on threads that can use this runtime; `waiting` more wait.
    pub(super) fn new(runtime: &Handle, at_once: usize, waiting: usize) -> io::Result<Self> {
        let (to, turns) = sync_channel(waiting);
        let turns = Arc::new(Mutex::new(turns));
        let ended = Arc::new(AtomicBool::new(false));
        let thread = |number| {
            let (runtime, turns, ended) = (runtime.clone(), Arc::clone(&turns), Arc::clone(&ended));
            let named = std::thread::Builder::new().name(format!("copies-{number}"));
            named.spawn(move || take_turns(&runtime, &turns, &ended))
        };
        Ok(Self {
            waiting: Some(to),
            ended: Arc::clone(&ended),
            threads: (0..at_once).map(thread).collect::<io::Result<_>>()?,
        })
    }

    /// Does it when its turn comes; `false` = too much waits, and it is dropped.
    pub(super) fn take(&self, work: impl FnOnce() + Send + 'static) -> bool {
        let waiting = self.waiting.as_ref();
        waiting.is_some_and(|waiting| waiting.try_send(Box::new(work)).is_ok())
    }
}

fn take_turns(runtime: &Handle, turns: &Mutex<Receiver<Work>>, ended: &AtomicBool) {
    // Of this thread alone, on Linux; it may not be allowed, and is only slower for others then.
    let _ = rustix::process::setpriority_process(None, NICE);
    let _entered = runtime.enter();
    loop {
        let next = turns.lock().recv();
        match next {
            Ok(work) if !ended.load(Ordering::Acquire) => {
                // One that fails must not take the thread of all others with it.
                if catch_unwind(AssertUnwindSafe(work)).is_err() {
                    tracing::error!("what was to be copied was not: its reading panicked");
                }
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.waiting = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that copies panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    /// Scenario: two at a time, fourteen may wait; sixteen come while the first two go on, then one more. Guarantee: the one more is dropped,
    /// all others are done in the end, on threads that step back.
    #[test]
    fn what_waits_is_done() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let turns = Turns::new(runtime.handle(), 2, 14).unwrap();
        let (go, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let (begun, begins) = channel();
        let (done, ended) = channel();
        let own = rustix::process::getpriority_process(None).unwrap();
        for number in 0..16 {
            let (gate, begun, done) = (Arc::clone(&gate), begun.clone(), done.clone());
            assert!(turns.take(move || {
                begun
                    .send(rustix::process::getpriority_process(None).unwrap())
                    .unwrap();
                let _ = gate.lock().recv();
                done.send(number).unwrap();
            }));
            if number < 2 {
                assert_eq!(begins.recv().unwrap(), (own + NICE).min(19));
            }
        }
        assert!(!turns.take(|| {}));
        drop(go);
        let limit = Duration::from_mins(1);
        let mut all: Vec<i32> = (0..16).map(|_| ended.recv_timeout(limit).unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..16).collect::<Vec<_>>());
    }

    /// Scenario: a turn panics, then another comes, on the only thread. Guarantee: the other is done.
    #[test]
    fn a_turn_that_fails_takes_no_other_with_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let turns = Turns::new(runtime.handle(), 1, 9).unwrap();
        let (done, ended) = channel();
        assert!(turns.take(|| panic!("as a broken batch might")));
        assert!(turns.take(move || done.send(7).unwrap()));
        assert_eq!(ended.recv_timeout(Duration::from_mins(1)).unwrap(), 7);
    }

    /// Scenario: dropped while one is under way and others wait. Guarantee: the one ends first, the others are not begun.
    #[test]
    fn dropping_waits_for_what_is_under_way() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let turns = Turns::new(runtime.handle(), 1, 9).unwrap();
        let (begun, begins) = channel();
        let (done, ended) = channel();
        for number in 0..5 {
            let (begun, done) = (begun.clone(), done.clone());
            assert!(turns.take(move || {
                begun.send(()).unwrap();
                std::thread::sleep(Duration::from_millis(200));
                done.send(number).unwrap();
            }));
        }
        begins.recv().unwrap();
        drop((turns, done));
        assert_eq!(ended.try_iter().collect::<Vec<i32>>(), [0]);
    }
}
