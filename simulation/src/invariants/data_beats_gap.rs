//! A number that is held is not given up: a batch that an answer's replicas hold is in the answer, whatever gap names it.

use crate::oracle::{Violation, violated};
use event::Shard;
use replication::{Merged, Section};
use std::collections::BTreeSet;

/// A read that ended; `came` is what the replicas sent.
pub fn of(
    shard: Shard,
    came: &BTreeSet<Section>,
    floor: event::Bucket,
    answer: &Merged,
) -> Result<(), Violation> {
    for s in came.iter().filter(|s| !s.gap && s.bucket >= floor) {
        let shown = answer.batches.iter().any(|b| b.is_same(s));
        let hidden = answer
            .given_up
            .get(&s.source)
            .is_some_and(|g| g.contains(s.first.0));
        if !shown || hidden {
            return violated(
                "data_beats_gap",
                format!(
                    "shard {shard}: batch {} of {:?} is held and called given up",
                    s.first, s.source
                ),
            );
        }
    }
    Ok(())
}
