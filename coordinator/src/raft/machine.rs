//! openraft's state machine: feeds committed batches to the pure `state::apply`, publishes each new state to readers, and
//! keeps snapshots on disk.
//!
//! The state lives in memory. What is on disk is the last snapshot and the log after it; at a start the snapshot is loaded
//! and the log applied again, which gives the same state because `apply` is deterministic.

use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};

use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, ErrorSubject, ErrorVerb, OptionalSend, RaftSnapshotBuilder};
use store::raft_log::RaftLog;
use tokio::sync::watch;

use super::failure::{Failure, blocking};
use super::{Entry, LogId, Snapshot, SnapshotMeta, StorageError, StoredMembership, TypeConfig};
use crate::codec::{decode, encode};
use crate::metrics::Metrics;
use crate::state::{Format, Outcome, State, apply};

/// What is applied.
#[derive(Clone, Debug, Default)]
struct Applied {
    last: Option<LogId>,
    membership: StoredMembership,
    state: State,
}

/// The state machine of one member.
#[derive(Debug)]
pub(crate) struct Machine {
    applied: Applied,
    readers: watch::Sender<Arc<State>>,
    snapshots: SnapshotStore,
    /// The latest format that this program reads and writes.
    newest: Format,
}

/// Writes and reads the one snapshot.
#[derive(Clone, Debug)]
struct SnapshotStore {
    log: RaftLog,
    /// What the stored snapshot includes: one that is built late never replaces a newer one.
    stored: Arc<Mutex<Option<LogId>>>,
    metrics: Metrics,
}

impl SnapshotStore {
    fn load(&self) -> Result<Option<(SnapshotMeta, Vec<u8>)>, Failure> {
        let Some((description, content)) = self.log.snapshot()? else {
            return Ok(None);
        };
        let meta: SnapshotMeta = decode("snapshot description", &description)?;
        Ok(Some((meta, content)))
    }

    fn save(&self, meta: &SnapshotMeta, content: &[u8]) -> Result<(), Failure> {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if meta.last_log_id >= *stored {
            self.log
                .put_snapshot(&encode("snapshot description", meta)?, content)?;
            *stored = meta.last_log_id;
            self.metrics.snapshots.inc();
            self.metrics.snapshot_bytes.set(content.len() as i64);
        }
        Ok(())
    }
}

impl Machine {
    /// Loads the snapshot, if there is one; the second value follows the state.
    pub(crate) fn open(
        log: RaftLog,
        metrics: Metrics,
        newest: Format,
    ) -> Result<(Self, watch::Receiver<Arc<State>>), String> {
        let snapshots = SnapshotStore {
            log,
            stored: Arc::default(),
            metrics,
        };
        let mut applied = Applied::default();
        if let Some((meta, content)) = snapshots.load().map_err(|e| e.to_string())? {
            applied.state = read_state(&content, newest).map_err(|e| e.to_string())?;
            applied.last = meta.last_log_id;
            applied.membership = meta.last_membership;
            *snapshots.stored.lock().unwrap_or_else(PoisonError::into_inner) = meta.last_log_id;
        }
        let (readers, receiver) = watch::channel(Arc::new(applied.state.clone()));
        Ok((
            Self {
                applied,
                readers,
                snapshots,
                newest,
            },
            receiver,
        ))
    }

    /// A format that this program cannot write: it must not go on as if it could.
    fn can_go_on(&self) -> Result<(), Failure> {
        let in_force = self.applied.state.format;
        if in_force <= self.newest {
            return Ok(());
        }
        let newest = self.newest;
        Err(Failure::TooOld { in_force, newest })
    }

    fn publish(&self) {
        self.readers.send_replace(Arc::new(self.applied.state.clone()));
    }
}

/// Reads a state. Of one that is in a later format the error says that, whatever else is in it.
fn read_state(content: &[u8], newest: Format) -> Result<State, Failure> {
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(default)]
        format: Format,
    }
    let head: Head = decode("snapshot", content)?;
    let in_force = head.format;
    if in_force > newest {
        return Err(Failure::TooOld { in_force, newest });
    }
    Ok(decode("snapshot", content)?)
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError> {
        Ok((self.applied.last, self.applied.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Vec<Outcome>>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut outcomes = Vec::new();
        for entry in entries {
            self.applied.last = Some(entry.log_id);
            outcomes.push(match entry.payload {
                EntryPayload::Blank => Vec::new(),
                EntryPayload::Normal(commands) => commands
                    .into_iter()
                    .map(|command| apply(&mut self.applied.state, command))
                    .collect(),
                EntryPayload::Membership(membership) => {
                    self.applied.membership = StoredMembership::new(Some(entry.log_id), membership);
                    Vec::new()
                }
            });
        }
        let goes_on = self.can_go_on();
        goes_on.map_err(|e| e.at(ErrorSubject::StateMachine, ErrorVerb::Write))?;
        self.publish();
        Ok(outcomes)
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder {
            applied: self.applied.clone(),
            snapshots: self.snapshots.clone(),
        }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError> {
        let (snapshots, description, newest) = (self.snapshots.clone(), meta.clone(), self.newest);
        let install = move || {
            let content = snapshot.into_inner();
            let state = read_state(&content, newest)?;
            snapshots.save(&description, &content)?;
            Ok(state)
        };
        let failed = |e: Failure| e.at(ErrorSubject::Snapshot(Some(meta.signature())), ErrorVerb::Write);
        let state = blocking(install).await.map_err(failed)?;
        self.applied = Applied {
            last: meta.last_log_id,
            membership: meta.last_membership.clone(),
            state,
        };
        self.publish();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, StorageError> {
        let snapshots = self.snapshots.clone();
        let loaded = blocking(move || snapshots.load()).await;
        let loaded = loaded.map_err(|e| e.at(ErrorSubject::Snapshot(None), ErrorVerb::Read))?;
        Ok(loaded.map(|(meta, content)| Snapshot {
            meta,
            snapshot: Box::new(Cursor::new(content)),
        }))
    }
}

/// Builds one snapshot, from the state as it was when the builder was made.
#[derive(Debug)]
pub(crate) struct Builder {
    applied: Applied,
    snapshots: SnapshotStore,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    async fn build_snapshot(&mut self) -> Result<Snapshot, StorageError> {
        let meta = SnapshotMeta {
            last_log_id: self.applied.last,
            last_membership: self.applied.membership.clone(),
            // Deterministic state: the same log position is the same snapshot.
            snapshot_id: self
                .applied
                .last
                .map_or_else(|| "empty".to_owned(), |id| id.to_string()),
        };
        let (state, snapshots, description) =
            (self.applied.state.clone(), self.snapshots.clone(), meta.clone());
        let build = move || {
            let content = encode("snapshot", &state)?;
            snapshots.save(&description, &content)?;
            Ok(content)
        };
        let failed = |e: Failure| e.at(ErrorSubject::Snapshot(Some(meta.signature())), ErrorVerb::Write);
        let content = blocking(build).await.map_err(failed)?;
        Ok(Snapshot {
            meta,
            snapshot: Box::new(Cursor::new(content)),
        })
    }
}
