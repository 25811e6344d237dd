//! What the writer, the upkeep and the queries share.
//!
//! Locks are taken in this order: `upkeep`, `events.sealing`, `spans.sealing`, `commit`, `events.buckets`. Queries take the last for
//! reading only.

use crate::counters::Counters;
use crate::db::Db;
use crate::error::StoreError;
use crate::events::EventState;
use crate::logs::LogState;
use crate::options::{Memory, StoreOptions};
use crate::producers::{HeldGroup, ProducerKey};
use crate::replicas::WaitingHints;
use crate::spans::SpanState;
use event::{Bucket, NodeKey};
use lru::LruCache;
use parking_lot::Mutex;
use rocksdb::{WriteBatch, WriteOptions};
use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const PRODUCERS_CACHED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
const NODES_CACHED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// What only a commit changes.
#[derive(Debug)]
pub(crate) struct CommitState {
    pub(crate) next_arrival: u64,
    pub(crate) held: LruCache<ProducerKey, HeldGroup>,
    /// Node incarnations whose names are stored, with the bucket that they are stored with.
    pub(crate) nodes: LruCache<NodeKey, Bucket>,
}

impl CommitState {
    pub(crate) fn new(next_arrival: u64) -> Self {
        Self {
            next_arrival,
            held: LruCache::new(PRODUCERS_CACHED),
            nodes: LruCache::new(NODES_CACHED),
        }
    }
    pub(crate) fn forget(&mut self) {
        self.held.clear();
        self.nodes.clear();
    }
}

/// Is anything written, and is it out of the log? Counts of writes.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    /// When it was last looked.
    pub(crate) seen: AtomicU64,
    /// When everything was last written out.
    pub(crate) flushed: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) db: Db,
    pub(crate) options: StoreOptions,
    pub(crate) memory: Memory,
    pub(crate) counters: Counters,
    pub(crate) upkeep: Mutex<()>,
    pub(crate) commit: Mutex<CommitState>,
    pub(crate) events: EventState,
    pub(crate) spans: SpanState,
    pub(crate) logs: LogState,
    pub(crate) hints: WaitingHints,
    pub(crate) rest: Rest,
    /// The format that it is written in.
    pub(crate) format: AtomicU32,
    /// Bytes of a page of spans that is copied.
    pub(crate) page_bytes: AtomicU64,
    /// Buckets before it are dropped.
    pub(crate) floor: AtomicU32,
    /// Buckets from it on are not dropped for their age.
    pub(crate) hold: AtomicU32,
    /// Why nothing is written any more.
    pub(crate) poison: Mutex<Option<String>>,
}

impl Shared {
    pub(crate) fn floor(&self) -> Bucket {
        Bucket(self.floor.load(Ordering::Acquire))
    }

    /// By which shards runs of events are sealed; none: by trace, as format 3 has it.
    pub(crate) fn shards_of_runs(&self) -> Option<NonZeroU16> {
        (self.format.load(Ordering::Acquire) >= 4).then_some(self.options.shards)
    }

    pub(crate) fn check_writable(&self) -> Result<(), StoreError> {
        match &*self.poison.lock() {
            Some(why) => Err(StoreError::Poisoned(why.clone())),
            None => Ok(()),
        }
    }

    /// Writes a batch; a failure stops all writing until restart: what a failed sync left on disk is not known.
    pub(crate) fn write(&self, batch: WriteBatch, sync: bool) -> Result<(), StoreError> {
        self.check_writable()?;
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        self.db.raw.write_opt(batch, &options).map_err(|e| {
            let why = e.into_string();
            tracing::error!(error = %why, "write failed, writing stops until restart");
            self.poison.lock().get_or_insert_with(|| why.clone());
            StoreError::Poisoned(why)
        })
    }

    /// Bytes of the disk that are free to us, and all of them.
    pub(crate) fn disk_space(&self) -> Result<(u64, u64), StoreError> {
        let stat = rustix::fs::statvfs(self.db.raw.path()).map_err(|e| StoreError::Read(e.to_string()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok((bytes(stat.f_bavail), bytes(stat.f_blocks)))
    }

    /// Refuses when less would stay free on disk than the reserve.
    pub(crate) fn check_space(&self, bytes: u64) -> Result<(), StoreError> {
        let needed = self.options.disk_reserve_bytes.saturating_add(bytes);
        let (free, _) = self.disk_space()?;
        if free < needed {
            return Err(StoreError::DiskFull {
                free_bytes: free,
                needed_bytes: needed,
            });
        }
        Ok(())
    }
}
