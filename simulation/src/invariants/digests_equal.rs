//! After healing all holders of a shard have equal digests for every bucket, and equal sets: equal digests must mean equal sets.

use crate::oracle::{Violation, violated};
use crate::world::World;
use event::{Bucket, Shard};
use replication::{Held, Section};
use std::collections::{BTreeMap, BTreeSet};

/// By bucket.
type Digests = BTreeMap<Bucket, u128>;

/// All shards. An error names the first difference.
pub fn of(world: &World) -> Result<(), Violation> {
    let floor = world.policy_floor();
    for (shard, holders) in (0u16..).map(Shard).zip(&world.coordinator.map.shards) {
        let mut first: Option<(Digests, BTreeSet<Section>)> = None;
        for member in &holders.now {
            let Some(store) = world.disk_of(*member) else {
                return violated(
                    "digests_equal",
                    format!("holder {member} of shard {shard} has no disk"),
                );
            };
            let digests: Digests = store
                .buckets(shard)
                .into_iter()
                .filter(|(b, _)| *b >= floor)
                .collect();
            let batches = store
                .all(shard)
                .into_iter()
                .filter(|s| !s.gap && s.bucket >= floor)
                .collect();
            match &first {
                None => first = Some((digests, batches)),
                Some((d, _)) if *d != digests => {
                    return violated(
                        "digests_equal",
                        format!("shard {shard} differs on {member} and {}", holders.now[0]),
                    );
                }
                Some((_, b)) if *b != batches => {
                    let seen = format!(
                        "shard {shard}: digests are equal on {member} and {}, batches are not",
                        holders.now[0]
                    );
                    return violated("digests_equal", seen);
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}
