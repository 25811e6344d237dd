//! Deciding, batch by batch, what of a frame is new.

use crate::batches::{self, BatchEntry, FrameRecord};
use crate::digest::{FrameToStore, SectionDigest};
use crate::error::StoreError;
use crate::events::keys;
use crate::frame_key::FrameKey;
use crate::options::INTERVALS_MAX;
use crate::producers::{self, Held, HeldGroup, ProducerKey};
use crate::runs::batches::{ShardBatches, Source};
use crate::spans::keys as span_keys;
use crate::state::{CommitState, Shared};
use event::{Bucket, Epoch, Producer, Seq, Shard};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

/// What became of one batch or gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// On disk now.
    Stored,
    /// Was on disk already.
    Duplicate,
    /// Its bucket is dropped; counts as done.
    Expired,
    /// Its number is on disk with other content. Never accepted.
    Conflict,
    /// Its producer left too many holes; not stored, to be sent again later.
    Later,
}

/// What became of one section of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionOutcome {
    /// Shard.
    pub shard: Shard,
    /// First number.
    pub first: Seq,
    /// Last number; equal to `first` unless a gap.
    pub last: Seq,
    /// What became of it.
    pub admission: Admission,
}

/// What became of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameOutcome {
    /// Who sent it.
    pub producer: Producer,
    /// In which life it was cut.
    pub epoch: Epoch,
    /// Of the sections that were chosen (all, if none were), by position in the frame.
    pub sections: Vec<SectionOutcome>,
}

type BatchId = (Producer, Epoch, Shard, Seq);

/// Batches admitted by the commit that is being put together.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// In their order.
    admitted: Vec<(BatchId, (Bucket, u64))>,
    /// The first `indexed` of them by number: looked for only where one comes twice.
    contents: HashMap<BatchId, (Bucket, u64)>,
    indexed: usize,
    /// Entries of `producers` to be written.
    pub(crate) touched: BTreeSet<ProducerKey>,
}

impl Pending {
    /// Bucket and hash of a batch that this commit has admitted.
    fn content(&mut self, id: &BatchId) -> Option<(Bucket, u64)> {
        let new = self.admitted.get(self.indexed..).unwrap_or_default();
        self.contents.extend(new.iter().copied());
        self.indexed = self.admitted.len();
        self.contents.get(id).copied()
    }
}

/// Decides for each chosen section and marks what is new as held, in `state` and `pending`; by position, none of one that was not
/// chosen.
pub(crate) fn admit(
    shared: &Shared,
    state: &mut CommitState,
    pending: &mut Pending,
    frame: &FrameToStore,
) -> Result<Vec<Option<Admission>>, StoreError> {
    let d = &frame.digest;
    let expired = d.bucket < shared.floor();
    let mut admissions: Vec<Option<Admission>> = vec![None; d.sections.len()];
    if expired {
        for (at, _) in frame.chosen() {
            set(&mut admissions, at, Admission::Expired);
        }
        return Ok(admissions);
    }
    let (mut same_frame, mut sealed) = (None, HashMap::new());
    let chosen: Vec<(usize, &SectionDigest)> = frame.chosen().collect();
    // Sections come by shard: an entry of `producers`, which many of them share, is looked up once.
    let group = |s: &SectionDigest| ProducerKey::of(d.producer, d.epoch, s.shard);
    for sections in chosen.chunk_by(|(_, a), (_, b)| group(a) == group(b)) {
        let Some(key) = sections.first().map(|(_, s)| group(s)) else {
            continue;
        };
        let group = load(shared, state, key)?;
        let mut touched = false;
        for (at, s) in sections {
            let held = group.shards.entry(s.shard).or_default();
            let admission = match s.gap {
                Some(gap) => admit_gap(held, s.seq, gap.last_seq),
                None if !held.data.contains(s.seq.0) => admit_data(held, s.seq),
                None => {
                    let id = (d.producer, d.epoch, s.shard, s.seq);
                    let same = if let Some((bucket, content)) = pending.content(&id) {
                        bucket == d.bucket && content == s.content
                    } else if frame.is_spans() {
                        spans_content(shared, d.bucket, (d.producer, d.epoch), s)? == Some(s.content)
                    } else if !frame.is_events() {
                        let source = (d.producer, d.epoch);
                        shared.log_content(d.bucket, s.shard, source, s.seq)? == Some(s.content)
                    } else {
                        let stored = match &same_frame {
                            Some(known) => known,
                            None => same_frame.insert(stored(shared, frame)?),
                        };
                        let here = stored.as_ref().and_then(|record| record.sections.get(*at));
                        here.is_some_and(|entry| !entry.held)
                            || has_content(shared, frame, s)?
                            || sealed_content(shared, frame, s, &mut sealed)?
                    };
                    if same {
                        Admission::Duplicate
                    } else {
                        Admission::Conflict
                    }
                }
            };
            if admission == Admission::Stored && s.gap.is_none() {
                let id = (d.producer, d.epoch, s.shard, s.seq);
                pending.admitted.push((id, (d.bucket, s.content)));
            }
            touched |= admission == Admission::Stored;
            set(&mut admissions, *at, admission);
        }
        if touched {
            group.last_bucket = group.last_bucket.max(d.bucket);
            pending.touched.insert(key);
        }
    }
    Ok(admissions)
}

fn set(admissions: &mut [Option<Admission>], at: usize, admission: Admission) {
    if let Some(of) = admissions.get_mut(at) {
        *of = Some(admission);
    }
}

fn admit_data(held: &mut Held, seq: Seq) -> Admission {
    if held.data.parts() >= INTERVALS_MAX {
        return Admission::Later;
    }
    held.data.insert(seq.0);
    Admission::Stored
}

fn admit_gap(held: &mut Held, first: Seq, last: Seq) -> Admission {
    if held.gaps.contains_range(first.0, last.0) || held.data.contains_range(first.0, last.0) {
        return Admission::Duplicate;
    }
    if held.gaps.parts() >= INTERVALS_MAX {
        return Admission::Later;
    }
    held.gaps.insert_range(first.0, last.0);
    Admission::Stored
}

fn load<'a>(
    shared: &Shared,
    state: &'a mut CommitState,
    key: ProducerKey,
) -> Result<&'a mut HeldGroup, StoreError> {
    if !state.held.contains(&key) {
        let group = match shared.db.get(producers::FAMILY, &key.encode())? {
            Some(bytes) => HeldGroup::decode(&bytes)?,
            None => HeldGroup::default(),
        };
        state.held.put(key, group);
    }
    Ok(state.held.get_or_insert_mut(key, HeldGroup::default))
}

/// The record of this very frame, if it is on disk. The usual case of a retry: one read.
fn stored(shared: &Shared, frame: &FrameToStore) -> Result<Option<FrameRecord>, StoreError> {
    let Some((_, first)) = frame.chosen().next() else {
        return Ok(None);
    };
    let key = frame_key(frame, first);
    let Some(bytes) = shared.db.get(batches::FAMILY, &key.by_producer())? else {
        return Ok(None);
    };
    let record = FrameRecord::decode(&bytes)?;
    Ok((record.hash == frame.digest.hash).then_some(record))
}

/// Is this batch on disk, in the same bucket, with this content? The unusual case of a batch cut anew into another frame.
fn has_content(shared: &Shared, frame: &FrameToStore, s: &SectionDigest) -> Result<bool, StoreError> {
    let d = &frame.digest;
    let prefix = FrameKey::producer_prefix(d.bucket, d.producer, d.epoch);
    for item in shared.db.scan(batches::FAMILY, &prefix) {
        let (_, value) = item?;
        let same = |b: &BatchEntry| !b.gap && !b.held && b.shard == s.shard && b.seq == s.seq;
        if let Some(b) = FrameRecord::decode(&value)?.sections.iter().find(|b| same(b)) {
            return Ok(b.content == s.content);
        }
    }
    Ok(false)
}

/// Was this batch sealed, in the same bucket, with this content? The lists of a shard are read once a frame.
fn sealed_content(
    shared: &Shared,
    frame: &FrameToStore,
    s: &SectionDigest,
    lists: &mut HashMap<Shard, Vec<ShardBatches>>,
) -> Result<bool, StoreError> {
    let d = &frame.digest;
    let source = (d.producer, d.epoch);
    let lists = match lists.entry(s.shard) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(free) => free.insert(sealed_lists(shared, d.bucket, source, s.shard)?),
    };
    let found = lists.iter().find_map(|list| list.content(source, s.seq));
    Ok(found == Some(s.content))
}

/// The lists of a shard of the runs of a bucket that have batches of a producer's life.
fn sealed_lists(
    shared: &Shared,
    bucket: Bucket,
    source: Source,
    shard: Shard,
) -> Result<Vec<ShardBatches>, StoreError> {
    let runs: Vec<u32> = {
        let buckets = shared.events.buckets.read();
        let runs = buckets.get(&bucket).into_iter().flat_map(|known| &known.runs);
        runs.filter(|(_, run)| run.record.sources.contains(&source))
            .map(|(number, _)| *number)
            .collect()
    };
    let read = |run| ShardBatches::read(&shared.db, keys::BATCHES, (bucket, run), shard);
    runs.into_iter().map(read).collect()
}

/// The content of a batch of spans in a bucket, if it is there, sealed or not.
fn spans_content(
    shared: &Shared,
    bucket: Bucket,
    source: Source,
    s: &SectionDigest,
) -> Result<Option<u64>, StoreError> {
    let runs: Vec<u32> = {
        let buckets = shared.spans.buckets.read();
        let Some(known) = buckets.get(&bucket) else {
            return Ok(None);
        };
        let frames = known.frames.iter().filter(|frame| frame.source == source);
        let mut batches = frames.flat_map(|frame| &frame.batches);
        if let Some((_, _, content)) = batches.find(|(shard, seq, _)| (*shard, *seq) == (s.shard, s.seq)) {
            return Ok(Some(*content));
        }
        known.runs.keys().copied().collect()
    };
    // No run is made or merged meanwhile: that waits for this commit.
    for run in runs {
        let list = ShardBatches::read(&shared.db, span_keys::BATCHES, (bucket, run), s.shard)?;
        if let Some(content) = list.content(source, s.seq) {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

/// The key of a frame whose first new section is `s`.
pub(crate) fn frame_key(frame: &FrameToStore, s: &SectionDigest) -> FrameKey {
    let d = &frame.digest;
    FrameKey {
        bucket: d.bucket,
        hlc: d.hlc,
        producer: d.producer,
        epoch: d.epoch,
        gap: s.gap.is_some(),
        shard: s.shard,
        seq: s.seq,
    }
}
