//! What the store remembers of the last copy of a bucket (`docs/keyspace.md`, family `exports`).

use serde::{Deserialize, Serialize};
use store::BucketMark;

/// The last copy of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copied {
    /// Where to.
    pub(super) target: String,
    /// Which.
    pub(super) generation: u32,
    /// What the bucket held: spans, events, log records.
    mark: (u64, u64, u64),
}

impl Copied {
    pub(super) fn new(target: &str, generation: u32, mark: BucketMark) -> Self {
        Self {
            target: target.to_owned(),
            generation,
            mark: parts(mark),
        }
    }

    /// Is this what the bucket holds?
    pub(super) fn is_of(&self, mark: BucketMark) -> bool {
        self.mark == parts(mark)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// None of what cannot be read: the bucket is exported again, under the same names.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

fn parts(mark: BucketMark) -> (u64, u64, u64) {
    (mark.spans, mark.events, mark.logs)
}
