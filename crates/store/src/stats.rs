//! Numbers of a store, as of now.

use crate::counters::Totals;
use crate::events::EventBucket;
use crate::state::Shared;
use event::{Bucket, Hlc};
use std::sync::atomic::Ordering;

/// Numbers of a store, as of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Since it was opened.
    pub totals: Totals,
    /// The format that it is written in.
    pub format: u32,
    /// Bytes of frames that wait for the writer.
    pub queued_bytes: u64,
    /// Bytes of memory of what is known of frames that are not sealed, about.
    pub open_index_bytes: u64,
    /// Frames that are not sealed.
    pub open_frames: u64,
    /// Events in them.
    pub open_events: u64,
    /// Runs.
    pub event_runs: u64,
    /// Events in them.
    pub sealed_events: u64,
    /// Bytes of their blocks.
    pub sealed_bytes: u64,
    /// Bytes of memory of what is known of runs, about.
    pub run_index_bytes: u64,
    /// Buckets that hold anything.
    pub buckets: u64,
    /// Buckets with frames that are not sealed.
    pub open_buckets: u64,
    /// Frames that are held, sealed or not.
    pub frames_held: u64,
    /// Bytes of frames and of blocks of events that are held.
    pub frame_bytes_held: u64,
    /// Greatest HLC of any event held.
    pub hlc_max: Hlc,
    /// Buckets before it are dropped.
    pub floor: Bucket,
    /// Has writing stopped until restart?
    pub poisoned: bool,
    /// Bytes of sorted files.
    pub sst_bytes: u64,
    /// Bytes of frames' files.
    pub blob_bytes: u64,
    /// Bytes of memtables.
    pub memtable_bytes: u64,
    /// Bytes of the write-ahead log's files.
    pub wal_bytes: u64,
    /// Bytes that wait to be compacted.
    pub pending_compaction_bytes: u64,
}

impl Shared {
    pub(crate) fn stats(&self, queued_bytes: u64) -> StoreStats {
        let mut stats = StoreStats {
            totals: self.counters.totals(),
            format: self.format.load(Ordering::Acquire),
            queued_bytes,
            floor: self.floor(),
            poisoned: self.poison.lock().is_some(),
            sst_bytes: self.db.property("rocksdb.total-sst-files-size"),
            blob_bytes: self.db.property("rocksdb.total-blob-file-size"),
            memtable_bytes: self.db.property("rocksdb.cur-size-all-mem-tables"),
            wal_bytes: self.wal_bytes(),
            pending_compaction_bytes: self.db.property("rocksdb.estimate-pending-compaction-bytes"),
            ..StoreStats::default()
        };
        self.events
            .buckets
            .read()
            .values()
            .for_each(|bucket| stats.add(bucket));
        stats
    }

    pub(crate) fn wal_bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.db.raw.path())
            .into_iter()
            .flatten()
            .flatten();
        files
            .filter(|f| f.path().extension().is_some_and(|e| e == "log"))
            .filter_map(|f| f.metadata().ok())
            .map(|m| m.len())
            .sum()
    }
}

impl StoreStats {
    fn add(&mut self, bucket: &EventBucket) {
        self.buckets += 1;
        self.open_buckets += u64::from(!bucket.frames.is_empty());
        self.frames_held += bucket.frame_count();
        self.frame_bytes_held += bucket.byte_len();
        self.open_index_bytes += bucket.open_memory as u64;
        self.open_frames += bucket.frames.len() as u64;
        self.open_events += bucket.open_rows;
        for run in bucket.runs.values() {
            self.event_runs += 1;
            self.sealed_events += run.rows();
            self.sealed_bytes += run.bytes();
            self.run_index_bytes += run.memory_bytes() as u64;
            self.hlc_max = self.hlc_max.max(run.record.hlc.1);
        }
        for frame in &bucket.frames {
            self.hlc_max = self.hlc_max.max(frame.hlc.1);
        }
    }
}
