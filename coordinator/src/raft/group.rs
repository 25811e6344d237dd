//! One consensus group, in this system's own words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{CheckIsLeaderError, ClientWriteError, Fatal, RaftError};
use openraft::{BasicNode, Config, Raft, SnapshotPolicy};
use serde::{Deserialize, Serialize};
use store::raft_log::{RaftLog, Slot};
use tokio::sync::watch;

use super::TypeConfig;
use super::log_store::LogStore;
use super::machine::Machine;
use super::network::Network;
use crate::codec::{decode, encode};
use crate::error::{ProposeError, StartError};
use crate::metrics::Metrics;
use crate::state::{Command, Incarnation, Outcome, State, hex};

/// A snapshot is made after so many entries; `batch` asks for one earlier when they were large.
const SNAPSHOT_ENTRIES: u64 = 2_000;
/// Entries kept behind a snapshot, for members that are a little late.
const KEEP_ENTRIES: u64 = 200;
const PURGE_BATCH: u64 = 64;
const HEARTBEAT_MS: u64 = 250;
/// openraft 0.9 draws the election timeout once a process: members of a larger group need disjoint ranges.
const ELECTION_MS: (u64, u64) = (1_000, 1_500);
const LEADER_WAIT_SECONDS: u64 = 10;

/// Who this data folder is: made once, never reused, gone with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The Raft node id.
    pub(crate) raft: u64,
    /// The member's incarnation.
    #[serde(with = "hex")]
    pub(crate) incarnation: Incarnation,
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
        let identity = Self {
            raft: rand::random::<u64>().max(1),
            incarnation: Incarnation(rand::random()),
        };
        let bytes = encode("identity", &identity).map_err(|e| StartError::Stored(e.to_string()))?;
        log.put(Slot::Identity, &bytes)?;
        Ok(identity)
    }
}

/// How the group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) term: u64,
    pub(crate) last_log_index: u64,
    pub(crate) applied_index: u64,
    pub(crate) leader: Option<u64>,
    pub(crate) is_leader: bool,
    /// Why consensus stopped, if it did.
    pub(crate) stopped: Option<String>,
}

/// A running group.
#[derive(Clone)]
pub(crate) struct Group {
    raft: Raft<TypeConfig>,
    id: u64,
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
    /// Starts the group on an open log: a new one with this member alone, or the one that the log knows. Returns once
    /// there is a leader and everything committed is applied; the second value follows the state.
    pub(crate) async fn start(
        log: RaftLog,
        identity: Identity,
        metrics: Metrics,
    ) -> Result<(Self, watch::Receiver<Arc<State>>), StartError> {
        let config = Config {
            cluster_name: "elixirscope".to_owned(),
            heartbeat_interval: HEARTBEAT_MS,
            election_timeout_min: ELECTION_MS.0,
            election_timeout_max: ELECTION_MS.1,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(SNAPSHOT_ENTRIES),
            max_in_snapshot_log_to_keep: KEEP_ENTRIES,
            purge_batch_size: PURGE_BATCH,
            ..Config::default()
        };
        let config = config
            .validate()
            .map_err(|e| StartError::Consensus(e.to_string()))?;
        let opened = log.clone();
        let (machine, state) = tokio::task::spawn_blocking(move || Machine::open(opened, metrics))
            .await
            .map_err(|e| StartError::Consensus(e.to_string()))?
            .map_err(StartError::Stored)?;
        let raft = Raft::new(
            identity.raft,
            Arc::new(config),
            Network,
            LogStore::new(log),
            machine,
        )
        .await
        .map_err(|e| StartError::Consensus(e.to_string()))?;
        let group = Self {
            raft,
            id: identity.raft,
        };
        group.initialise().await?;
        group.await_leader().await?;
        Ok((group, state))
    }

    async fn initialise(&self) -> Result<(), StartError> {
        let failed = |e: &dyn std::error::Error| StartError::Consensus(e.to_string());
        if !self.raft.is_initialized().await.map_err(|e| failed(&e))? {
            let alone = BTreeMap::from([(self.id, BasicNode::default())]);
            self.raft.initialize(alone).await.map_err(|e| failed(&e))?;
        }
        Ok(())
    }

    async fn await_leader(&self) -> Result<(), StartError> {
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

    /// This member's Raft id.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Writes one entry of commands; returns when it is committed and applied.
    pub(crate) async fn write(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, ProposeError> {
        match self.raft.client_write(commands).await {
            Ok(written) => Ok(written.data),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
                Err(ProposeError::NotLeader { leader: to.leader_id })
            }
            Err(RaftError::APIError(e @ ClientWriteError::ChangeMembershipError(_))) => {
                Err(ProposeError::Stopped(e.to_string()))
            }
            Err(RaftError::Fatal(fatal)) => Err(stopped(&fatal)),
        }
    }

    /// Returns once everything that was committed before this call is applied here.
    pub(crate) async fn linearizable(&self) -> Result<(), ProposeError> {
        match self.raft.ensure_linearizable().await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(CheckIsLeaderError::ForwardToLeader(to))) => {
                Err(ProposeError::NotLeader { leader: to.leader_id })
            }
            Err(RaftError::APIError(CheckIsLeaderError::QuorumNotEnough(_))) => {
                Err(ProposeError::NotLeader { leader: None })
            }
            Err(RaftError::Fatal(fatal)) => Err(stopped(&fatal)),
        }
    }

    /// Asks for a snapshot, and so for the log to be cut; it is made in the background.
    pub(crate) async fn snapshot_soon(&self) -> Result<(), ProposeError> {
        self.raft
            .trigger()
            .snapshot()
            .await
            .map_err(|fatal| stopped(&fatal))
    }

    /// How the group is now.
    pub(crate) fn status(&self) -> Status {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        Status {
            term: metrics.current_term,
            last_log_index: metrics.last_log_index.unwrap_or(0),
            applied_index: metrics.last_applied.map_or(0, |id| id.index),
            leader: metrics.current_leader,
            is_leader: metrics.current_leader == Some(self.id),
            stopped: metrics.running_state.as_ref().err().map(ToString::to_string),
        }
    }

    /// Keeps the gauges up to date until the group stops.
    pub(crate) fn report(&self, to: Metrics) {
        let (mut metrics, id) = (self.raft.metrics(), self.id);
        tokio::spawn(async move {
            loop {
                {
                    let now = metrics.borrow_and_update();
                    to.term.set(now.current_term as i64);
                    to.last_log_index.set(now.last_log_index.unwrap_or(0) as i64);
                    to.applied_index
                        .set(now.last_applied.map_or(0, |applied| applied.index) as i64);
                    to.is_leader.set(i64::from(
                        now.current_leader == Some(id) && now.running_state.is_ok(),
                    ));
                }
                if metrics.changed().await.is_err() {
                    break;
                }
            }
            to.is_leader.set(0);
        });
    }

    /// Stops the group; what was committed stays.
    pub(crate) async fn shutdown(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "consensus task ended badly");
        }
    }
}

fn stopped(fatal: &Fatal<u64>) -> ProposeError {
    match fatal {
        Fatal::Stopped => ProposeError::ShuttingDown,
        other => ProposeError::Stopped(other.to_string()),
    }
}
