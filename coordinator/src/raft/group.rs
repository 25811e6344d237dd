//! One consensus group, in this system's own words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{ChangeMembershipError, CheckIsLeaderError, ClientWriteError, Fatal, RaftError};
use openraft::{BasicNode, ChangeMembers, Config, Raft, SnapshotPolicy};
use store::raft_log::RaftLog;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::TypeConfig;
use super::candidate::{Candidate, Heard};
use super::election::LEASE;
use super::identity::Identity;
use super::log_store::LogStore;
use super::machine::Machine;
use super::network::{Network, SNAPSHOT_WITHIN};
use crate::error::{ProposeError, StartError};
use crate::metrics::Metrics;
use crate::peers::{Answer, Peers};
use crate::state::{Command, Format, Outcome, State};

/// A snapshot is made after so many entries; `batch` asks for one earlier when they were large.
const SNAPSHOT_ENTRIES: u64 = 2_000;
/// Entries kept behind a snapshot, for members that are a little late.
const KEEP_ENTRIES: u64 = 200;
const PURGE_BATCH: u64 = 64;
const HEARTBEAT_MS: u64 = 75;
/// Most members that vote; who joins later follows.
pub(crate) const VOTERS_MAX: usize = 5;
const LEADER_WAIT_SECONDS: u64 = 10;
/// How long a member waits to have applied what the leader says is committed.
const CATCH_UP: Duration = Duration::from_secs(10);
/// How long a change of the group waits for another one, and between two tries.
const CHANGE_WITHIN: Duration = Duration::from_secs(20);
const CHANGE_AGAIN: Duration = Duration::from_millis(50);
/// Bytes of a snapshot that are sent at a time.
const SNAPSHOT_CHUNK_BYTES: u64 = 4 << 20;

/// A running group.
#[derive(Clone)]
pub(crate) struct Group {
    pub(super) raft: Raft<TypeConfig>,
    pub(super) id: u64,
    candidate: Candidate,
    /// Ends when the last of the group's handles is gone.
    _elections: Arc<JoinSet<()>>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group")
            .field("id", &self.id)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Group {
    /// Starts to take part on an open log: a member of the group that the log knows, or of none yet. The second value follows
    /// the state.
    pub(crate) async fn start(
        log: RaftLog,
        identity: Identity,
        peers: Arc<Peers>,
        metrics: Metrics,
        newest: Format,
    ) -> Result<(Self, watch::Receiver<Arc<State>>), StartError> {
        let lease = LEASE.as_millis() as u64;
        let config = Config {
            cluster_name: "elixirscope".to_owned(),
            heartbeat_interval: HEARTBEAT_MS,
            // When to stand is decided by `election`; openraft takes the lease and how long a vote may take from these.
            enable_elect: false,
            election_timeout_min: lease - 1,
            election_timeout_max: lease,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(SNAPSHOT_ENTRIES),
            snapshot_max_chunk_size: SNAPSHOT_CHUNK_BYTES,
            install_snapshot_timeout: SNAPSHOT_WITHIN.as_millis() as u64,
            max_in_snapshot_log_to_keep: KEEP_ENTRIES,
            purge_batch_size: PURGE_BATCH,
            ..Config::default()
        };
        let config = config
            .validate()
            .map_err(|e| StartError::Consensus(e.to_string()))?;
        let opened = log.clone();
        let (machine, state) = tokio::task::spawn_blocking(move || Machine::open(opened, metrics, newest))
            .await
            .map_err(|e| StartError::Consensus(e.to_string()))?
            .map_err(StartError::Stored)?;
        let network = Network {
            peers: Arc::clone(&peers),
            own: identity.raft,
            state: state.clone(),
        };
        let (id, log) = (identity.raft, LogStore::new(log));
        let raft = Raft::new(id, Arc::new(config), network.clone(), log.clone(), machine)
            .await
            .map_err(|e| StartError::Consensus(e.to_string()))?;
        let candidate = Candidate {
            raft: raft.clone(),
            log,
            network,
            heard: Heard::new(),
        };
        let mut elections = JoinSet::new();
        elections.spawn(candidate.clone().stand());
        let group = Self {
            raft,
            id,
            candidate,
            _elections: Arc::new(elections),
        };
        Ok((group, state))
    }

    /// Is there a group that this member belongs to, or belonged to?
    pub(crate) async fn is_initialized(&self) -> Result<bool, StartError> {
        let known = self.raft.is_initialized().await;
        known.map_err(|e| StartError::Consensus(e.to_string()))
    }

    /// Makes a group of this member alone, which others call at `addr`.
    pub(crate) async fn found(&self, addr: String) -> Result<(), StartError> {
        let alone = BTreeMap::from([(self.id, BasicNode { addr })]);
        let founded = self.raft.initialize(alone).await;
        founded.map_err(|e| StartError::Consensus(e.to_string()))
    }

    /// Can this member agree on nothing by itself, because others vote?
    pub(crate) fn needs_others(&self) -> bool {
        self.status().voters.iter().any(|id| *id != self.id)
    }

    /// Returns once there is a leader and, if it is this member, everything committed is applied.
    pub(crate) async fn await_leader(&self) -> Result<(), StartError> {
        let led = self.raft.wait(Some(Duration::from_secs(LEADER_WAIT_SECONDS)));
        let led = led.metrics(|m| m.current_leader.is_some(), "a leader").await;
        let no_leader = |status: String| StartError::NoLeader {
            seconds: LEADER_WAIT_SECONDS,
            status,
        };
        led.map_err(|e| no_leader(e.to_string()))?;
        if self.status().is_leader {
            self.linearizable().await.map_err(|e| no_leader(e.to_string()))?;
        }
        Ok(())
    }

    /// As the leader, writes one entry of commands; returns its index and outcomes when it is committed and applied.
    pub(crate) async fn write(&self, commands: Vec<Command>) -> Result<(u64, Vec<Outcome>), ProposeError> {
        match self.raft.client_write(commands).await {
            Ok(written) => Ok((written.log_id.index, written.data)),
            Err(error) => Err(of_write(error)),
        }
    }

    /// As the leader, gives the index up to which everything was committed before this call; it is applied here.
    pub(crate) async fn linearizable(&self) -> Result<u64, ProposeError> {
        match self.raft.ensure_linearizable().await {
            Ok(read) => Ok(read.map_or(0, |id| id.index)),
            Err(RaftError::APIError(CheckIsLeaderError::ForwardToLeader(to))) => {
                Err(ProposeError::NotLeader { leader: to.leader_id })
            }
            Err(RaftError::APIError(CheckIsLeaderError::QuorumNotEnough(_))) => {
                Err(ProposeError::NotLeader { leader: None })
            }
            Err(RaftError::Fatal(fatal)) => Err(stopped(&fatal)),
        }
    }

    /// Waits until this member has applied the log up to `index`.
    pub(crate) async fn applied(&self, index: u64) -> Result<(), ProposeError> {
        let behind = ProposeError::Unknown {
            seconds: CATCH_UP.as_secs(),
        };
        let wait = self.raft.wait(Some(CATCH_UP));
        let applied = wait
            .applied_index_at_least(Some(index), "what the leader has")
            .await;
        applied.map(|_| ()).map_err(|_| behind)
    }

    /// As the leader, lets a member follow, waits until it has caught up, and lets it vote if it should and there is room.
    pub(crate) async fn admit(&self, raft: u64, addr: String, votes: bool) -> Result<(), ProposeError> {
        if !self.status().voters.contains(&raft) {
            let node = BasicNode { addr };
            self.change_group(|| self.raft.add_learner(raft, node.clone(), true))
                .await?;
            if votes && self.status().voters.len() < VOTERS_MAX {
                self.promote(raft).await?;
            }
        }
        Ok(())
    }

    /// As the leader, lets a follower vote; it should have caught up.
    pub(crate) async fn promote(&self, raft: u64) -> Result<(), ProposeError> {
        let vote = ChangeMembers::AddVoterIds(BTreeSet::from([raft]));
        self.change_group(|| self.raft.change_membership(vote.clone(), true))
            .await
    }

    /// The group changes one step at a time: waits for one that is under way.
    async fn change_group<T, F>(&self, mut change: impl FnMut() -> F) -> Result<(), ProposeError>
    where
        F: Future<Output = Result<T, RaftError<u64, ClientWriteError<u64, BasicNode>>>>,
    {
        let until = Instant::now() + CHANGE_WITHIN;
        loop {
            match change().await {
                Ok(_) => return Ok(()),
                Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(
                    ChangeMembershipError::InProgress(_),
                ))) if Instant::now() < until => tokio::time::sleep(CHANGE_AGAIN).await,
                Err(error) => return Err(of_write(error)),
            }
        }
    }

    /// How far each other member has the log, by Raft id; `None` if this member does not lead.
    pub(crate) fn followers(&self) -> Option<BTreeMap<u64, u64>> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let replication = metrics.replication.as_ref()?;
        let followers = replication.iter().filter(|(id, _)| **id != self.id);
        Some(
            followers
                .map(|(id, matched)| (*id, matched.map_or(0, |log| log.index)))
                .collect(),
        )
    }

    /// As the leader, takes a member out of the group. The last one that votes stays.
    pub(crate) async fn remove(&self, raft: u64) -> Result<(), ProposeError> {
        let (status, this) = (self.status(), BTreeSet::from([raft]));
        let out = if status.voters.contains(&raft) {
            ChangeMembers::RemoveVoters(this)
        } else if status.learners.contains(&raft) {
            ChangeMembers::RemoveNodes(this)
        } else {
            return Ok(());
        };
        self.change_group(|| self.raft.change_membership(out.clone(), false))
            .await
    }

    /// Answers a call of another member's Raft.
    pub(crate) async fn answer(&self, body: bytes::Bytes) -> Answer {
        super::network::answer(&self.candidate, body).await
    }

    /// Asks for a snapshot, and so for the log to be cut; it is made in the background.
    pub(crate) async fn snapshot_soon(&self) -> Result<(), ProposeError> {
        self.raft
            .trigger()
            .snapshot()
            .await
            .map_err(|fatal| stopped(&fatal))
    }

    /// Stops the group; what was committed stays.
    pub(crate) async fn shutdown(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "consensus task ended badly");
        }
    }
}

fn of_write(error: RaftError<u64, ClientWriteError<u64, BasicNode>>) -> ProposeError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(to)) => {
            ProposeError::NotLeader { leader: to.leader_id }
        }
        RaftError::APIError(ClientWriteError::ChangeMembershipError(e)) => {
            ProposeError::Members(e.to_string())
        }
        RaftError::Fatal(fatal) => stopped(&fatal),
    }
}

fn stopped(fatal: &Fatal<u64>) -> ProposeError {
    match fatal {
        Fatal::Stopped => ProposeError::ShuttingDown,
        other => ProposeError::Stopped(other.to_string()),
    }
}
