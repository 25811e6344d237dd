//! Which format the members could write, and raising the one in force (`docs/cluster.md`, "Formats").
//!
//! What members can write is asked of them when it is needed, never taken from what they said once: a member may have been started with an
//! older release since. Members of releases without formats answer that there is no such call, and count as [`Format::FIRST`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::error::ProposeError;
use crate::participant::{Participant, audited, decoded};
use crate::peers::Kind;
use crate::state::{Command, Format, MemberId, Outcome, RaftId};

/// How long a member may take to say what it can.
const WITHIN: Duration = Duration::from_secs(5);

/// What the cluster writes, and what it could.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Formats {
    /// What all members write.
    pub in_force: Format,
    /// What the member that was asked could.
    pub newest: Format,
    /// What each member that is not removed could, by id.
    pub members: Vec<Able>,
}

/// What a member could write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Able {
    /// Its id.
    pub id: MemberId,
    /// For people.
    pub name: String,
    /// The latest format that it reads and writes; none if it did not say.
    pub newest: Option<Format>,
}

impl Participant {
    /// Asks all members.
    pub(crate) async fn formats(self: &Arc<Self>) -> Formats {
        let state = Arc::clone(&self.state.borrow());
        let mut asked = JoinSet::new();
        for (id, member) in state.members.iter().filter(|(_, m)| !m.removed) {
            let (this, id, name, raft) = (Arc::clone(self), *id, member.name.clone(), member.raft);
            asked.spawn(async move {
                let newest = this.newest_of(raft).await;
                Able { id, name, newest }
            });
        }
        let mut members = asked.join_all().await;
        members.sort_by_key(|able| able.id);
        Formats {
            in_force: state.format,
            newest: self.newest,
            members,
        }
    }

    async fn newest_of(&self, raft: RaftId) -> Option<Format> {
        if raft.0 == self.identity.raft {
            return Some(self.newest);
        }
        match self.ask_within(raft.0, Kind::Formats, Bytes::new(), WITHIN).await {
            Ok(answer) => decoded(&answer).ok(),
            // It answers, and knows of no formats.
            Err(ProposeError::Members(_)) => Some(Format::FIRST),
            Err(_) => None,
        }
    }

    /// Raises the format in force to this program's latest, if every member can write that.
    pub(crate) async fn finalize(self: &Arc<Self>, who: &str) -> Result<Format, ProposeError> {
        self.catch_up().await?;
        let formats = self.formats().await;
        let (newest, in_force) = (formats.newest, formats.in_force);
        if in_force >= newest {
            return Ok(in_force);
        }
        let cannot = formats.members.iter().filter(|able| able.newest < Some(newest));
        let cannot: Vec<String> = cannot
            .map(|able| match able.newest {
                Some(can) => format!("member {} ({}) writes only up to {can}", able.id, able.name),
                None => format!("member {} ({}) does not answer", able.id, able.name),
            })
            .collect();
        if !cannot.is_empty() {
            return Err(ProposeError::Members(format!(
                "format {newest} cannot be put in force, {in_force} stays: {}. Start those with this release, or remove them for good",
                cannot.join(", ")
            )));
        }
        let command = Command::Finalize { format: newest };
        let outcomes = self.write(vec![audited(who.to_owned(), command)]).await?;
        match outcomes.into_iter().next() {
            Some(Outcome::Refused(refusal)) => Err(ProposeError::Members(refusal.to_string())),
            _ => Ok(newest),
        }
    }

    /// A registration as all members know it: older ones would drop a field that they do not know, and their states would differ.
    pub(crate) fn as_known(&self, mut command: Command) -> Command {
        if let Command::RegisterMember { newest, .. } = &mut command
            && self.state.borrow().format < Format::SECOND
        {
            *newest = Format::FIRST;
        }
        command
    }
}
