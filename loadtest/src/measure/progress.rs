//! What became of the items (spans or events) so far. Threads add, the watcher reads.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Counts, shared by all threads of a load. `sent = acked + rejected + refused + given_up` when it has ended.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    sent: AtomicU64,
    acked: AtomicU64,
    rejected: AtomicU64,
    refused: AtomicU64,
    given_up: AtomicU64,
    requests: AtomicU64,
    throttled: AtomicU64,
    broken: AtomicU64,
    bytes: AtomicU64,
}

/// The same at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Items sent at least once.
    pub(crate) sent: u64,
    /// Items that the server said it has.
    pub(crate) acked: u64,
    /// Items refused in an otherwise good answer (OTLP's partial success).
    pub(crate) rejected: u64,
    /// Items refused for ever.
    pub(crate) refused: u64,
    /// Items that were tried again until the time for that was over.
    pub(crate) given_up: u64,
    /// Requests or frames that were acknowledged.
    pub(crate) requests: u64,
    /// Answers that said to come back later.
    pub(crate) throttled: u64,
    /// Attempts without an answer.
    pub(crate) broken: u64,
    /// Bytes of acknowledged requests or frames, without heads.
    pub(crate) bytes: u64,
}

fn add(to: &AtomicU64, n: u64) {
    to.fetch_add(n, Ordering::Relaxed);
}

impl Progress {
    /// Items are on their way for the first time.
    pub(crate) fn sent(&self, items: u64) {
        add(&self.sent, items);
    }
    /// A request was acknowledged; `rejected` of its items were not taken.
    pub(crate) fn acked(&self, items: u64, rejected: u64, bytes: u64) {
        let rejected = rejected.min(items);
        add(&self.acked, items - rejected);
        add(&self.rejected, rejected);
        add(&self.requests, 1);
        add(&self.bytes, bytes);
    }
    /// Items refused for ever.
    pub(crate) fn refused(&self, items: u64) {
        add(&self.refused, items);
    }
    /// Items given up.
    pub(crate) fn given_up(&self, items: u64) {
        add(&self.given_up, items);
    }
    /// Told to come back later.
    pub(crate) fn throttled(&self) {
        add(&self.throttled, 1);
    }
    /// No answer.
    pub(crate) fn broken(&self) {
        add(&self.broken, 1);
    }

    /// What another load did.
    pub(crate) fn add(&self, counts: &Counts) {
        add(&self.sent, counts.sent);
        add(&self.acked, counts.acked);
        add(&self.rejected, counts.rejected);
        add(&self.refused, counts.refused);
        add(&self.given_up, counts.given_up);
        add(&self.requests, counts.requests);
        add(&self.throttled, counts.throttled);
        add(&self.broken, counts.broken);
        add(&self.bytes, counts.bytes);
    }

    /// Now.
    pub(crate) fn counts(&self) -> Counts {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Counts {
            sent: get(&self.sent),
            acked: get(&self.acked),
            rejected: get(&self.rejected),
            refused: get(&self.refused),
            given_up: get(&self.given_up),
            requests: get(&self.requests),
            throttled: get(&self.throttled),
            broken: get(&self.broken),
            bytes: get(&self.bytes),
        }
    }
}

impl Counts {
    /// Was everything that was sent acknowledged?
    pub(crate) fn lossless(&self) -> bool {
        self.sent == self.acked
    }

    /// For a program.
    pub(crate) fn json(&self) -> Value {
        json!({
            "sent": self.sent, "acked": self.acked, "rejected": self.rejected, "refused": self.refused,
            "given_up": self.given_up, "requests": self.requests, "throttled": self.throttled, "broken": self.broken,
            "bytes": self.bytes,
        })
    }
}
