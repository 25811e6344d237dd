//! Epochs of the map only rise, on each disk and in the log; a member whose disk was lost never confirms a write again.

use crate::oracle::{Violation, violated};
use crate::world::World;
use placement::MemberId;
use replication::{Message, Verdict};

/// A machine's adopted map.
pub fn adopted(world: &World, machine: usize, before: u64) -> Result<(), Violation> {
    let now = world.collectors[machine].durable.map.epoch;
    if now < before {
        return violated(
            "epochs",
            format!("machine {machine} went from epoch {before} to {now}"),
        );
    }
    if now > world.coordinator.map.epoch {
        return violated(
            "epochs",
            format!("machine {machine} has epoch {now}, which nobody made"),
        );
    }
    Ok(())
}

/// A message of a member.
pub fn said(world: &World, from: MemberId, message: &Message) -> Result<(), Violation> {
    if let Message::Appended { verdicts, .. } = message
        && world.lost.contains(&from)
        && verdicts.iter().any(|(_, v)| *v == Verdict::Synced)
    {
        return violated(
            "epochs",
            format!("member {from}, whose disk was lost, confirms a write"),
        );
    }
    Ok(())
}
