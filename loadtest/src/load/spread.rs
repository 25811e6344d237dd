//! The parts of batches that are spread over connections and time: each part goes over the next connection, one second
//! after the one before, so that a trace arrives over three connections in a little more than two seconds.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::sent::Batch;

/// Between two parts of a trace.
pub(crate) const PART_DELAY: Duration = Duration::from_millis(1_010);

/// A part that is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// When.
    pub(crate) due: Instant,
    /// Of what.
    pub(crate) batch: Batch,
    /// Which.
    pub(crate) part: usize,
}

/// Parts that wait, a queue for each connection. Bounded by what the load makes in two seconds.
#[derive(Debug)]
pub(crate) struct Spread {
    queues: Vec<Mutex<VecDeque<Waiting>>>,
    waiting: AtomicUsize,
}

impl Spread {
    /// For so many connections.
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            queues: (0..connections).map(|_| Mutex::default()).collect(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Puts a part behind the connection that follows `connection`.
    pub(crate) fn after(&self, connection: usize, part: Waiting) {
        let next = (connection + 1) % self.queues.len().max(1);
        if let Some(queue) = self.queues.get(next) {
            self.waiting.fetch_add(1, Ordering::AcqRel);
            queue.lock().push_back(part);
        }
    }

    /// A part that this connection has to send now; `done` must follow.
    pub(crate) fn due(&self, connection: usize, now: Instant) -> Option<Waiting> {
        let mut queue = self.queues.get(connection)?.lock();
        if queue.front()?.due > now {
            return None;
        }
        queue.pop_front()
    }

    /// A part that [`Spread::due`] gave out was answered, and what follows it was put in.
    pub(crate) fn done(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    /// Is nothing waiting any more?
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }
}
