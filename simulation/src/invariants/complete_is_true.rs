//! An answer that says `complete` has every batch that was acknowledged before the read began and is not expired.

use crate::oracle::{Violation, id, violated};
use crate::world::World;
use event::Shard;
use replication::Merged;
use std::collections::BTreeSet;

/// A read that ended.
pub fn of(world: &World, shard: Shard, started: u64, answer: &Merged) -> Result<(), Violation> {
    if !answer.complete {
        return Ok(());
    }
    let floor = world.policy_floor();
    let found: BTreeSet<_> = answer.batches.iter().map(id).collect();
    for (id, (acked, section)) in &world.oracle.acked {
        if id.0 == shard && *acked <= started && section.bucket >= floor && !found.contains(id) {
            return violated(
                "complete_is_true",
                format!(
                    "a complete answer misses {id:?}, acknowledged before it was asked for; not counted: {:?}",
                    answer.missing
                ),
            );
        }
    }
    Ok(())
}
