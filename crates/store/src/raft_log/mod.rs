//! An ordered log of opaque entries, with the few small values that consensus keeps beside it.
//!
//! It knows nothing of Raft: indices and bytes only, so that the consensus library is named in the coordinator alone.
//! Every write returns after the WAL is fsynced, except [`RaftLog::put_unsynced`]. Entries have no holes: an append
//! must continue the log. After one failed write nothing more is written until the process restarts, because what a
//! failed fsync left on disk is not known.
//!
//! One thread writes at a time (an internal lock); reads are concurrent. Calls block: keep them off async threads.

mod error;
mod open;
mod slot;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub use error::LogError;
pub use open::OpenError;
pub(crate) use open::{Shape, base_options, open, synced};
use parking_lot::Mutex;
use rocksdb::{ColumnFamily, DB, Direction, IteratorMode, ReadOptions, WriteBatch, WriteOptions};
pub use slot::Slot;

const MARKER: &str = "elixirscope raft log 1";
const LOG: &str = "log";
const SNAPSHOT: &str = "snapshot";
const WRITE_BUFFER_BYTES: usize = 8 << 20;

/// Largest entry or snapshot that is accepted, in bytes.
pub const VALUE_BYTES_MAX: usize = 512 << 20;

/// First and last index of the entries present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The lowest index present.
    pub first: u64,
    /// The highest index present.
    pub last: u64,
}

/// A snapshot: its description and its content.
pub type StoredSnapshot = (Vec<u8>, Vec<u8>);

#[derive(Debug, Default)]
struct Writer {
    bounds: Option<Bounds>,
    stopped: Option<String>,
}

/// The log. Clones share it; the folder is released when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct RaftLog {
    db: Arc<DB>,
    writer: Arc<Mutex<Writer>>,
}

impl RaftLog {
    /// Opens or creates the log in the folder `dir`.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let shape = Shape {
            marker: MARKER,
            families: &[LOG, SNAPSHOT],
            options: base_options(WRITE_BUFFER_BYTES),
        };
        let log = Self {
            db: Arc::new(open(dir, &shape)?),
            writer: Arc::default(),
        };
        let bounds = log.find_bounds().map_err(|e| OpenError::Corrupt {
            path: dir.to_path_buf(),
            reason: e.to_string(),
        })?;
        log.writer.lock().bounds = bounds;
        Ok(log)
    }

    /// Indices present, `None` if the log is empty.
    pub fn bounds(&self) -> Option<Bounds> {
        self.writer.lock().bounds
    }

    /// Appends `entries` from index `first`, in one write, fsynced. `first` must be the log's next index; an empty log
    /// begins at any index.
    pub fn append(&self, first: u64, entries: &[Vec<u8>]) -> Result<(), LogError> {
        let Some(more) = (entries.len() as u64).checked_sub(1) else {
            return Ok(());
        };
        let mut writer = self.writer.lock();
        if let Some(bounds) = writer.bounds
            && first != bounds.last.saturating_add(1)
        {
            return Err(LogError::NotNext {
                expected: bounds.last.saturating_add(1),
                got: first,
            });
        }
        let mut batch = WriteBatch::default();
        for (index, entry) in (first..).zip(entries) {
            check_size(entry)?;
            batch.put_cf(self.family(LOG)?, index.to_be_bytes(), entry);
        }
        self.write(&mut writer, batch)?;
        let begin = writer.bounds.map_or(first, |b| b.first);
        writer.bounds = Some(Bounds {
            first: begin,
            last: first.saturating_add(more),
        });
        Ok(())
    }

    /// Deletes the entries from index `from` on, inclusive, fsynced.
    pub fn truncate(&self, from: u64) -> Result<(), LogError> {
        let mut writer = self.writer.lock();
        let Some(bounds) = writer.bounds.filter(|b| b.last >= from) else {
            return Ok(());
        };
        let mut batch = WriteBatch::default();
        batch.delete_range_cf(
            self.family(LOG)?,
            from.to_be_bytes(),
            bounds.last.saturating_add(1).to_be_bytes(),
        );
        self.write(&mut writer, batch)?;
        writer.bounds = (from > bounds.first).then(|| Bounds {
            first: bounds.first,
            last: from.saturating_sub(1),
        });
        Ok(())
    }

    /// Deletes the entries up to index `upto`, inclusive, and writes `marker` to [`Slot::Purged`], in one write, fsynced.
    pub fn purge(&self, upto: u64, marker: &[u8]) -> Result<(), LogError> {
        let mut writer = self.writer.lock();
        let next = upto.saturating_add(1);
        let mut batch = WriteBatch::default();
        batch.delete_range_cf(self.family(LOG)?, 0_u64.to_be_bytes(), next.to_be_bytes());
        batch.put(Slot::Purged.key(), marker);
        self.write(&mut writer, batch)?;
        writer.bounds = writer.bounds.filter(|b| b.last > upto).map(|b| Bounds {
            first: b.first.max(next),
            last: b.last,
        });
        Ok(())
    }

    /// The entries of `[start, end)` in order, at least one if there is one, stopping once `bytes_max` is reached.
    pub fn range(&self, start: u64, end: u64, bytes_max: usize) -> Result<Vec<(u64, Vec<u8>)>, LogError> {
        let Some(bounds) = self.bounds() else {
            return Ok(Vec::new());
        };
        let start = start.max(bounds.first);
        let end = end.min(bounds.last.saturating_add(1));
        if start >= end {
            return Ok(Vec::new());
        }
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(end.to_be_bytes());
        let from = start.to_be_bytes();
        let mode = IteratorMode::From(&from, Direction::Forward);
        let (mut found, mut bytes) = (Vec::new(), 0_usize);
        for item in self.db.iterator_cf_opt(self.family(LOG)?, options, mode) {
            let (key, value) = item?;
            bytes = bytes.saturating_add(value.len());
            found.push((index(&key)?, value.into_vec()));
            if bytes >= bytes_max {
                break;
            }
        }
        Ok(found)
    }

    /// Writes a small value, fsynced.
    pub fn put(&self, slot: Slot, value: &[u8]) -> Result<(), LogError> {
        let mut batch = WriteBatch::default();
        batch.put(slot.key(), value);
        self.write(&mut self.writer.lock(), batch)
    }

    /// Writes a small value that may be lost at a crash; it never overtakes earlier writes.
    pub fn put_unsynced(&self, slot: Slot, value: &[u8]) -> Result<(), LogError> {
        let mut batch = WriteBatch::default();
        batch.put(slot.key(), value);
        self.write_with(&mut self.writer.lock(), batch, &WriteOptions::default())
    }

    /// Deletes a small value, fsynced.
    pub fn clear(&self, slot: Slot) -> Result<(), LogError> {
        let mut batch = WriteBatch::default();
        batch.delete(slot.key());
        self.write(&mut self.writer.lock(), batch)
    }

    /// Reads a small value.
    pub fn get(&self, slot: Slot) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.db.get(slot.key())?)
    }

    /// Replaces the snapshot, its description and its content in one write, fsynced.
    pub fn put_snapshot(&self, description: &[u8], content: &[u8]) -> Result<(), LogError> {
        check_size(content)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(SNAPSHOT)?, b"description", description);
        batch.put_cf(self.family(SNAPSHOT)?, b"content", content);
        self.write(&mut self.writer.lock(), batch)
    }

    /// The snapshot's description and content, read from one point in time.
    pub fn snapshot(&self) -> Result<Option<StoredSnapshot>, LogError> {
        let family = self.family(SNAPSHOT)?;
        let view = self.db.snapshot();
        let description = view.get_cf(family, b"description")?;
        let content = view.get_cf(family, b"content")?;
        Ok(description.zip(content))
    }

    fn find_bounds(&self) -> Result<Option<Bounds>, LogError> {
        let edge = |mode| -> Result<Option<u64>, LogError> {
            let first = self.db.iterator_cf(self.family(LOG)?, mode).next().transpose()?;
            first.map(|(key, _)| index(&key)).transpose()
        };
        let (first, last) = (edge(IteratorMode::Start)?, edge(IteratorMode::End)?);
        Ok(first.zip(last).map(|(first, last)| Bounds { first, last }))
    }

    fn family(&self, name: &str) -> Result<&ColumnFamily, LogError> {
        self.db
            .cf_handle(name)
            .ok_or_else(|| LogError::Stopped(format!("column family {name:?} is missing")))
    }

    fn write(&self, writer: &mut Writer, batch: WriteBatch) -> Result<(), LogError> {
        self.write_with(writer, batch, &synced())
    }

    fn write_with(
        &self,
        writer: &mut Writer,
        batch: WriteBatch,
        options: &WriteOptions,
    ) -> Result<(), LogError> {
        if let Some(reason) = &writer.stopped {
            return Err(LogError::Stopped(reason.clone()));
        }
        self.db.write_opt(batch, options).map_err(|e| {
            writer.stopped = Some(e.to_string());
            LogError::Database(e)
        })
    }
}

fn check_size(value: &[u8]) -> Result<(), LogError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(LogError::TooLarge { got: value.len() });
    }
    Ok(())
}

fn index(key: &[u8]) -> Result<u64, LogError> {
    key.try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| LogError::BadKey(key.len()))
}
