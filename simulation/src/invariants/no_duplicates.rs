//! A batch is on a disk once, however often it came, before and after sealing; and in an answer once.

use crate::oracle::{Violation, id, violated};
use crate::world::World;
use replication::Merged;
use std::collections::BTreeSet;

/// All disks.
pub fn on_disks(world: &World) -> Result<(), Violation> {
    match world.collectors.iter().position(|c| c.durable.store.twice > 0) {
        Some(machine) => violated("no_duplicates", format!("machine {machine} stored a batch twice")),
        None => Ok(()),
    }
}

/// A read that ended.
pub fn in_answer(answer: &Merged) -> Result<(), Violation> {
    let distinct: BTreeSet<_> = answer.batches.iter().map(id).collect();
    if distinct.len() != answer.batches.len() {
        return violated("no_duplicates", "an answer has a batch twice".to_owned());
    }
    if answer.conflicts > 0 {
        return violated(
            "no_duplicates",
            "replicas hold different events under one identity".to_owned(),
        );
    }
    Ok(())
}
