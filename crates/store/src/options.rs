//! How a store is opened, and how its memory is divided.

use crate::meta::{FORMAT, Owner};
use event::Micros;
use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

/// Least memory that a store works with.
pub(crate) const MEMORY_BYTES_MIN: u64 = 32 << 20;
/// Most frames in one commit.
pub(crate) const COMMIT_FRAMES_MAX: usize = 1024;
/// Requests that may wait for the writer.
pub(crate) const QUEUE_REQUESTS_MAX: usize = 4096;
/// Intervals in one set of batch numbers; a producer that leaves more holes waits until it has filled some.
pub(crate) const INTERVALS_MAX: usize = 4096;

/// A reading of the physical clock.
pub type Now = Arc<dyn Fn() -> Micros + Send + Sync>;

/// Settings of a store.
#[derive(Clone)]
pub struct StoreOptions {
    /// Bytes of memory for block cache, memtables, open index and waiting frames together.
    pub memory_bytes: u64,
    /// Length of a bucket in seconds; that of the cluster.
    pub bucket_seconds: NonZeroU32,
    /// Shards of the cluster: which spans of a run are copied to whom.
    pub shards: NonZeroU16,
    /// A bucket closes this long after its end.
    pub lateness_seconds: u32,
    /// A bucket is dropped this long after its end.
    pub retention_seconds: u64,
    /// Most bytes of frames that one commit gathers.
    pub commit_bytes_max: usize,
    /// Least time from the begin of one commit to the begin of the next, in microseconds: what comes meanwhile goes into one write with
    /// one sync. The first after a pause of that length does not wait. 0 = only what came while the one before was being synced.
    pub commit_spacing_us: u64,
    /// Bytes that frames and runs may take on the disk; the oldest buckets are dropped above. 0 = no bound but the retention.
    pub disk_bytes_max: u64,
    /// Is no bucket dropped for its age until [`crate::Store::hold_from`] says otherwise?
    pub hold_all: bool,
    /// Nothing is written while less is free on the disk.
    pub disk_reserve_bytes: u64,
    /// How often closing and dropping is considered, in milliseconds; 0 = only when asked (tests).
    pub upkeep_interval_ms: u64,
    /// The format that it is written in, unless it is of a later one already ([`crate::Store::raise_format`]): from [`crate::FORMAT_LEAST`], which
    /// programs of the release before read, to [`crate::FORMAT`].
    pub format: u32,
    /// Whose store it is; checked against what the folder says. `None` = not checked.
    pub owner: Option<Owner>,
    /// Physical clock.
    pub now: Now,
}

impl StoreOptions {
    /// Defaults, with this clock.
    pub fn new(now: Now) -> Self {
        Self {
            memory_bytes: 256 << 20,
            bucket_seconds: NonZeroU32::new(600).unwrap_or(NonZeroU32::MIN),
            shards: NonZeroU16::new(64).unwrap_or(NonZeroU16::MIN),
            lateness_seconds: 120,
            retention_seconds: 24 * 3600,
            commit_bytes_max: 8 << 20,
            commit_spacing_us: 0,
            disk_bytes_max: 0,
            hold_all: false,
            disk_reserve_bytes: 64 << 20,
            upkeep_interval_ms: 1000,
            format: FORMAT,
            owner: None,
            now,
        }
    }

    pub(crate) fn memory(&self) -> Memory {
        let quarter = (self.memory_bytes.max(MEMORY_BYTES_MIN) / 4) as usize;
        Memory {
            block_cache: quarter,
            memtables: quarter,
            open_index: quarter,
            queue: quarter as u64,
        }
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("memory_bytes", &self.memory_bytes)
            .field("bucket_seconds", &self.bucket_seconds)
            .field("retention_seconds", &self.retention_seconds)
            .finish_non_exhaustive()
    }
}

/// The budget's parts, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) block_cache: usize,
    pub(crate) memtables: usize,
    pub(crate) open_index: usize,
    pub(crate) queue: u64,
}
