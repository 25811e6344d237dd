//! Consensus: the only folder that names openraft. The rest sees a [`Group`] that orders batches of commands.
//!
//! `log_store` keeps votes and entries in `store::raft_log`, fsynced before openraft hears of it; `machine` feeds committed
//! entries to the pure `state::apply` and keeps snapshots; `network` carries Raft's calls between members; `election` says when a
//! member stands for leader, `candidate` makes it.

mod candidate;
mod election;
mod failure;
mod group;
mod identity;
mod log_store;
mod machine;
mod network;
mod seed;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use group::{Group, VOTERS_MAX};
pub(crate) use identity::Identity;
pub(crate) use seed::seed;

use crate::state::{Command, Outcome};

openraft::declare_raft_types!(
    /// One log entry holds a batch of commands, so that one fsync carries them all.
    pub(crate) TypeConfig:
        D = Vec<Command>,
        R = Vec<Outcome>,
        NodeId = u64,
        Node = openraft::BasicNode,
        SnapshotData = std::io::Cursor<Vec<u8>>,
);

type LogId = openraft::LogId<u64>;
type Entry = openraft::Entry<TypeConfig>;
type StorageError = openraft::StorageError<u64>;
type StoredMembership = openraft::StoredMembership<u64, openraft::BasicNode>;
type SnapshotMeta = openraft::SnapshotMeta<u64, openraft::BasicNode>;
type Snapshot = openraft::Snapshot<TypeConfig>;
