//! From many frames to one run: spans merged by trace, repeats dropped, in blocks with filter and terms.

use super::keys;
use super::make::{MadeRun, RunMaker, unreadable};
use super::merge::pays;
use super::{OpenFrame, SpanBucket, Workshop};
use crate::counters::add;
use crate::damage::Damage;
use crate::error::StoreError;
use crate::runs::{file_options, first_frames};
use crate::state::Shared;
use event::{Bucket, Micros};
use rocksdb::WriteBatch;
use std::sync::Arc;
use wire::spans::SpanFrame;

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
        let buckets = self.spans.buckets.read();
        let due = |number: &Bucket, bucket: &SpanBucket| {
            !bucket.frames.is_empty() && (bucket.is_full() || self.is_over(*number, now))
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
        let mut stored = Vec::with_capacity(frames.len());
        for frame in &frames {
            let bytes = self.db.get(keys::FRAMES, &keys::frame(bucket, frame.arrival))?;
            stored.push(bytes.ok_or_else(|| gone(keys::FRAMES))?);
        }
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
        for bytes in &stored {
            let frame = SpanFrame::open(bytes).map_err(|error| unreadable(&error))?;
            builder.append(&frame).map_err(|error| unreadable(&error))?;
        }
        let options = file_options();
        let mut maker = RunMaker::new(self, (bucket, number), taken, &options, packer)?;
        drop(stored);
        maker.add(builder)?;
        let mut made = maker.finish(self)?;
        made.run.taken = taken;
        made.run.shared = self.shared_with(&made, &[]);
        let mut batch = WriteBatch::default();
        made.put(self, &mut batch);
        let (from, to) = (keys::frame(bucket, 0), keys::frame(bucket, through + 1));
        batch.delete_range_cf(self.db.family(keys::FRAMES), from, to);
        add(&self.counters.span_run_bytes, made.run.bytes());
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

pub(super) fn gone(family: &'static str) -> StoreError {
    StoreError::Damaged(Damage {
        family,
        what: "spans are gone",
    })
}
