//! Whatever is stored was emitted, with these events; and an identity never names two contents.

use crate::oracle::{Violation, id, violated};
use crate::world::World;
use event::Shard;
use replication::Section;

/// A batch that reached an agent's disk.
pub fn emitted(world: &World, section: &Section) -> Result<(), Violation> {
    match world.oracle.emitted.get(&id(section)) {
        Some(before) if before.content != section.content => {
            violated("no_phantoms", format!("{:?} names two contents", id(section)))
        }
        _ => Ok(()),
    }
}

/// All disks.
pub fn stored(world: &World) -> Result<(), Violation> {
    for collector in &world.collectors {
        for shard in (0..world.shards).map(Shard) {
            for section in collector.durable.store.all(shard).iter().filter(|s| !s.gap) {
                if world.oracle.emitted.get(&id(section)) != Some(section) {
                    return violated(
                        "no_phantoms",
                        format!("{:?} is stored and was never made so", id(section)),
                    );
                }
            }
        }
    }
    Ok(())
}
