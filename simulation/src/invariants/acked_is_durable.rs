//! Acknowledged means: synced on W of the present holders, less those whose disk was lost and whose shards still move away (at most
//! one of a set). So whatever read quorum of whole disks answers, it has it.

use crate::oracle::{Violation, id, violated};
use crate::world::World;
use event::Bucket;
use placement::write_quorum;
use replication::Section;

/// One section that was acknowledged.
pub fn of(world: &World, section: &Section, floor: Bucket) -> Result<(), Violation> {
    if section.bucket < floor {
        return Ok(());
    }
    let Some(holders) = world.coordinator.map.holders(section.shard) else {
        return violated("acked_is_durable", format!("nobody holds {}", section.shard));
    };
    let (mut have, mut lost) = (0, 0);
    for member in &holders.now {
        let there = world.disk_of(*member).is_some_and(|store| {
            if section.gap {
                store.is_done(section)
            } else {
                store.holds(section)
            }
        });
        have += usize::from(there);
        lost += usize::from(!there && world.lost.contains(member));
    }
    let quorum = write_quorum(holders.now.len());
    if have + lost.min(1) < quorum {
        let kind = if section.gap { "gap" } else { "batch" };
        return violated(
            "acked_is_durable",
            format!(
                "acknowledged {kind} {:?} is on {have} of {:?}, {lost} lost, {quorum} needed",
                id(section),
                holders.now
            ),
        );
    }
    Ok(())
}

/// All.
pub fn sweep(world: &World) -> Result<(), Violation> {
    let floor = world.policy_floor();
    for (_, section) in world.oracle.acked.values() {
        of(world, section, floor)?;
    }
    // A gap is needed only while nothing is held under its number.
    for (id, gap) in &world.oracle.acked_gaps {
        // Where it was and is expired, the number counts as done.
        let expired = world.oracle.emitted.get(id).is_some_and(|s| s.bucket < floor);
        if !expired && !world.oracle.acked.contains_key(id) && !world.is_held_somewhere(gap) {
            of(world, gap, floor)?;
        }
    }
    Ok(())
}
