//! The log of a group of one that begins with a state: how a snapshot is restored.

use std::collections::{BTreeMap, BTreeSet};

use openraft::{BasicNode, CommittedLeaderId, Membership, Vote};
use store::raft_log::{RaftLog, Slot};

use super::{Identity, LogId, SnapshotMeta, StoredMembership};
use crate::codec::encode;
use crate::error::StartError;
use crate::state::State;

/// Term and index that the state is said to be of.
const FIRST: u64 = 1;

/// Writes vote, snapshot and, last, the identity: without it the folder is refused.
pub(crate) fn seed(log: &RaftLog, identity: &Identity, state: &State) -> Result<(), StartError> {
    let stored = |e: crate::codec::CodecError| StartError::Stored(e.to_string());
    let last = LogId::new(CommittedLeaderId::new(FIRST, identity.raft), FIRST);
    let alone = BTreeSet::from([identity.raft]);
    let nodes = BTreeMap::from([(identity.raft, BasicNode::default())]);
    let meta = SnapshotMeta {
        last_log_id: Some(last),
        last_membership: StoredMembership::new(Some(last), Membership::new(vec![alone], nodes)),
        snapshot_id: "restored".to_owned(),
    };
    log.put(
        Slot::Vote,
        &encode("vote", &Vote::new(FIRST, identity.raft)).map_err(stored)?,
    )?;
    log.put_snapshot(
        &encode("snapshot description", &meta).map_err(stored)?,
        &encode("snapshot", state).map_err(stored)?,
    )?;
    identity.save(log)
}
