//! Spans: frames as they were acknowledged, merged into runs by trace in the background (`docs/spans.md`).
//!
//! A frame is one put with one sync. In memory are, of each frame that is not sealed, its traces; of each run, its record with
//! a filter. Sealing takes the oldest frames of a bucket, writes a run as a sorted file that is ingested, and in one write
//! counts the run and deletes the frames: a crash before it leaves a file that nobody reads and that goes when the store is
//! opened. Merging does the same with runs that have traces in common.

mod append;
mod copied;
mod cut;
pub(crate) mod keys;
mod make;
mod merge;
mod open;
mod read;
mod record;
mod run;
mod seal;
mod slice;
mod terms;
mod unnamed;
mod whole;

pub(crate) use append::{SpanIndex, span_digest};
pub use copied::COPIED_BYTES_MAX;
pub(crate) use copied::{COPIED_BATCHES_MAX, CopiedPart, is_copied, read_copied, write_copied};
pub(crate) use cut::Cutter;
pub use read::Inspected;
pub(crate) use run::Run;
pub use terms::{Clause, Needs};

use event::{Bucket, Seq, Shard, TraceId};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::runs::batches::{Digests, Source};
use crate::runs::{RUN_BYTES, RUN_FRAMES, RUN_ROWS, SEED, Sealable};
use wire::spans::{Packer, SpanBuilder};

/// A frame that is not sealed yet.
#[derive(Debug)]
pub(crate) struct OpenFrame {
    pub(crate) arrival: u64,
    pub(crate) rows: u32,
    pub(crate) bytes: u32,
    /// Least start and greatest end, Unix nanoseconds.
    pub(crate) time: (u64, u64),
    /// The lower halves of its trace ids, ascending.
    pub(crate) traces: Arc<[u64]>,
    pub(crate) source: Source,
    /// Batches that count.
    pub(crate) batches: Box<[(Shard, Seq, u64)]>,
    /// Positions of sections that do not, ascending: their spans are dropped at sealing.
    pub(crate) uncounted: Box<[u16]>,
    /// Is it merged spans, which are not all of its batches, nor only these?
    pub(crate) copied: bool,
}

impl Sealable for OpenFrame {
    fn size(&self) -> (u32, u32) {
        (self.rows, self.bytes)
    }
}

impl OpenFrame {
    fn may_have(&self, trace: TraceId) -> bool {
        self.traces.binary_search(&(trace.0 as u64)).is_ok()
    }
    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.traces.len() * 8 + self.batches.len() * size_of::<(Shard, Seq, u64)>()
    }
}

/// The spans of one bucket.
#[derive(Debug, Default)]
pub(crate) struct SpanBucket {
    /// Ascending by arrival.
    pub(crate) frames: Vec<Arc<OpenFrame>>,
    pub(crate) runs: BTreeMap<u32, Arc<Run>>,
    /// Of all batches, sealed or not.
    pub(crate) digests: Digests,
    /// Greater than the number of any run that was begun.
    pub(crate) run_numbers: u32,
}

impl SpanBucket {
    /// Is there enough for a run?
    pub(crate) fn is_full(&self) -> bool {
        let bytes: u64 = self.frames.iter().map(|frame| u64::from(frame.bytes)).sum();
        self.open_rows() >= RUN_ROWS || self.frames.len() >= RUN_FRAMES || bytes >= RUN_BYTES
    }
    /// A number that no run has.
    fn next_run(&mut self) -> u32 {
        self.run_numbers += 1;
        self.run_numbers - 1
    }
    fn open_rows(&self) -> u64 {
        self.frames.iter().map(|frame| u64::from(frame.rows)).sum()
    }
}

/// Spans of a store: what is known of them without reading.
#[derive(Debug, Default)]
pub(crate) struct SpanState {
    pub(crate) buckets: RwLock<BTreeMap<Bucket, SpanBucket>>,
    pub(crate) next_arrival: AtomicU64,
    /// When frames were stored last.
    pub(crate) last_append: AtomicU64,
    /// One thread makes runs at a time, with the memory of the one before while there is much to do.
    pub(crate) sealing: Mutex<Option<Workshop>>,
    /// Runs that were merged: their files go when nobody reads them any more.
    pub(crate) graves: Mutex<Vec<(Bucket, u32, Arc<Run>)>>,
}

/// What making runs takes in memory.
#[derive(Debug)]
pub(crate) struct Workshop {
    builder: SpanBuilder,
    packer: Packer,
    /// For runs that are merged soon.
    quick: Packer,
}

impl Default for Workshop {
    fn default() -> Self {
        Self {
            builder: SpanBuilder::new(SEED),
            packer: Packer::default(),
            quick: Packer::quick(),
        }
    }
}

/// Numbers of the spans of a store, as of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanStats {
    /// Spans in frames that are not sealed.
    pub open_rows: u64,
    /// Frames that are not sealed.
    pub open_frames: u64,
    /// Their bytes.
    pub open_bytes: u64,
    /// Runs.
    pub runs: u64,
    /// Spans in them.
    pub sealed_rows: u64,
    /// Bytes of their blocks.
    pub sealed_bytes: u64,
    /// Spans that were dropped when they were sealed, because they were there twice.
    pub repeats: u64,
    /// Bytes of memory of all this, about.
    pub memory_bytes: u64,
}

impl SpanState {
    /// Bytes of each bucket.
    pub(crate) fn bytes(&self) -> Vec<(Bucket, u64)> {
        let of = |bucket: &SpanBucket| {
            let frames: u64 = bucket.frames.iter().map(|frame| u64::from(frame.bytes)).sum();
            frames + bucket.runs.values().map(|run| run.bytes()).sum::<u64>()
        };
        self.buckets
            .read()
            .iter()
            .map(|(number, bucket)| (*number, of(bucket)))
            .collect()
    }

    /// Has a bucket enough for a run?
    pub(crate) fn is_full(&self) -> bool {
        self.buckets.read().values().any(SpanBucket::is_full)
    }

    /// In how many frames and blocks a trace may be.
    pub(crate) fn units_of(&self, trace: TraceId) -> usize {
        let of = |bucket: &SpanBucket| {
            let frames = bucket.frames.iter().filter(|frame| frame.may_have(trace)).count();
            let blocks: usize = bucket.runs.values().map(|run| run.blocks_of(trace).count()).sum();
            frames + blocks
        };
        self.buckets.read().values().map(of).sum()
    }

    /// How many buckets are below a floor.
    pub(crate) fn below(&self, floor: Bucket) -> usize {
        self.buckets.read().range(..floor).count()
    }

    /// Forgets buckets below a floor; how many spans they had.
    pub(crate) fn forget(&self, floor: Bucket) -> u64 {
        let mut buckets = self.buckets.write();
        let kept = buckets.split_off(&floor);
        let gone = std::mem::replace(&mut *buckets, kept);
        let rows = |bucket: &SpanBucket| {
            bucket.open_rows() + bucket.runs.values().map(|run| run.rows()).sum::<u64>()
        };
        gone.values().map(rows).sum()
    }

    pub(crate) fn stats(&self) -> SpanStats {
        let mut stats = SpanStats::default();
        for bucket in self.buckets.read().values() {
            for frame in &bucket.frames {
                stats.open_rows += u64::from(frame.rows);
                stats.open_frames += 1;
                stats.open_bytes += u64::from(frame.bytes);
                stats.memory_bytes += frame.memory_bytes() as u64;
            }
            for run in bucket.runs.values() {
                stats.runs += 1;
                stats.sealed_rows += run.rows();
                stats.sealed_bytes += run.bytes();
                stats.repeats += run.taken.saturating_sub(run.rows());
                stats.memory_bytes += run.memory_bytes() as u64;
            }
        }
        stats
    }
}
