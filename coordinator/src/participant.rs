//! A member in its group: writes and reads through the leader, whoever that is, and answers the calls of the others.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::blobs::Blobs;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::codec::{decode, encode};
use crate::error::ProposeError;
use crate::founding::Standing;
use crate::peers::{Answer, Call, Kind, PeerError, Peers};
use crate::raft::{Group, Identity};
use crate::state::{Command, Format, Incarnation, MemberId, Outcome, Refusal, Role, State, apply};

/// How long a write looks for a leader that takes it.
const LEADER_WITHIN: Duration = Duration::from_secs(30);
/// A call that the leader must have committed before it answers.
const CALL_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks for a leader.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Asks to be taken into the group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Admit {
    pub(crate) raft: u64,
    pub(crate) addr: String,
    /// A member hands this on for another; who gets it hands it on no further.
    pub(crate) forwarded: bool,
}

/// Asks to take a member out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Remove {
    pub(crate) member: MemberId,
    pub(crate) forwarded: bool,
    /// See [`Command::RemoveMember`].
    #[serde(default)]
    pub(crate) lost: bool,
    #[serde(default)]
    pub(crate) accept_loss: bool,
    /// Who asked for it, for the audit log.
    #[serde(default)]
    pub(crate) who: String,
}

/// What a member learns when it is registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Joined {
    #[serde(with = "crate::state::hex")]
    pub(crate) cluster: Incarnation,
    pub(crate) member: MemberId,
}

/// A member in its group.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) group: Group,
    pub(crate) peers: Arc<Peers>,
    pub(crate) state: watch::Receiver<Arc<State>>,
    pub(crate) identity: Identity,
    pub(crate) blobs: Blobs,
    /// The cluster that it joined, before it has that from the log.
    pub(crate) joined: OnceLock<Incarnation>,
    /// The latest format that this program reads and writes.
    pub(crate) newest: Format,
}

impl Participant {
    /// Writes commands in one entry, through the leader; returns once they are applied here too.
    pub(crate) async fn write(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, ProposeError> {
        let until = Instant::now() + LEADER_WITHIN;
        let mut body = None;
        loop {
            let failed = match self.group.write(commands.clone()).await {
                Ok((_, outcomes)) => return Ok(outcomes),
                Err(ProposeError::NotLeader { leader }) => {
                    let body = match &mut body {
                        Some(body) => body,
                        empty => empty.insert(encoded(&commands)?),
                    };
                    match self.ask(leader, Kind::Propose, body.clone()).await {
                        Ok(answer) => {
                            let (index, outcomes): (u64, Vec<Outcome>) = decoded(&answer)?;
                            self.group.applied(index).await?;
                            return Ok(outcomes);
                        }
                        Err(error) => error,
                    }
                }
                Err(error) => return Err(error),
            };
            if !matches!(failed, ProposeError::NotLeader { .. }) || Instant::now() >= until {
                return Err(failed);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Returns once everything that was committed before this call is applied here.
    pub(crate) async fn catch_up(&self) -> Result<(), ProposeError> {
        match self.group.linearizable().await {
            Ok(_) => Ok(()),
            Err(ProposeError::NotLeader { leader }) => {
                let answer = self.ask(leader, Kind::Read, Bytes::new()).await?;
                self.group.applied(decoded(&answer)?).await
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a member out of the group and out of the cluster, through the leader.
    pub(crate) async fn remove(&self, remove: Remove) -> Result<(), ProposeError> {
        let command = Command::RemoveMember {
            member: remove.member,
            lost: remove.lost,
            accept_loss: remove.accept_loss,
        };
        let refused = |refusal: Refusal| Err(ProposeError::Members(refusal.to_string()));
        let state = Arc::clone(&self.state.borrow());
        let Some(member) = state.members.get(&remove.member) else {
            return refused(Refusal::UnknownMember(remove.member));
        };
        // Whether it would be refused, before the group changes.
        if let Outcome::Refused(refusal) = apply(&mut State::clone(&state), command.clone()) {
            return refused(refusal);
        }
        let raft = member.raft.0;
        let itself = raft == self.identity.raft;
        if itself && self.group.status().is_leader && !remove.forwarded {
            let other = "this member leads the group: ask another one to take it out (--url)";
            return Err(ProposeError::Members(other.to_owned()));
        }
        self.take_out(raft, &remove).await?;
        // A member that took itself out cannot write any more: who asked it does, and if it was written already that changes nothing.
        if itself {
            return Ok(());
        }
        let outcomes = self.write(vec![audited(remove.who, command)]).await?;
        match outcomes.into_iter().next() {
            Some(Outcome::Refused(refusal)) => refused(refusal),
            _ => Ok(()),
        }
    }

    /// Takes a member out of the group, as the leader or through it. A leader that takes itself out may not be able to say so.
    async fn take_out(&self, raft: u64, remove: &Remove) -> Result<(), ProposeError> {
        let until = Instant::now() + LEADER_WITHIN;
        loop {
            let failed = match self.group.remove(raft).await {
                Err(ProposeError::NotLeader { leader }) if !remove.forwarded => {
                    let remove = Remove {
                        forwarded: true,
                        ..remove.clone()
                    };
                    match self.ask(leader, Kind::Remove, encoded(&remove)?).await {
                        Ok(_) => return Ok(()),
                        Err(error) => error,
                    }
                }
                done => return done,
            };
            let status = self.group.status();
            if !status.voters.contains(&raft) && !status.learners.contains(&raft) {
                return Ok(());
            }
            if !matches!(failed, ProposeError::NotLeader { .. }) || Instant::now() >= until {
                return Err(failed);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn admit(&self, admit: Admit) -> Result<(), ProposeError> {
        let state = Arc::clone(&self.state.borrow());
        let votes = state
            .by_raft(admit.raft)
            .is_some_and(|(_, m)| m.roles.contains(&Role::Coordinator));
        match self.group.admit(admit.raft, admit.addr.clone(), votes).await {
            Err(ProposeError::NotLeader { leader }) if !admit.forwarded => {
                let admit = Admit {
                    forwarded: true,
                    ..admit
                };
                self.ask(leader, Kind::Admit, encoded(&admit)?).await.map(|_| ())
            }
            done => done,
        }
    }

    /// Calls the leader. `NotLeader` if there is none, or it is none any more, or cannot be reached.
    async fn ask(&self, leader: Option<u64>, kind: Kind, body: Bytes) -> Result<Bytes, ProposeError> {
        let gone = ProposeError::NotLeader { leader: None };
        let leader = leader
            .filter(|id| *id != self.identity.raft)
            .ok_or_else(|| gone.clone())?;
        match self.ask_within(leader, kind, body, CALL_WITHIN).await {
            Err(ProposeError::Unknown { .. }) => Err(gone),
            answer => answer,
        }
    }

    /// Calls a member by its Raft id. `Unknown` if it cannot be reached, or cannot now.
    pub(crate) async fn ask_within(
        &self,
        raft: u64,
        kind: Kind,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, ProposeError> {
        let unknown = ProposeError::Unknown {
            seconds: within.as_secs(),
        };
        let addr = self.state.borrow().quic_address(raft).map(str::to_owned);
        let addr = addr.ok_or_else(|| unknown.clone())?;
        let call = self.call(kind, body);
        match self.peers.call(&addr, &call, within).await {
            Ok(answer) => Ok(answer),
            Err(PeerError::Refused { reason, .. }) => Err(ProposeError::Members(reason)),
            Err(error) => {
                tracing::debug!(%error, "a member did not answer");
                Err(unknown)
            }
        }
    }

    /// Does a member answer at all? An older release refuses the call, and lives.
    pub(crate) async fn gives_sign(&self, raft: u64, within: Duration) -> bool {
        let sign = self.ask_within(raft, Kind::Formats, Bytes::new(), within).await;
        matches!(sign, Ok(_) | Err(ProposeError::Members(_)))
    }

    /// Which of the other members answer this one now, all asked at once.
    pub(crate) async fn who_answers(self: &Arc<Self>, within: Duration) -> BTreeMap<MemberId, bool> {
        let state = Arc::clone(&self.state.borrow());
        let others = state
            .members
            .iter()
            .filter(|(_, m)| !m.removed && m.raft.0 != self.identity.raft);
        let mut asked = JoinSet::new();
        for (id, raft) in others.map(|(id, m)| (*id, m.raft.0)) {
            let this = Arc::clone(self);
            asked.spawn(async move { (id, this.gives_sign(raft, within).await) });
        }
        asked.join_all().await.into_iter().collect()
    }

    /// A call in this member's name.
    pub(crate) fn call(&self, kind: Kind, body: Bytes) -> Call {
        Call {
            kind,
            cluster: self.cluster().unwrap_or_default(),
            from: self.identity.raft,
            body,
        }
    }

    fn cluster(&self) -> Option<Incarnation> {
        let stored = self.state.borrow().cluster.as_ref().map(|c| c.id);
        stored.or_else(|| self.joined.get().copied())
    }

    /// Why a caller is not answered.
    fn turned_away(&self, call: &Call) -> Option<Answer> {
        let Some(own) = self.cluster() else {
            return Some(Answer::Unavailable("this member is in no cluster yet".to_owned()));
        };
        let new = matches!(call.kind, Kind::Join | Kind::Standing) && call.cluster == Incarnation::default();
        if call.cluster != own && !new {
            let why = format!("this is cluster {own}, the caller is of {}", call.cluster);
            return Some(Answer::Refused(why));
        }
        let state = self.state.borrow();
        let removed = state.by_raft(call.from).filter(|(_, m)| m.removed);
        removed.map(|(id, _)| Answer::Refused(Refusal::Removed(id).to_string()))
    }

    /// Why nobody can join: a member listens everywhere and did not say where it is reached.
    fn cannot_be_reached(&self) -> Option<String> {
        let state = self.state.borrow();
        let mut members = state.members.iter().filter(|(_, m)| !m.removed);
        members.find_map(|(id, m)| {
            let address: SocketAddr = m.quic_address()?.parse().ok()?;
            let name = &m.name;
            address.ip().is_unspecified().then(|| {
                format!("member {id} ({name}) says nobody where it is reached: start it again with --advertise HOST:PORT")
            })
        })
    }

    async fn register(&self, command: Command) -> Answer {
        let Command::RegisterMember { newest, .. } = &command else {
            return Answer::Refused("this registers no member".to_owned());
        };
        let (newest, in_force) = (*newest, self.state.borrow().format);
        if newest < in_force {
            return Answer::Refused(Refusal::TooOld { newest, in_force }.to_string());
        }
        let Some(cluster) = self.cluster() else {
            return Answer::Unavailable("this member is in no cluster yet".to_owned());
        };
        if let Some(why) = self.cannot_be_reached() {
            return Answer::Refused(why);
        }
        match self
            .write(vec![in_own_name(self.as_known(command))])
            .await
            .map(|o| o.into_iter().next())
        {
            Ok(Some(Outcome::Member(member))) => done(&Joined { cluster, member }),
            Ok(Some(Outcome::Refused(refusal))) => Answer::Refused(refusal.to_string()),
            Ok(other) => Answer::Unavailable(format!("registering gave {other:?}")),
            Err(error) => not_done(&error),
        }
    }
}

impl Participant {
    /// Answers a call of another member.
    pub(crate) async fn answer(&self, call: Call) -> Answer {
        if let Some(why) = self.turned_away(&call) {
            return why;
        }
        match call.kind {
            Kind::Raft => self.group.answer(call.body).await,
            Kind::Propose => match decoded(&call.body) {
                Ok(commands) => answered(self.group.write(commands).await),
                Err(error) => not_done(&error),
            },
            Kind::Read => answered(self.group.linearizable().await),
            Kind::Join => match decoded(&call.body) {
                Ok(command) => self.register(command).await,
                Err(error) => not_done(&error),
            },
            Kind::Admit => match decoded(&call.body) {
                Ok(admit) => answered(self.admit(admit).await),
                Err(error) => not_done(&error),
            },
            Kind::Formats => done(&self.newest),
            Kind::Standing => done(&Standing::Member),
            Kind::Lack | Kind::Keep | Kind::Fetch => self.answer_blobs(call.kind, call.body).await,
            Kind::Remove => match decoded(&call.body) {
                Ok(remove) => answered(self.remove(remove).await),
                Err(error) => not_done(&error),
            },
        }
    }
}

/// Milliseconds of Unix time.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |t| t.as_millis() as u64)
}

/// A change for the audit log, now.
pub(crate) fn audited(who: String, command: Command) -> Command {
    Command::Audited {
        who,
        at_unix_ms: unix_ms(),
        command: Box::new(command),
        once: 0,
    }
}

/// The registration of a member, asked for by itself.
pub(crate) fn in_own_name(command: Command) -> Command {
    match &command {
        Command::RegisterMember { name, .. } => audited(format!("member {name}"), command),
        _ => command,
    }
}

/// A value as the body of a call.
pub(crate) fn encoded<T: Serialize>(value: &T) -> Result<Bytes, ProposeError> {
    let bytes = encode("call", value).map_err(|e| ProposeError::Members(e.to_string()))?;
    Ok(bytes.into())
}

/// The value in the body of a call or an answer.
pub(crate) fn decoded<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, ProposeError> {
    decode("call", bytes).map_err(|e| ProposeError::Members(e.to_string()))
}

fn answered<T: Serialize>(result: Result<T, ProposeError>) -> Answer {
    match result {
        Ok(value) => done(&value),
        Err(error) => not_done(&error),
    }
}

fn done<T: Serialize>(value: &T) -> Answer {
    match encode("answer", value) {
        Ok(bytes) => Answer::Done(bytes.into()),
        Err(error) => Answer::Unavailable(error.to_string()),
    }
}

fn not_done(error: &ProposeError) -> Answer {
    match error {
        ProposeError::Members(why) => Answer::Refused(why.clone()),
        ProposeError::TooLarge { .. } => Answer::Refused(error.to_string()),
        _ => Answer::Unavailable(error.to_string()),
    }
}
