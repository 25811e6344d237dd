//! From several runs of a bucket to one: parts of a trace come together, repeats in different runs are dropped.
//!
//! Runs are merged slice by slice of the order of traces, so that memory is bounded whatever their size. The new run counts,
//! and the old ones cease to, in one synced write. Their blocks' files go when nobody reads them any more; after a crash, when
//! the store is opened (`open.rs`).

use super::keys;
use super::make::RunMaker;
use super::run::Run;
use super::slice::{Group, SLICE_ROWS_MAX, Slice, parts};
use super::{SpanBucket, Workshop};
use crate::counters::add;
use crate::error::StoreError;
use crate::runs::batches::{ShardBatches, read_list_key};
use crate::runs::file_options;
use crate::state::Shared;
use event::{Bucket, Micros};
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use wire::spans::SpanBuilder;

/// Runs that are merged at once.
pub(super) const FAN_IN: usize = 16;
/// Runs of this level are not merged again while their bucket grows.
const LEVEL_MAX: u8 = 2;
/// Merging pays if of this many traces one is in more than one run. What has its traces to itself stays as it is: nothing would
/// become smaller.
const TRACES_A_SHARED: u64 = 16;
/// Nothing came for so long: what waits for more is merged.
const QUIET_US: u64 = 3_000_000;

impl Shared {
    /// Merges runs where it pays. How many runs it made.
    pub(super) fn merge_due(&self, now: Micros, workshop: &mut Workshop) -> Result<usize, StoreError> {
        let mut merged = 0;
        while let Some((bucket, group)) = self.to_merge(now) {
            let bytes = group.iter().map(|(_, run)| run.bytes()).sum();
            if self.check_writable().is_err() || self.check_space(bytes).is_err() {
                break;
            }
            self.merge_runs(bucket, &group, now, workshop)?;
            merged += 1;
        }
        Ok(merged)
    }

    fn to_merge(&self, now: Micros) -> Option<(Bucket, Group)> {
        let quiet = self.is_quiet(now, QUIET_US);
        let buckets = self.spans.buckets.read();
        buckets.iter().find_map(|(number, bucket)| {
            let over = self.is_over(*number, now) && bucket.frames.is_empty();
            let group = enough(&bucket.runs);
            let group = group.or_else(|| waiting(&bucket.runs).filter(|_| quiet || over));
            let group = group.or_else(|| small(&bucket.runs).filter(|_| over));
            group.map(|group| (*number, group))
        })
    }

    fn merge_runs(
        &self,
        bucket: Bucket,
        group: &[(u32, Arc<Run>)],
        now: Micros,
        workshop: &mut Workshop,
    ) -> Result<(), StoreError> {
        let rows: u64 = group.iter().map(|(_, run)| run.rows()).sum();
        let number = {
            let mut buckets = self.spans.buckets.write();
            buckets.get_mut(&bucket).map(SpanBucket::next_run)
        };
        let Some(number) = number else { return Ok(()) };
        let options = file_options();
        let mut packer = std::mem::take(&mut workshop.packer);
        let mut maker = RunMaker::new(self, (bucket, number), rows, &options, &mut packer)?;
        for slice in parts(group) {
            // A merge may take seconds: frames do not wait for it.
            self.seal_due(now, workshop)?;
            self.gather(bucket, group, &slice, &mut workshop.builder, &mut |_, error| {
                Err(error)
            })?;
            maker.add(&workshop.builder)?;
        }
        let mut made = maker.finish(self)?;
        workshop.packer = packer;
        let numbers: Vec<u32> = group.iter().map(|(number, _)| *number).collect();
        made.run.level = group
            .iter()
            .map(|(_, run)| run.level)
            .max()
            .unwrap_or_default()
            .saturating_add(1);
        made.run.taken = group.iter().map(|(_, run)| run.taken).sum();
        made.run.shared = self.shared_with(&made, &numbers);
        for number in &numbers {
            for item in self.db.scan(keys::BATCHES, &keys::run(bucket, *number)) {
                let (key, value) = item?;
                if let Some((_, _, shard)) = read_list_key(keys::BATCHES, &key)? {
                    let list = ShardBatches::decode(keys::BATCHES, &value)?;
                    made.batches.extend(shard, &list);
                }
            }
        }
        add(&self.counters.span_merged_bytes, made.run.bytes());
        let mut batch = WriteBatch::default();
        made.put(self, &mut batch);
        for number in &numbers {
            let (from, to) = (keys::run(bucket, *number), keys::run(bucket, number + 1));
            batch.delete_cf(self.db.family(keys::RUNS), from);
            batch.delete_range_cf(self.db.family(keys::TERMS), from, to);
            batch.delete_range_cf(self.db.family(keys::BATCHES), from, to);
        }
        let _no_commit = self.commit.lock();
        let mut buckets = self.spans.buckets.write();
        self.write(batch, true)?;
        add(&self.counters.span_merges, 1);
        if let Some(known) = buckets.get_mut(&bucket) {
            known.runs.retain(|number, _| !numbers.contains(number));
            known.runs.insert(number, Arc::new(made.run));
        }
        let graves = group
            .iter()
            .map(|(number, run)| (bucket, *number, Arc::clone(run)));
        self.spans.graves.lock().extend(graves);
        Ok(())
    }

    /// Takes what the runs have of a slice into a builder, which is emptied before. `damaged` says whether to go on without a
    /// block (run, number) that cannot be read.
    pub(super) fn gather(
        &self,
        bucket: Bucket,
        group: &[(u32, Arc<Run>)],
        slice: &Slice,
        builder: &mut SpanBuilder,
        damaged: &mut dyn FnMut((u32, u32), StoreError) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        builder.clear();
        for (number, run) in group {
            for (at, block) in run.blocks_within(slice.places.clone()) {
                let key = keys::block(bucket, *number, at);
                let bytes = self.db.get_once(keys::BLOCKS, &key)?;
                if let Err(error) = slice.take(builder, block, bytes.as_deref()) {
                    damaged((*number, at), error)?;
                }
            }
        }
        Ok(())
    }

    /// Deletes the files of runs that were merged and that nobody reads any more.
    pub(super) fn bury(&self) {
        self.spans.graves.lock().retain(|(bucket, number, run)| {
            if Arc::strong_count(run) > 1 {
                return true;
            }
            self.delete_blocks(*bucket, *number..=*number);
            false
        });
    }

    /// Deletes the files of runs that have no record. What is left of one in a file that others share is read by nobody.
    pub(super) fn delete_blocks(&self, bucket: Bucket, runs: RangeInclusive<u32>) {
        let from = keys::block(bucket, *runs.start(), 0);
        let to = keys::block(bucket, *runs.end(), u32::MAX);
        let family = self.db.family(keys::BLOCKS);
        if let Err(error) = self.db.raw.delete_file_in_range_cf(family, from, to) {
            tracing::warn!(%error, %bucket, "files of merged runs could not be deleted");
        }
    }
}

/// Runs that are worth being merged: as many of one level as are merged at once.
fn enough(runs: &BTreeMap<u32, Arc<Run>>) -> Option<Group> {
    (0..LEVEL_MAX).find_map(|level| {
        let groups = of_level(runs, level);
        let full = |group: &&[_]| group.len() >= FAN_IN && is_worth(group);
        groups.chunks(FAN_IN).find(full).map(<[_]>::to_vec)
    })
}

/// What waited for more, if no more comes for now: runs that were not merged yet.
fn waiting(runs: &BTreeMap<u32, Arc<Run>>) -> Option<Group> {
    let groups = of_level(runs, 0);
    groups
        .chunks(FAN_IN)
        .find(|group| is_worth(group))
        .map(<[_]>::to_vec)
}

/// When a bucket is over: small runs with one another, and with the next larger one if they are as much together. What is written
/// again is then in a run twice as large at least: however late and little by little spans come, each is written as often
/// as its run can double.
fn small(runs: &BTreeMap<u32, Arc<Run>>) -> Option<Group> {
    let mut all: Group = runs.iter().map(|(n, run)| (*n, Arc::clone(run))).collect();
    all.sort_by_key(|(_, run)| run.rows());
    let rows = |some: &[(u32, Arc<Run>)]| some.iter().map(|(_, run)| run.rows()).sum::<u64>();
    let most = all.len().min(FAN_IN);
    let group = (1..=most).rev().filter_map(|n| all.get(..n));
    let doubles = |group: &&[(u32, Arc<Run>)]| match group.split_last() {
        Some((last, others)) => others.is_empty() || last.1.rows() <= rows(others),
        None => false,
    };
    group
        .into_iter()
        .filter(doubles)
        .find(|group| is_worth(group))
        .map(<[_]>::to_vec)
}

fn of_level(runs: &BTreeMap<u32, Arc<Run>>, level: u8) -> Group {
    let of_level = runs.iter().filter(|(_, run)| run.level == level);
    of_level.map(|(n, run)| (*n, Arc::clone(run))).collect()
}

fn is_worth(group: &[(u32, Arc<Run>)]) -> bool {
    let quick = group.iter().any(|(_, run)| run.quick);
    let more = group.len() > 1 && pays(group.iter().map(|(_, run)| &**run));
    (more || quick) && fits(group)
}

/// Have they enough traces in common with others that merging makes them smaller?
pub(super) fn pays<'r>(runs: impl Iterator<Item = &'r Run>) -> bool {
    let (mut traces, mut shared) = (0, 0);
    for run in runs {
        traces += run.traces;
        shared += run.shared;
    }
    shared * TRACES_A_SHARED >= traces.max(1)
}

fn fits(group: &[(u32, Arc<Run>)]) -> bool {
    parts(group).all(|slice| slice.rows(group) <= SLICE_ROWS_MAX)
}
