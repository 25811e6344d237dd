//! Buckets for those who copy them elsewhere: which are closed, what they hold, what was copied already.
//!
//! Family `exports`: bucket u32. Value: what the exporter says of its last copy of the bucket; the store does not look into it.
//! It goes with the bucket.

use crate::bytes::Reader;
use crate::error::StoreError;
use crate::state::Shared;
use crate::store::Store;
use event::{Bucket, Event, EventIdentity, LogRecord, Micros, Span};
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::Ordering;

/// Name of the family.
pub(crate) const FAMILY: &str = "exports";

/// What a bucket holds, in numbers that only grow: equal marks, equal content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketMark {
    /// Spans that were sealed, before repeats were dropped; merging runs does not change it.
    pub spans: u64,
    /// Events.
    pub events: u64,
    /// Log records.
    pub logs: u64,
}

/// A bucket, as of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketState {
    /// Which.
    pub bucket: Bucket,
    /// What it holds.
    pub mark: BucketMark,
    /// Is its time over, and everything in it sealed that can be?
    pub closed: bool,
}

/// Events, each with its identity.
pub type StoredEvents = Vec<(EventIdentity, Event)>;

/// What was said of the last copy of a bucket.
pub type ExportNote = (Bucket, Box<[u8]>);

impl Store {
    /// All buckets that hold something, ascending.
    pub fn bucket_states(&self, now: Micros) -> Vec<BucketState> {
        self.shared.bucket_states(now)
    }

    /// First microsecond of a bucket, and the first after it.
    pub fn bucket_time(&self, bucket: Bucket) -> Range<Micros> {
        let seconds = self.shared.options.bucket_seconds;
        placement::bucket_start(bucket, seconds)..placement::bucket_end(bucket, seconds)
    }

    /// Buckets before this one are dropped.
    pub fn floor(&self) -> Bucket {
        self.shared.floor()
    }

    /// Shows the spans of a bucket that are sealed, each once, whichever of its runs it is in; a trace's together and by start, but
    /// for traces of more than some megabytes, which come in several parts. How many blocks could not be read. No snapshot is
    /// held: the visitor may take its time.
    pub fn visit_bucket_spans(
        &self,
        bucket: Bucket,
        visit: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        self.shared.visit_bucket_spans(bucket, visit)
    }

    /// Shows the events of a bucket that are sealed, each once, those in no trace too, a block at a time: in each by trace. How
    /// many blocks could not be read.
    pub fn visit_bucket_events(
        &self,
        bucket: Bucket,
        visit: &mut dyn FnMut(StoredEvents) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        self.shared.visit_bucket_events(bucket, visit)
    }

    /// Shows the log records of a bucket, a stored entry at a time, in order of arrival. How many entries could not be read.
    pub fn visit_bucket_logs(
        &self,
        bucket: Bucket,
        visit: &mut dyn FnMut(Vec<LogRecord>) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        self.shared.visit_bucket_logs(bucket, visit)
    }

    /// What was said of the last copy of each bucket, ascending.
    pub fn exports(&self) -> Result<Vec<ExportNote>, StoreError> {
        let read = |item: Result<crate::db::Entry, rocksdb::Error>| {
            let (key, value) = item?;
            let mut r = Reader::new(FAMILY, &key);
            let bucket = Bucket(r.u32_be()?);
            r.end()?;
            Ok((bucket, value))
        };
        self.shared.db.scan(FAMILY, &[]).map(read).collect()
    }

    /// Remembers a copy of a bucket; on disk, fsynced, when it returns.
    pub fn set_export(&self, bucket: Bucket, said: &[u8]) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.shared.db.family(FAMILY), bucket.0.to_be_bytes(), said);
        self.shared.write(batch, true)
    }

    /// Keeps buckets from this one on, however old; the bound of the disk still drops them. `u32::MAX` = keeps none.
    pub fn hold_from(&self, bucket: Bucket) {
        self.shared.hold.store(bucket.0, Ordering::Release);
    }
}

impl Shared {
    fn bucket_states(&self, now: Micros) -> Vec<BucketState> {
        let nothing = (BucketMark::default(), true);
        let mut found: BTreeMap<Bucket, (BucketMark, bool)> = BTreeMap::new();
        for (bucket, events) in &*self.events.buckets.read() {
            let (mark, sealed) = found.entry(*bucket).or_insert(nothing);
            mark.events = events.open_rows + events.runs.values().map(|run| run.rows()).sum::<u64>();
            *sealed &= events.frames.is_empty() || events.unsealable;
        }
        for (bucket, spans) in &*self.spans.buckets.read() {
            let (mark, sealed) = found.entry(*bucket).or_insert(nothing);
            mark.spans = spans.runs.values().map(|run| run.taken).sum();
            *sealed &= spans.frames.is_empty();
        }
        for (bucket, records) in self.log_counts() {
            found.entry(bucket).or_insert(nothing).0.logs = records;
        }
        let floor = self.floor();
        let state = |(bucket, (mark, sealed))| BucketState {
            bucket,
            mark,
            closed: sealed && self.is_over(bucket, now),
        };
        let held = found.into_iter().filter(|(bucket, _)| *bucket >= floor);
        held.map(state).collect()
    }
}
