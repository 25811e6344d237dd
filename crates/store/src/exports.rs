//! Buckets for those who copy them elsewhere: which are closed, what they hold, what was copied already.
//!
//! Family `exports`: bucket u32. Value: what the exporter says of its last copy of the bucket; the store does not look into it.
//! It goes with the bucket.

use crate::batches::{self, FrameRecord};
use crate::bytes::Reader;
use crate::error::StoreError;
use crate::frame_key::FrameKey;
use crate::spans::{Run, keys};
use crate::state::Shared;
use crate::store::Store;
use crate::{frames, logs};
use event::{Bucket, Event, EventIdentity, LogRecord, Micros};
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::frame::{FrameError, decode_directory};

/// Name of the family.
pub(crate) const FAMILY: &str = "exports";

/// What a bucket holds, in numbers that only grow: equal marks, equal content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketMark {
    /// Spans in its runs before repeats were dropped; merging runs does not change it.
    pub spans_taken: u64,
    /// Arrival number of the last frame of events whose index is on disk.
    pub events_through: u64,
    /// One more than the arrival number of the last entry of logs; 0 = none.
    pub logs_through: u64,
}

/// A bucket, as of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketState {
    /// Which.
    pub bucket: Bucket,
    /// What it holds.
    pub mark: BucketMark,
    /// Is its time over, and everything in it sealed?
    pub closed: bool,
}

/// A run of spans. Its blocks stay while somebody has it, merged with others meanwhile or not.
#[derive(Clone, Debug)]
pub struct SpanRun {
    bucket: Bucket,
    run: u32,
    record: Arc<Run>,
}

impl SpanRun {
    /// Its blocks; the spans of a trace are in one of them, or in some that follow one another.
    pub fn blocks(&self) -> u32 {
        self.record.blocks.len() as u32
    }
}

/// What one stored frame of events has.
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

    /// The runs of spans of a bucket, ascending.
    pub fn span_runs(&self, bucket: Bucket) -> Vec<SpanRun> {
        let buckets = self.shared.spans.buckets.read();
        let runs = buckets.get(&bucket).map(|known| known.runs.iter());
        let of = |(run, record): (&u32, &Arc<Run>)| SpanRun {
            bucket,
            run: *run,
            record: Arc::clone(record),
        };
        runs.into_iter().flatten().map(of).collect()
    }

    /// A block of a run, a frame of spans (`wire::spans::SpanFrame`); none if the bucket was dropped.
    pub fn span_block(&self, of: &SpanRun, block: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let key = keys::block(of.bucket, of.run, block);
        Ok(self.shared.db.get(keys::BLOCKS, &key)?)
    }

    /// Shows the events of a bucket, those in no trace too, a stored frame at a time, by the frames' time; each event once.
    pub fn visit_events(
        &self,
        bucket: Bucket,
        visit: &mut dyn FnMut(StoredEvents) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.shared.visit_events(bucket, visit)
    }

    /// Shows the log records of a bucket, a stored entry at a time, in order of arrival.
    pub fn visit_logs(
        &self,
        bucket: Bucket,
        visit: &mut dyn FnMut(Vec<LogRecord>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        for item in self.shared.db.scan(logs::FAMILY, &bucket.0.to_be_bytes()) {
            if visit(logs::decompress(&item?.1)?).is_break() {
                break;
            }
        }
        Ok(())
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
        for (bucket, slot) in self.index.read().iter() {
            let (mark, sealed) = found.entry(*bucket).or_insert(nothing);
            mark.events_through = slot.record.indexed_through;
            *sealed &= !slot.record.open && slot.active.is_empty() && slot.flushing.is_none();
        }
        for (bucket, spans) in self.spans.buckets.read().iter() {
            let (mark, sealed) = found.entry(*bucket).or_insert(nothing);
            mark.spans_taken = spans.runs.values().map(|run| run.taken).sum();
            *sealed &= spans.frames.is_empty();
        }
        for (bucket, through) in self.log_entries() {
            found.entry(bucket).or_insert(nothing).0.logs_through = through;
        }
        let floor = self.floor();
        let state = |(bucket, (mark, sealed))| BucketState {
            bucket,
            mark,
            closed: sealed && self.is_over(bucket, now),
        };
        found
            .into_iter()
            .filter(|(bucket, _)| *bucket >= floor)
            .map(state)
            .collect()
    }

    fn visit_events(
        &self,
        bucket: Bucket,
        visit: &mut dyn FnMut(StoredEvents) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        for item in self.db.scan(frames::FAMILY, &bucket.0.to_be_bytes()) {
            let (key, bytes) = item?;
            let mut r = Reader::new(frames::FAMILY, &key);
            let key = FrameKey::read_by_time(&mut r)?;
            r.end()?;
            let record = self.db.get(batches::FAMILY, &key.by_producer())?;
            let record = record.map(|value| FrameRecord::decode(&value)).transpose()?;
            match new_events(key, &bytes, record.as_ref()) {
                Ok(events) if events.is_empty() => {}
                Ok(events) => {
                    if visit(events).is_break() {
                        break;
                    }
                }
                Err(error) => return Err(StoreError::Read(format!("stored frame: {error}"))),
            }
        }
        Ok(())
    }
}

/// The events of those sections of a frame that no earlier frame held.
fn new_events(key: FrameKey, bytes: &[u8], record: Option<&FrameRecord>) -> Result<StoredEvents, FrameError> {
    let directory = decode_directory(bytes)?;
    let mut events = Vec::new();
    for (at, entry) in directory.sections().iter().enumerate() {
        let held = record
            .and_then(|record| record.sections.get(at))
            .is_some_and(|section| section.held);
        if held || entry.gap.is_some() {
            continue;
        }
        let identity = |row: u32| EventIdentity {
            producer: key.producer,
            epoch: key.epoch,
            shard: entry.shard,
            seq: entry.seq,
            row,
        };
        let rows = directory.rows(entry)?;
        events.extend(
            (0u32..)
                .zip(rows.iter())
                .map(|(row, event)| (identity(row), event.clone())),
        );
    }
    Ok(events)
}
