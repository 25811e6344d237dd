//! From many frames to one run: spans merged by trace, repeats dropped, in blocks with filter and terms.

use super::keys;
use super::make::{MadeRun, RunMaker, unreadable};
use super::merge::pays;
use super::{OpenFrame, SpanBucket, Workshop};
use crate::counters::add;
use crate::damage::Damage;
use crate::error::StoreError;
use crate::runs::batches::RunBatches;
use crate::runs::{RUN_ROWS, file_options, first_frames};
use crate::state::Shared;
use event::{Bucket, Micros};
use rocksdb::WriteBatch;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::frame::FrameError;
use wire::spans::{SpanBuilder, SpanFrame};

/// Nothing came for so long: what is there is sealed, if it is a quarter of a run. Half of what waits would else be written twice,
/// as it is, when the store lets its log go.
const QUIET_US: u64 = 1_000_000;
const QUIET_ROWS: u64 = RUN_ROWS / 4;

/// Runs that are asked whether they have traces of a new one too: the last ones, since a trace's spans come close together.
const ASKED_RUNS: usize = 32;

impl Shared {
    /// Seals full runs and what is left of buckets that are over; then merges runs that have traces in common. How many runs
    /// it sealed.
    pub(crate) fn seal_spans(&self, now: Micros) -> Result<usize, StoreError> {
        let mut kept = self.spans.sealing.lock();
        let mut workshop = kept.take().unwrap_or_default();
        let made = self.seal_due(now, &mut workshop)?;
        let merged = self.merge_due(now, &mut workshop)?;
        // What it takes in memory is kept while there is much to do.
        if made + merged > 0 {
            *kept = Some(workshop);
        }
        // What was sealed since it was written out is in files of its own until these are compacted, which may be never now.
        if made > 0 && self.is_quiet(now, QUIET_US) {
            let family = self.db.family(keys::FRAMES);
            self.db.raw.compact_range_cf(family, None::<&[u8]>, None::<&[u8]>);
        }
        self.bury();
        Ok(made)
    }

    /// Seals what is due.
    pub(super) fn seal_due(&self, now: Micros, workshop: &mut Workshop) -> Result<usize, StoreError> {
        let mut made = 0;
        while let Some(bucket) = self.to_seal(now) {
            if self.check_writable().is_err() || !self.seal_run(bucket, workshop)? {
                break;
            }
            made += 1;
        }
        Ok(made)
    }

    fn to_seal(&self, now: Micros) -> Option<Bucket> {
        let quiet = self.is_quiet(now, QUIET_US);
        let buckets = self.spans.buckets.read();
        let due = |number: &Bucket, bucket: &SpanBucket| {
            let enough = bucket.is_full() || quiet && bucket.open_rows() >= QUIET_ROWS;
            !bucket.frames.is_empty() && (enough || self.is_over(*number, now))
        };
        buckets
            .iter()
            .find(|(number, bucket)| due(number, bucket))
            .map(|(number, _)| *number)
    }

    fn seal_run(&self, bucket: Bucket, workshop: &mut Workshop) -> Result<bool, StoreError> {
        let Some((frames, number)) = self.first_frames(bucket) else {
            return Ok(false);
        };
        let Some(through) = frames.last().map(|frame| frame.arrival) else {
            return Ok(false);
        };
        self.check_space(frames.iter().map(|frame| u64::from(frame.bytes)).sum())?;
        let taken = frames.iter().map(|frame| u64::from(frame.rows)).sum();
        let Workshop {
            builder,
            packer,
            quick,
        } = workshop;
        // What is merged in seconds is not compressed before.
        let packer = if self.is_merged_soon(bucket) {
            quick
        } else {
            packer
        };
        builder.clear();
        let mut batches = RunBatches::default();
        for frame in &frames {
            let bytes = self
                .db
                .get_once(keys::FRAMES, &keys::frame(bucket, frame.arrival))?;
            let bytes = bytes.ok_or_else(|| gone(keys::FRAMES))?;
            frame
                .take_into(builder, &bytes)
                .map_err(|error| unreadable(&error))?;
            for (shard, seq, content) in &frame.batches {
                batches.insert(frame.source, *shard, *seq, *content);
            }
        }
        let options = file_options();
        let mut maker = RunMaker::new(self, (bucket, number), taken, &options, packer)?;
        maker.add(builder)?;
        let mut made = maker.finish(self)?;
        made.run.taken = taken;
        made.run.shared = self.shared_with(&made, &[]);
        made.batches = batches;
        let mut batch = WriteBatch::default();
        made.put(self, &mut batch);
        let (from, to) = (keys::frame(bucket, 0), keys::frame(bucket, through + 1));
        batch.delete_range_cf(self.db.family(keys::FRAMES), from, to);
        for frame in frames.iter().filter(|frame| frame.has_record()) {
            let key = keys::frame(bucket, frame.arrival);
            batch.delete_cf(self.db.family(keys::RECORDS), key);
        }
        add(&self.counters.span_run_bytes, made.run.bytes());
        // No commit looks for a batch while it moves.
        let _no_commit = self.commit.lock();
        // Under the lock, so that whoever looks at the index and takes a snapshot sees the same in both.
        let mut buckets = self.spans.buckets.write();
        self.write(batch, true)?;
        add(&self.counters.span_runs, 1);
        if let Some(known) = buckets.get_mut(&bucket) {
            known.frames.retain(|frame| frame.arrival > through);
            known.runs.insert(number, Arc::new(made.run));
        }
        Ok(true)
    }

    /// Did nothing come for so long?
    pub(super) fn is_quiet(&self, now: Micros, long_us: u64) -> bool {
        now.0
            .saturating_sub(self.spans.last_append.load(Ordering::Relaxed))
            >= long_us
    }

    /// Do traces of this bucket come in parts, so that runs are merged?
    fn is_merged_soon(&self, bucket: Bucket) -> bool {
        let buckets = self.spans.buckets.read();
        let runs = buckets.get(&bucket).map(|known| &known.runs);
        let newest = runs.into_iter().flat_map(|runs| runs.values().rev());
        newest.take(2).any(|run| pays(std::iter::once(&**run)))
    }

    /// The oldest frames of a bucket, as many as one run takes, and the run's number.
    fn first_frames(&self, bucket: Bucket) -> Option<(Vec<Arc<OpenFrame>>, u32)> {
        let mut buckets = self.spans.buckets.write();
        let known = buckets.get_mut(&bucket)?;
        let frames = first_frames(&known.frames);
        Some((frames, known.next_run()))
    }

    /// How many traces of a new run the last other runs of its bucket seem to have too.
    pub(super) fn shared_with(&self, made: &MadeRun, not: &[u32]) -> u64 {
        let others: Vec<_> = {
            let buckets = self.spans.buckets.read();
            let runs = buckets.get(&made.bucket).map(|known| &known.runs);
            let others = runs.into_iter().flatten().rev();
            let others = others
                .filter(|(number, _)| !not.contains(number))
                .take(ASKED_RUNS);
            others.map(|(_, run)| Arc::clone(run)).collect()
        };
        let mut left = made.hashes.clone();
        for run in others {
            left.retain(|hash| !run.filter.may_have(*hash));
        }
        (made.hashes.len() - left.len()) as u64
    }
}

impl OpenFrame {
    /// Takes its spans that count into a builder.
    pub(crate) fn take_into(&self, builder: &mut SpanBuilder, bytes: &[u8]) -> Result<(), FrameError> {
        let frame = SpanFrame::open(bytes)?;
        if self.uncounted.is_empty() {
            return builder.append(&frame);
        }
        let decoded = frame.decoded()?;
        let sections = (0u16..).zip(frame.sections());
        let counted = |at: u16| self.uncounted.binary_search(&at).is_err();
        // By trace, in the order of the rows.
        let mut counted =
            sections.flat_map(|(at, section)| std::iter::repeat_n(counted(at), section.traces as usize));
        builder.take(&decoded, |_| counted.next().unwrap_or_default());
        Ok(())
    }

    /// Is there an entry of `span_records`?
    fn has_record(&self) -> bool {
        self.copied || !self.uncounted.is_empty()
    }
}

pub(super) fn gone(family: &'static str) -> StoreError {
    StoreError::Damaged(Damage {
        family,
        what: "spans are gone",
    })
}
