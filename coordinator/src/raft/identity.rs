//! Who a data folder is in its group.

use serde::{Deserialize, Serialize};
use store::raft_log::{RaftLog, Slot};

use crate::codec::{decode, encode};
use crate::error::StartError;
use crate::state::{Incarnation, MemberId, hex};

/// Who this data folder is: made once, never reused, gone with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The Raft node id.
    pub(crate) raft: u64,
    /// The member's incarnation.
    #[serde(with = "hex")]
    pub(crate) incarnation: Incarnation,
    /// The member's id, once the cluster gave it one.
    #[serde(default)]
    pub(crate) member: Option<MemberId>,
}

impl Identity {
    /// Reads it, or makes it in a folder that has no log yet.
    pub(crate) fn load_or_make(log: &RaftLog) -> Result<Self, StartError> {
        if let Some(bytes) = log.get(Slot::Identity)? {
            return decode("identity", &bytes).map_err(|e| StartError::Stored(e.to_string()));
        }
        if log.bounds().is_some() || log.get(Slot::Vote)?.is_some() || log.snapshot()?.is_some() {
            let lost = "the log has entries and no identity; it must not be given another one: restore it from a backup";
            return Err(StartError::Stored(lost.to_owned()));
        }
        let identity = Self::new();
        identity.save(log)?;
        Ok(identity)
    }

    /// A new one, of no member yet.
    pub(crate) fn new() -> Self {
        Self {
            raft: rand::random::<u64>().max(1),
            incarnation: Incarnation(rand::random()),
            member: None,
        }
    }

    /// Remembers the id that the cluster gave.
    pub(crate) fn is_member(&mut self, log: &RaftLog, member: MemberId) -> Result<(), StartError> {
        if self.member != Some(member) {
            self.member = Some(member);
            self.save(log)?;
        }
        Ok(())
    }

    pub(super) fn save(&self, log: &RaftLog) -> Result<(), StartError> {
        let bytes = encode("identity", self).map_err(|e| StartError::Stored(e.to_string()))?;
        Ok(log.put(Slot::Identity, &bytes)?)
    }
}
