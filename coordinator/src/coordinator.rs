//! A member's coordinator: one consensus group, the state it agrees on, and the blobs that the state names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use codegraph::ContentHash;
use serde::Serialize;
use store::blobs::{BlobError, Blobs};
use store::raft_log::RaftLog;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use transport::Ways;

use crate::batch::Batcher;
use crate::config::CoordinatorConfig;
use crate::entry;
use crate::error::{ProposeError, StartError};
use crate::federation;
use crate::formats::Formats;
use crate::founding;
use crate::leader;
use crate::metrics::Metrics;
use crate::participant::{Participant, Remove, audited};
use crate::peers::Peers;
use crate::raft::{Group, Identity};
use crate::state::{Cluster, Command, Format, Incarnation, MemberId, Outcome, Role, State};

/// Who was asked for a sign of life has so long to give it.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// A leader that has heard of no majority for this long says that it is not ready.
const NO_QUORUM: Duration = Duration::from_secs(3);

/// Whether the coordinator can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// It leads or follows a leader, and its storage works.
    pub ready: bool,
    /// In words, for `/ready`.
    pub reason: String,
}

/// How a member is taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Its disk is gone: its shards move away without it.
    pub lost: bool,
    /// Even if what it alone had is lost with it.
    pub accept_loss: bool,
}

/// How a group is, in the cluster's member ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupStatus {
    /// Raft's term.
    pub term: u64,
    /// Entries applied here.
    pub applied_index: u64,
    /// Who leads, if anybody does.
    pub leader: Option<MemberId>,
    /// Who votes, ascending.
    pub voters: Vec<MemberId>,
    /// Who only follows, ascending.
    pub learners: Vec<MemberId>,
}

/// A running coordinator. Clones share it.
#[derive(Clone, Debug)]
pub struct Coordinator {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    participant: Arc<Participant>,
    batcher: Batcher,
    member: MemberId,
    /// Fetches the blobs that this member lacks.
    whole: JoinHandle<()>,
    /// Plans moves of shards while this member leads.
    leads: JoinHandle<()>,
    /// Has the state say what this member can write.
    says: JoinHandle<()>,
    metrics: Metrics,
}

impl Coordinator {
    /// Starts in `config.data_dir`. An empty folder founds a cluster, or joins the one that `config.neighbours` names; any
    /// other one goes on where it was. Returns once this member is registered; a member of a larger group that comes back
    /// returns at once, and is ready when the group has a leader.
    pub async fn start(config: CoordinatorConfig) -> Result<Self, StartError> {
        let metrics = Metrics::new(&config.registry)?;
        let dir = config.data_dir.clone();
        let open = move || {
            let log = RaftLog::open(&dir.join("raft"))?;
            let identity = Identity::load_or_make(&log)?;
            Ok::<_, StartError>((log, identity, Blobs::open(&dir.join("blobs"))?))
        };
        let (log, mut identity, blobs) = tokio::task::spawn_blocking(open)
            .await
            .map_err(|e| StartError::Consensus(e.to_string()))??;
        let ways = config.neighbours.as_ref().map(|n| n.ways.clone());
        let peers = Arc::new(Peers::new(ways.unwrap_or_else(Ways::alone)));
        let neighbours = config.neighbours.as_ref();
        let mut join = neighbours.map(|n| n.join.clone()).filter(|j| !j.is_empty());
        let new = log.bounds().is_none() && log.snapshot()?.is_none();
        if let Some(n) = neighbours.filter(|n| new && !n.founders.is_empty()) {
            join = founding::way_in(&peers, &identity, n).await?;
        }
        let joined = OnceLock::new();
        if new && join.is_none() && !config.member.roles.contains(&Role::Coordinator) {
            let alone = "a member that only follows founds no cluster: name members of one to join";
            return Err(StartError::Join(alone.to_owned()));
        }
        if new && join.is_none() && identity.member.is_some() {
            let left = "this folder was registered with a cluster and not taken in before it stopped: name members of that cluster again";
            return Err(StartError::Join(left.to_owned()));
        }
        if let (true, Some(join)) = (new, &join) {
            let cluster = entry::register(&config, &mut identity, &log, &peers, join).await?;
            let _ = joined.set(cluster);
        }
        let (group, state) = Group::start(
            log.clone(),
            identity,
            Arc::clone(&peers),
            metrics.clone(),
            config.newest,
        )
        .await?;
        group.report(metrics.clone());
        let participant = Arc::new(Participant {
            group,
            peers,
            state,
            identity,
            blobs,
            joined,
            newest: config.newest,
        });
        if let Some(n) = neighbours {
            n.calls.open(&participant);
        }
        let advertise = neighbours.map_or_else(String::new, |n| n.advertise.clone());
        let member = enter(&participant, &config, &advertise, join.filter(|_| new).as_deref()).await?;
        tokio::task::spawn_blocking(move || identity.is_member(&log, member))
            .await
            .map_err(|e| StartError::Consensus(e.to_string()))??;
        let raft_id = format!("{:016x}", participant.identity.raft);
        tracing::info!(raft_id, member = member.0, "coordinator started");
        let shared = Shared {
            batcher: Batcher::start(Arc::clone(&participant), metrics.clone()),
            whole: tokio::spawn(federation::keep_whole(
                Arc::downgrade(&participant),
                participant.state.clone(),
            )),
            says: tokio::spawn(entry::announce(
                Arc::downgrade(&participant),
                entry::registration(&config, &participant.identity),
            )),
            leads: tokio::spawn(leader::lead(
                Arc::downgrade(&participant),
                participant.state.clone(),
            )),
            participant,
            member,
            metrics,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Which of the other members answer this one, asked now; it takes a second where one does not.
    pub async fn who_answers(&self) -> BTreeMap<MemberId, bool> {
        self.shared.participant.who_answers(ANSWER_WITHIN).await
    }

    /// How the group is, as this member sees it.
    pub fn group(&self) -> GroupStatus {
        let status = self.shared.participant.group.status();
        let state = self.watch();
        let id = |raft: u64| state.by_raft(raft).map(|(id, _)| id);
        let ids = |of: &BTreeSet<u64>| {
            let ids: BTreeSet<MemberId> = of.iter().copied().filter_map(id).collect();
            ids.into_iter().collect()
        };
        GroupStatus {
            term: status.term,
            applied_index: status.applied_index,
            leader: status.leader.and_then(id),
            voters: ids(&status.voters),
            learners: ids(&status.learners),
        }
    }

    /// Takes a member out of the cluster for good. It must hold no shard, unless its disk is `lost`; `accept_loss`: even if others are left
    /// too few to have all that was acknowledged. `who` asks goes into the audit log.
    pub async fn remove(&self, member: MemberId, how: Removal, who: &str) -> Result<(), ProposeError> {
        let remove = Remove {
            member,
            forwarded: false,
            lost: how.lost,
            accept_loss: how.accept_loss,
            who: who.to_owned(),
        };
        self.shared.participant.remove(remove).await
    }

    /// The latest format that this member's program reads and writes.
    pub fn newest(&self) -> Format {
        self.shared.participant.newest
    }

    /// What the cluster writes, and what each member that is not removed could, as it says itself within a few seconds.
    pub async fn formats(&self) -> Formats {
        self.shared.participant.formats().await
    }

    /// Raises the format that members write to this program's latest, if every member can write that; else says who cannot.
    pub async fn finalize(&self, who: &str) -> Result<Format, ProposeError> {
        self.shared.participant.finalize(who).await
    }

    /// Changes something of the cluster, once even if the leader changes meanwhile (from [`Format::SECOND`] on), and writes into the audit log that `who` asked for it.
    pub async fn change(&self, command: Command, who: &str) -> Result<Outcome, ProposeError> {
        let mut change = audited(who.to_owned(), command);
        // Older members would not keep it, and then all members must not.
        if let Command::Audited { once, .. } = &mut change
            && self.watch().format >= Format::SECOND
        {
            *once = rand::random::<u64>().max(1);
        }
        let outcomes = self.propose(vec![change]).await?;
        let outcome = outcomes.into_iter().next();
        outcome.ok_or_else(|| ProposeError::Stopped("a change without an outcome".to_owned()))
    }

    /// Proposes commands, in order; returns their outcomes once they are committed and applied here. Many callers at once
    /// share log entries. Blobs that commands name must be stored here; a majority stores them first. A refused command is an outcome, not an error.
    pub async fn propose(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, ProposeError> {
        self.shared.participant.spread(&commands).await?;
        self.shared.batcher.propose(commands).await
    }

    /// The state as last applied here: cheap, never blocks, may be behind the group's.
    pub fn watch(&self) -> Arc<State> {
        Arc::clone(&self.shared.participant.state.borrow())
    }

    /// Follows the state: `changed().await`, then `borrow()`.
    pub fn subscribe(&self) -> watch::Receiver<Arc<State>> {
        self.shared.participant.state.clone()
    }

    /// The state with everything in it that was committed before this call.
    pub async fn read(&self) -> Result<Arc<State>, ProposeError> {
        self.shared.participant.catch_up().await?;
        Ok(self.watch())
    }

    /// The cluster's fixed settings.
    pub fn cluster_settings(&self) -> Option<Cluster> {
        self.watch().cluster.clone()
    }

    /// A snapshot of the state and its blobs ([`crate::backup`]), in parts: of what was committed before this call, or of the last copy if
    /// there is no quorum.
    pub async fn snapshot(&self) -> mpsc::Receiver<Vec<u8>> {
        let state = self.read().await.unwrap_or_else(|_| self.watch());
        crate::backup::parts(Arc::clone(&self.shared.participant), state)
    }

    /// This member's id.
    pub fn member(&self) -> MemberId {
        self.shared.member
    }

    /// The random identity of this member's data folder.
    pub fn incarnation(&self) -> Incarnation {
        self.shared.participant.identity.incarnation
    }

    /// Stores bytes under their hash, fsynced: do it before proposing a command that names the hash.
    pub async fn put_blob(&self, bytes: Vec<u8>) -> Result<ContentHash, BlobError> {
        let stored = self.with_blobs(move |blobs| blobs.put(&bytes)).await?;
        self.shared.metrics.blobs_put.inc();
        Ok(stored)
    }

    /// Stores bytes if they hash to `expected`, fsynced.
    pub async fn put_blob_as(&self, expected: ContentHash, bytes: Vec<u8>) -> Result<(), BlobError> {
        let stored = self.with_blobs(move |blobs| blobs.put_as(expected, &bytes)).await;
        if let Err(error @ BlobError::WrongHash { .. }) = &stored {
            self.shared.metrics.blobs_refused.inc();
            tracing::warn!(%error, "a blob was refused");
        }
        stored?;
        self.shared.metrics.blobs_put.inc();
        Ok(())
    }

    /// Those of the blobs of a version that are not here; if there are any, the version is counted as refused.
    pub(crate) async fn incomplete(&self, hashes: Vec<ContentHash>) -> Result<Vec<ContentHash>, BlobError> {
        let missing = self.missing_blobs(hashes).await?;
        if !missing.is_empty() {
            self.shared.metrics.versions_refused.inc();
        }
        Ok(missing)
    }

    /// The bytes of a hash, checked, from here or else from another member; `None` if nobody has them.
    pub async fn get_blob(&self, hash: ContentHash) -> Result<Option<Vec<u8>>, BlobError> {
        self.shared.participant.fetch(hash).await
    }

    /// Those of the hashes whose blobs are not here.
    pub async fn missing_blobs(&self, hashes: Vec<ContentHash>) -> Result<Vec<ContentHash>, BlobError> {
        federation::lacking(&self.shared.participant.blobs, hashes).await
    }

    async fn with_blobs<T, F>(&self, call: F) -> Result<T, BlobError>
    where
        T: Send + 'static,
        F: FnOnce(&Blobs) -> Result<T, BlobError> + Send + 'static,
    {
        federation::with(&self.shared.participant.blobs, call).await
    }

    /// Whether it can serve, and if not why.
    pub fn health(&self) -> Health {
        let status = self.shared.participant.group.status();
        let not = |reason: String| Health { ready: false, reason };
        if let Some(alone) = status.alone_for.filter(|t| *t >= NO_QUORUM) {
            return not(format!(
                "the group has no majority: none heard of for {} ms",
                alone.as_millis()
            ));
        }
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
        self.shared.whole.abort();
        self.shared.leads.abort();
        self.shared.says.abort();
        self.shared.batcher.shutdown().await;
        self.shared.participant.group.shutdown().await;
        tracing::info!("coordinator stopped");
    }
}

/// Comes into the group; gives the member's id.
async fn enter(
    participant: &Arc<Participant>,
    config: &CoordinatorConfig,
    advertise: &str,
    join: Option<&[String]>,
) -> Result<MemberId, StartError> {
    if let Some(join) = join {
        entry::admit(participant, advertise, join).await?;
        return known_id(participant);
    }
    if !participant.group.is_initialized().await? {
        participant.group.found(advertise.to_owned()).await?;
    } else if participant.group.needs_others() {
        let command = entry::registration(config, &participant.identity);
        tokio::spawn(entry::come_back(Arc::clone(participant), command));
        return known_id(participant);
    }
    participant.group.await_leader().await?;
    entry::settle(participant, config).await
}

/// The id that the cluster gave before.
fn known_id(participant: &Participant) -> Result<MemberId, StartError> {
    let known = participant.identity.member;
    known.ok_or_else(|| StartError::Stored("a member of a group without an id".to_owned()))
}
