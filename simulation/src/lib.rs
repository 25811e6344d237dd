//! The cluster in one thread: collectors, agents and the coordinators' log over a modelled network, modelled disks and virtual time, all
//! from one seed (`docs/replication.md`, "The simulation"). The data plane is the production code of `crates/replication` and the
//! agent's own spool index; disks, store and network are models.
//!
//! Read [`World`] and `invariants` first.

pub mod agent;
pub mod chance;
pub mod collector;
pub mod coordinator;
pub mod faults;
pub mod invariants;
pub mod net;
pub mod oracle;
pub mod plant;
pub mod run;
pub mod store;
pub mod world;

pub use run::{Outcome, run};
pub use world::World;

/// Files of the agent that know what is in its spool: pure, compiled here as they are.
#[path = "../../agent/src/spool"]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the agent's shell uses the rest"
)]
mod spool {
    pub(crate) mod index;
    pub(crate) mod ledger;

    use event::Epoch;
    use wire::control::AckRange;

    /// What the acknowledgement of a part names.
    pub(crate) fn range_of(epoch: Epoch, part: &index::Part) -> AckRange {
        AckRange {
            epoch,
            shard: part.shard,
            first: part.first,
            last: part.last,
        }
    }
}
