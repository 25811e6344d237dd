//! The code store: records of the code graph ([`codegraph::records::Records`]) in a RocksDB of their own.
//!
//! A column family a kind of record, so that alike values lie together and each kind has sizes of its own (a key prefix
//! instead would open 10 ms sooner, and be as large). One process writes; whoever comes second opens the folder for reading, as it was at that
//! moment. A record is named by what it was made of and written once; a batch is one write with one sync of the log.
//! Calls block: keep them off async threads.

mod fault;
mod open;
mod settings;
mod sizes;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use codegraph::records::{Change, Family, Pairs, Records, RecordsFault};
use parking_lot::Mutex;
use rocksdb::{ColumnFamily, DB, Direction, FlushOptions, IteratorMode, ReadOptions, WriteBatch};

use crate::raft_log::synced;

pub use fault::CodeStoreError;
pub use sizes::{FamilySize, Sizes};

/// Format that this program writes, and the latest that it reads.
pub const CODE_FORMAT: u32 = 1;

/// Free bytes on the disk below which nothing is written, so that what is there can still be compacted.
const RESERVE_BYTES: u64 = 32 << 20;
/// Bytes of log from which on closing writes tables, so that the next opening has little to replay.
const REPLAY_BYTES_MAX: u64 = 1 << 20;
/// Blocks of so many keys are held unpacked at once.
const KEYS_AT_ONCE: usize = 256;

/// The records of one folder. Clones share them; the folder is released when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct CodeRecords {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: DB,
    path: PathBuf,
    /// Why nothing can be written; `None`: it can.
    read_only: Option<String>,
    /// Why writing stopped: after one failed sync, what is on disk is not known until the next opening.
    stopped: Mutex<Option<String>>,
    /// [`RESERVE_BYTES`]; tests have their own, `None` to fill a disk really.
    reserve_bytes: Option<u64>,
}

impl CodeRecords {
    /// Opens or creates the records in the folder `dir`. If another process has it open, or the file system is for
    /// reading only, what is there is opened for reading: then [`is_writable`](Records::is_writable) is false and
    /// [`read_only`](Self::read_only) says why.
    pub fn open(dir: &Path) -> Result<Self, CodeStoreError> {
        Self::open_with(dir, Some(RESERVE_BYTES))
    }

    fn open_with(dir: &Path, reserve_bytes: Option<u64>) -> Result<Self, CodeStoreError> {
        let opened = open::open(dir)?;
        Ok(Self {
            inner: Arc::new(Inner {
                db: opened.db,
                path: dir.to_path_buf(),
                read_only: opened.read_only,
                stopped: Mutex::new(None),
                reserve_bytes,
            }),
        })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Why it was opened for reading only; `None`: for writing.
    #[must_use]
    pub fn read_only(&self) -> Option<&str> {
        self.inner.read_only.as_deref()
    }

    /// Counts each family's records and measures them. Reads all of them: 0.1 s for 50 MB.
    pub fn sizes(&self) -> Result<Sizes, RecordsFault> {
        sizes::measure(&self.inner.db)
    }

    /// Writes the tables anew without what was removed or overwritten: after a collection. Takes as long as writing
    /// everything once.
    pub fn compact(&self) -> Result<(), RecordsFault> {
        self.check_writable()?;
        for family in Family::ALL {
            let column = self.column(family)?;
            self.inner.db.flush_cf(column).map_err(|e| fault::words(&e))?;
            self.inner
                .db
                .compact_range_cf(column, None::<&[u8]>, None::<&[u8]>);
        }
        Ok(())
    }

    fn column(&self, family: Family) -> Result<&ColumnFamily, RecordsFault> {
        settings::column(&self.inner.db, family)
    }

    fn check_writable(&self) -> Result<(), RecordsFault> {
        if let Some(why) = &self.inner.read_only {
            return Err(RecordsFault(format!("nothing is written: {why}")));
        }
        match &*self.inner.stopped.lock() {
            Some(why) => Err(RecordsFault(format!(
                "nothing is written until it is opened again: {why}"
            ))),
            None => Ok(()),
        }
    }

    /// Refuses, and goes on once there is space again, where trying could leave the database unable to write at all.
    fn check_space(&self, bytes: usize) -> Result<(), RecordsFault> {
        let Some(reserve) = self.inner.reserve_bytes else {
            return Ok(());
        };
        let stat = rustix::fs::statvfs(&self.inner.path)
            .map_err(|e| RecordsFault(format!("{}: {e}", self.inner.path.display())))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        let needed = reserve.saturating_add(bytes as u64);
        if free < needed {
            return Err(RecordsFault(format!(
                "disk full: {} has {free} bytes free, {needed} are needed; nothing was written",
                self.inner.path.display()
            )));
        }
        Ok(())
    }
}

impl Records for CodeRecords {
    fn get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, RecordsFault> {
        // In the order of the tables, so that a block is unpacked once for all of its keys.
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_unstable_by(|a, b| keys[*a].cmp(&keys[*b]));
        let mut found = vec![None; keys.len()];
        let column = self.column(family)?;
        for some in order.chunks(KEYS_AT_ONCE) {
            let keys = some.iter().map(|at| &keys[*at]);
            let values = self.inner.db.batched_multi_get_cf(column, keys, true);
            for (at, value) in some.iter().zip(values) {
                found[*at] = value.map_err(|e| fault::words(&e))?.map(|value| value.to_vec());
            }
        }
        Ok(found)
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), RecordsFault> {
        self.check_writable()?;
        let mut batch = WriteBatch::default();
        for change in changes {
            match change {
                Change::Put(family, key, value) => batch.put_cf(self.column(family)?, key, value),
                Change::Remove(family, key) => batch.delete_cf(self.column(family)?, key),
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.check_space(batch.size_in_bytes())?;
        self.inner.db.write_opt(batch, &synced()).map_err(|e| {
            let said = fault::words(&e);
            self.inner.stopped.lock().get_or_insert_with(|| said.0.clone());
            said
        })
    }

    fn scan(&self, family: Family, after: Option<&[u8]>, limit: usize) -> Result<Pairs, RecordsFault> {
        let from = after.map_or(IteratorMode::Start, |key| {
            IteratorMode::From(key, Direction::Forward)
        });
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        self.inner
            .db
            .iterator_cf_opt(self.column(family)?, options, from)
            .filter(|row| !matches!((row, after), (Ok((key, _)), Some(after)) if **key == *after))
            .take(limit)
            .map(|row| row.map(|(key, value)| (key.into_vec(), value.into_vec())))
            .collect::<Result<_, _>>()
            .map_err(|e| fault::words(&e))
    }

    fn is_writable(&self) -> bool {
        self.check_writable().is_ok()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.read_only.is_some() || self.stopped.get_mut().is_some() {
            return;
        }
        if sizes::unwritten_bytes(&self.db) >= REPLAY_BYTES_MAX {
            let columns: Vec<_> = Family::ALL
                .iter()
                .filter_map(|family| settings::column(&self.db, *family).ok())
                .collect();
            if let Err(fault) = self.db.flush_cfs_opt(&columns, &FlushOptions::default()) {
                // Nothing is lost: the log has it.
                tracing::warn!(error = %fault, "tables not written at closing");
            }
        }
    }
}
