//! A batch leaves its spool only when it was acknowledged, or when the gap that names it was.

use crate::agent::Freed;
use crate::oracle::{Violation, id, violated};
use crate::world::World;

/// What an agent deleted.
pub fn of(world: &World, freed: &Freed) -> Result<(), Violation> {
    for section in &freed.sections {
        let id = id(section);
        // The acknowledgement of the batch itself, late, closes its gap too: data beats gap.
        let acked = world.oracle.acked.contains_key(&id);
        let done = acked
            || if section.gap {
                world.oracle.acked_gaps.contains_key(&id)
            } else {
                world.oracle.given_up.contains_key(&id)
            };
        if !done {
            return violated(
                "spool_freed",
                format!("{id:?} left the spool and was not acknowledged"),
            );
        }
    }
    Ok(())
}
