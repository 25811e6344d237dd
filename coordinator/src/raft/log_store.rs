//! openraft's log storage on top of `store::raft_log`.
//!
//! Every write is awaited before the method returns and before the callback is called, so writes of log and vote are
//! strictly serialized and on disk when openraft hears of them.

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{ErrorSubject, ErrorVerb, LogState, OptionalSend, RaftLogReader, Vote};
use store::raft_log::{RaftLog, Slot};

use super::failure::{Failure, blocking};
use super::{Entry, LogId, StorageError, TypeConfig};
use crate::codec::{decode, encode};

/// Most bytes of entries read at a time for another member.
const READ_BYTES_MAX: usize = 4 << 20;

/// The log and the votes of one member.
#[derive(Clone, Debug)]
pub(crate) struct LogStore {
    log: RaftLog,
}

impl LogStore {
    /// On an open log.
    pub(crate) fn new(log: RaftLog) -> Self {
        Self { log }
    }

    async fn read(&self, start: u64, end: u64, bytes_max: usize) -> Result<Vec<Entry>, StorageError> {
        let log = self.log.clone();
        let read = move || {
            let rows = log.range(start, end, bytes_max)?;
            rows.into_iter()
                .map(|(index, bytes)| checked_entry(index, &bytes))
                .collect()
        };
        blocking(read)
            .await
            .map_err(|e| e.at(ErrorSubject::Logs, ErrorVerb::Read))
    }

    async fn get<T>(&self, slot: Slot, subject: ErrorSubject<u64>) -> Result<Option<T>, StorageError>
    where
        T: serde::de::DeserializeOwned + Send + 'static,
    {
        let log = self.log.clone();
        let read = move || {
            Ok(log
                .get(slot)?
                .map(|bytes| decode("log value", &bytes))
                .transpose()?)
        };
        blocking(read).await.map_err(|e| e.at(subject, ErrorVerb::Read))
    }

    /// Runs one write off the async threads.
    async fn write<F>(
        &self,
        subject: ErrorSubject<u64>,
        verb: ErrorVerb,
        write: F,
    ) -> Result<(), StorageError>
    where
        F: FnOnce(&RaftLog) -> Result<(), Failure> + Send + 'static,
    {
        let log = self.log.clone();
        blocking(move || write(&log))
            .await
            .map_err(|e| e.at(subject, verb))
    }
}

/// Decodes an entry, which must carry the index under which it is stored.
fn checked_entry(index: u64, bytes: &[u8]) -> Result<Entry, Failure> {
    let entry: Entry = decode("log entry", bytes)?;
    if entry.log_id.index != index {
        return Err(Failure::Hole {
            expected: index,
            got: entry.log_id.index,
        });
    }
    Ok(entry)
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<Entry>, StorageError>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        self.read(start, end, usize::MAX).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, StorageError> {
        self.read(start, end, READ_BYTES_MAX).await
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError> {
        let last_purged_log_id: Option<LogId> = self.get(Slot::Purged, ErrorSubject::Logs).await?;
        let last = match self.log.bounds() {
            Some(bounds) => self
                .read(bounds.last, bounds.last.saturating_add(1), usize::MAX)
                .await?
                .pop(),
            None => None,
        };
        let last_log_id = last.map(|entry| entry.log_id).or(last_purged_log_id);
        Ok(LogState {
            last_purged_log_id,
            last_log_id,
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError> {
        let vote = *vote;
        let write = move |log: &RaftLog| Ok(log.put(Slot::Vote, &encode("vote", &vote)?)?);
        self.write(ErrorSubject::Vote, ErrorVerb::Write, write).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError> {
        self.get(Slot::Vote, ErrorSubject::Vote).await
    }

    /// Not fsynced: after a crash it may be older than the truth, never newer than the log, which is all that is needed.
    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        let write = move |log: &RaftLog| match committed {
            Some(id) => Ok(log.put_unsynced(Slot::Committed, &encode("committed", &id)?)?),
            None => Ok(log.clear(Slot::Committed)?),
        };
        self.write(ErrorSubject::Logs, ErrorVerb::Write, write).await
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        self.get(Slot::Committed, ErrorSubject::Logs).await
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<TypeConfig>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let write = move |log: &RaftLog| {
            let Some(first) = entries.first().map(|entry| entry.log_id.index) else {
                return Ok(());
            };
            for (expected, entry) in (first..).zip(&entries) {
                if entry.log_id.index != expected {
                    return Err(Failure::Hole {
                        expected,
                        got: entry.log_id.index,
                    });
                }
            }
            let bytes: Result<Vec<_>, _> = entries.iter().map(|entry| encode("log entry", entry)).collect();
            Ok(log.append(first, &bytes?)?)
        };
        self.write(ErrorSubject::Logs, ErrorVerb::Write, write).await?;
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let write = move |log: &RaftLog| Ok(log.truncate(log_id.index)?);
        self.write(ErrorSubject::Log(log_id), ErrorVerb::Delete, write)
            .await
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let write = move |log: &RaftLog| Ok(log.purge(log_id.index, &encode("purged", &log_id)?)?);
        self.write(ErrorSubject::Log(log_id), ErrorVerb::Delete, write)
            .await
    }
}
