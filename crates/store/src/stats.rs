//! Numbers of a store, as of now.

use crate::counters::Totals;
use crate::state::{Shared, Slot};
use event::{Bucket, Hlc};

/// Numbers of a store, as of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Since it was opened.
    pub totals: Totals,
    /// Bytes of frames that wait for the writer.
    pub queued_bytes: u64,
    /// Bytes of memory of the open index, about.
    pub open_index_bytes: u64,
    /// Traces in the open index.
    pub open_traces: u64,
    /// Buckets that hold anything.
    pub buckets: u64,
    /// Buckets whose index is not wholly on disk.
    pub open_buckets: u64,
    /// Frames that are held.
    pub frames_held: u64,
    /// Bytes of frames that are held.
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
        self.index.read().values().for_each(|slot| stats.add(slot));
        stats
    }

    fn wal_bytes(&self) -> u64 {
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
    fn add(&mut self, slot: &Slot) {
        self.buckets += 1;
        self.open_buckets += u64::from(slot.record.open);
        self.frames_held += slot.record.frames;
        self.frame_bytes_held += slot.record.bytes;
        self.hlc_max = self.hlc_max.max(slot.record.hlc_max);
        for part in slot.in_memory() {
            self.open_index_bytes += part.memory_bytes() as u64;
            self.open_traces += part.trace_count() as u64;
            self.frames_held += part.frames;
            self.frame_bytes_held += part.frame_bytes;
            self.hlc_max = self.hlc_max.max(part.hlc_max);
        }
    }
}
