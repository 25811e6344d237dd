//! Emitted = acknowledged + spooled + in flight + given up, exactly: the agent's own books, always; and in the end by the batch.

use crate::oracle::{Violation, violated};
use crate::world::World;

/// The books of all agents.
pub fn books(world: &World) -> Result<(), Violation> {
    match world.agents.iter().position(|a| a.up && !a.is_balanced()) {
        Some(agent) => violated(
            "conservation",
            format!("the books of agent {agent} are not balanced"),
        ),
        None => Ok(()),
    }
}

/// After healing, all spools empty: each batch was acknowledged, or its gap was.
pub fn in_the_end(world: &World) -> Result<(), Violation> {
    for id in world.oracle.emitted.keys() {
        let acked = world.oracle.acked.contains_key(id);
        let gap = world.oracle.acked_gaps.contains_key(id);
        if !acked && !gap {
            return violated(
                "conservation",
                format!("{id:?} is neither acknowledged nor given up"),
            );
        }
    }
    Ok(())
}
