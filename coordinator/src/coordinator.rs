//! A member's coordinator: one consensus group, the state it agrees on, and the blobs that the state names.

use std::sync::Arc;

use codegraph::ContentHash;
use store::blobs::{BlobError, Blobs};
use store::raft_log::RaftLog;
use tokio::sync::watch;

use crate::batch::Batcher;
use crate::config::CoordinatorConfig;
use crate::error::{ProposeError, StartError};
use crate::metrics::Metrics;
use crate::raft::{Group, Identity};
use crate::state::{Cluster, Command, Incarnation, MemberId, Outcome, State};

/// Whether the coordinator can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// It leads or follows a leader, and its storage works.
    pub ready: bool,
    /// In words, for `/ready`.
    pub reason: String,
}

/// A running coordinator. Clones share it.
#[derive(Clone, Debug)]
pub struct Coordinator {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    group: Group,
    batcher: Batcher,
    blobs: Blobs,
    state: watch::Receiver<Arc<State>>,
    member: MemberId,
    identity: Identity,
    metrics: Metrics,
}

impl Coordinator {
    /// Starts a one-member group in `config.data_dir`: a new cluster in an empty folder, else the one that is there.
    /// Returns once it leads, has applied everything committed, and is registered as a member.
    pub async fn start(config: CoordinatorConfig) -> Result<Self, StartError> {
        let metrics = Metrics::new(&config.registry)?;
        let dir = config.data_dir.clone();
        let open = move || {
            let log = RaftLog::open(&dir.join("raft"))?;
            let identity = Identity::load_or_make(&log)?;
            Ok::<_, StartError>((log, identity, Blobs::open(&dir.join("blobs"))?))
        };
        let (log, identity, blobs) = tokio::task::spawn_blocking(open)
            .await
            .map_err(|e| StartError::Consensus(e.to_string()))??;
        let (group, state) = Group::start(log, identity, metrics.clone()).await?;
        group.report(metrics.clone());
        let batcher = Batcher::start(group.clone(), metrics.clone());
        let member = found(&batcher, &state, &config, identity).await?;
        tracing::info!(raft_id = group.id(), member = member.0, "coordinator started");
        let shared = Shared {
            group,
            batcher,
            blobs,
            state,
            member,
            identity,
            metrics,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Proposes commands, in order; returns their outcomes once they are committed and applied here. Many callers at once
    /// share log entries. A refused command is an outcome, not an error.
    pub async fn propose(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, ProposeError> {
        self.shared.batcher.propose(commands).await
    }

    /// The state as last applied here: cheap, never blocks, may be behind the group's.
    pub fn watch(&self) -> Arc<State> {
        Arc::clone(&self.shared.state.borrow())
    }

    /// Follows the state: `changed().await`, then `borrow()`.
    pub fn subscribe(&self) -> watch::Receiver<Arc<State>> {
        self.shared.state.clone()
    }

    /// The state with everything in it that was committed before this call.
    pub async fn read(&self) -> Result<Arc<State>, ProposeError> {
        self.shared.group.linearizable().await?;
        Ok(self.watch())
    }

    /// The cluster's fixed settings.
    pub fn cluster_settings(&self) -> Option<Cluster> {
        self.watch().cluster.clone()
    }

    /// This member's id.
    pub fn member(&self) -> MemberId {
        self.shared.member
    }

    /// The random identity of this member's data folder.
    pub fn incarnation(&self) -> Incarnation {
        self.shared.identity.incarnation
    }

    /// Stores bytes under their hash, fsynced: do it before proposing a command that names the hash.
    pub async fn put_blob(&self, bytes: Vec<u8>) -> Result<ContentHash, BlobError> {
        let stored = self.with_blobs(move |blobs| blobs.put(&bytes)).await?;
        self.shared.metrics.blobs_put.inc();
        Ok(stored)
    }

    /// Stores bytes if they hash to `expected`, fsynced.
    pub async fn put_blob_as(&self, expected: ContentHash, bytes: Vec<u8>) -> Result<(), BlobError> {
        self.with_blobs(move |blobs| blobs.put_as(expected, &bytes))
            .await?;
        self.shared.metrics.blobs_put.inc();
        Ok(())
    }

    /// The bytes of a hash, checked; `None` if they are not here.
    pub async fn get_blob(&self, hash: ContentHash) -> Result<Option<Vec<u8>>, BlobError> {
        self.with_blobs(move |blobs| blobs.get(hash)).await
    }

    /// Those of the hashes whose blobs are not here.
    pub async fn missing_blobs(&self, hashes: Vec<ContentHash>) -> Result<Vec<ContentHash>, BlobError> {
        self.with_blobs(move |blobs| {
            let mut missing = Vec::new();
            for hash in hashes {
                if !blobs.has(hash)? {
                    missing.push(hash);
                }
            }
            Ok(missing)
        })
        .await
    }

    async fn with_blobs<T, F>(&self, call: F) -> Result<T, BlobError>
    where
        T: Send + 'static,
        F: FnOnce(&Blobs) -> Result<T, BlobError> + Send + 'static,
    {
        let blobs = self.shared.blobs.clone();
        let done = tokio::task::spawn_blocking(move || call(&blobs)).await;
        done.unwrap_or_else(|e| Err(BlobError::Task(e.to_string())))
    }

    /// Whether it can serve, and if not why.
    pub fn health(&self) -> Health {
        let status = self.shared.group.status();
        let not = |reason: String| Health { ready: false, reason };
        match (status.stopped, status.leader) {
            (Some(reason), _) => not(format!("consensus stopped: {reason}")),
            (None, None) => not("the group has no leader".to_owned()),
            (None, Some(_)) if self.watch().cluster.is_none() => {
                not("the cluster is not initialised".to_owned())
            }
            (None, Some(_)) => Health {
                ready: true,
                reason: "ok".to_owned(),
            },
        }
    }

    /// Finishes what waits, then stops. The data folder is free once all clones are dropped.
    pub async fn shutdown(&self) {
        self.shared.batcher.shutdown().await;
        self.shared.group.shutdown().await;
        tracing::info!("coordinator stopped");
    }
}

/// Gives a new cluster its identity, registers this member, and gives a new cluster its shard map.
async fn found(
    batcher: &Batcher,
    state: &watch::Receiver<Arc<State>>,
    config: &CoordinatorConfig,
    identity: Identity,
) -> Result<MemberId, StartError> {
    let now = Arc::clone(&state.borrow());
    let mut commands = Vec::new();
    if now.cluster.is_none() {
        commands.push(Command::InitCluster(Cluster {
            id: Incarnation(rand::random()),
            shards: config.shards,
            bucket_seconds: config.bucket_seconds,
            max_offset_ms: config.max_offset_ms,
        }));
    }
    let member = config.member.clone();
    commands.push(Command::RegisterMember {
        incarnation: identity.incarnation,
        name: member.name,
        addresses: member.addresses,
        roles: member.roles,
        zone: member.zone,
    });
    let mut id = None;
    for outcome in batcher.propose(commands).await? {
        match outcome {
            Outcome::Member(member) => id = Some(member),
            Outcome::Refused(refusal) => return Err(refusal.into()),
            Outcome::Done | Outcome::Unchanged | Outcome::Epoch(_) => {}
        }
    }
    let id = id.ok_or_else(|| StartError::Consensus("registering gave no member id".to_owned()))?;
    let now = Arc::clone(&state.borrow());
    let shards = now.cluster.as_ref().map_or(0, |cluster| cluster.shards);
    if now.shard_map.epoch == 0 {
        let holders = vec![vec![id]; usize::from(shards)];
        let outcomes = batcher
            .propose(vec![Command::SetShardMap { replicas: 1, holders }])
            .await?;
        if let Some(Outcome::Refused(refusal)) = outcomes.into_iter().next() {
            return Err(refusal.into());
        }
    }
    Ok(id)
}
