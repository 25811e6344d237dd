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

    /// Is every item accounted for: `sent = acked + rejected + refused + given up`, and of what is stored nothing is missing that was
    /// acknowledged, and nothing more than what had no answer? (Items given up are unknown, neither lost nor stored.)
    pub(crate) fn accounted(&self, stored: Option<u64>) -> bool {
        let all = self.acked + self.rejected + self.refused + self.given_up;
        let kept = stored.unwrap_or(self.acked);
        self.sent == all && (self.acked..=self.acked + self.given_up).contains(&kept)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: everything acknowledged; some given up; one of them stored; one acknowledged lost; one that nobody counted.
    /// Guarantee: what is given up may be stored or not, what is acknowledged must be, and every item has an end.
    #[test]
    fn every_item_has_an_end() {
        let mut counts = Counts {
            sent: 10,
            acked: 10,
            ..Counts::default()
        };
        assert!(counts.accounted(Some(10)) && !counts.accounted(Some(11)));
        (counts.acked, counts.given_up) = (8, 2);
        assert!(counts.accounted(Some(8)) && counts.accounted(Some(9)) && !counts.accounted(Some(7)));
        counts.sent = 11;
        assert!(!counts.accounted(Some(8)));
    }
}
