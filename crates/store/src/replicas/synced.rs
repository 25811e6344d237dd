//! What is synced at one moment, and what can be asked of it.

use super::HeldSection;
use crate::db::Entry;
use crate::error::StoreError;
use crate::producers::{self, HeldGroup, ProducerKey};
use crate::runs::batches::{Digests, RunHead, ShardBatches, Source, head_key, list_key};
use crate::state::Shared;
use crate::store::Store;
use crate::{events, spans};
use event::{Bucket, Epoch, Producer, Seq, Shard};
use placement::batch_digest;
use rocksdb::{Direction, IteratorMode, PrefixRange, ReadOptions, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a batch of merged spans is said to take: any number of them are copied together, as all spans of their shard and bucket, so
/// that to ask for few at a time would bring these again and again.
const MERGED_BYTES: u32 = 64;

/// One life of a producer, and the digest of its batches.
pub type SourceDigest = ((Producer, Epoch), u128);

/// What is synced, sealed or not, at one moment. To make one costs a pointer a frame that is not sealed (some thousands) and a snapshot of the
/// database: one a question. It keeps what it shows from being compacted away, so it is not to be kept for long. Its questions
/// read the disk: off the async threads.
///
/// [`Self::buckets`] and [`Self::floor`] are answered from memory: 16 bytes a shard and bucket are kept up to date by each commit. The others
/// read the lists of the shard asked for in the runs of the bucket asked for.
#[derive(Debug)]
pub struct Synced<'s> {
    pub(super) shared: &'s Shared,
    snapshot: DebugSnapshot<'s>,
    floor: Bucket,
    pub(super) buckets: BTreeMap<Bucket, Slice>,
}

struct DebugSnapshot<'s>(Snapshot<'s>);

impl std::fmt::Debug for DebugSnapshot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

/// What is known of a bucket.
#[derive(Debug, Default)]
pub(super) struct Slice {
    pub(super) digests: Vec<Digests>,
    pub(super) frames: Vec<Arc<events::OpenFrame>>,
    pub(super) runs: Vec<(u32, Arc<events::Run>)>,
    pub(super) span_frames: Vec<Arc<spans::OpenFrame>>,
    /// Their blocks stay where they are while somebody has them, merged or not.
    pub(super) span_runs: Vec<(u32, Arc<spans::Run>)>,
}

impl Store {
    /// What is synced now.
    pub fn synced(&self) -> Synced<'_> {
        let shared = &self.shared;
        let floor = shared.floor();
        let of_events = shared.events.buckets.read();
        let of_spans = shared.spans.buckets.read();
        let mut buckets: BTreeMap<Bucket, Slice> = BTreeMap::new();
        for (bucket, known) in of_events.range(floor..) {
            let slice = buckets.entry(*bucket).or_default();
            slice.digests.push(known.digests.clone());
            slice.frames.clone_from(&known.frames);
            slice.runs = known
                .runs
                .iter()
                .map(|(at, run)| (*at, Arc::clone(run)))
                .collect();
        }
        for (bucket, known) in of_spans.range(floor..) {
            let slice = buckets.entry(*bucket).or_default();
            slice.digests.push(known.digests.clone());
            slice.span_frames.clone_from(&known.frames);
            slice.span_runs = known
                .runs
                .iter()
                .map(|(at, run)| (*at, Arc::clone(run)))
                .collect();
        }
        for (bucket, digests) in shared.logs.digests.read().range(floor..) {
            let slice = buckets.entry(*bucket).or_default();
            slice.digests.push(digests.clone());
        }
        // Under the locks, under which sealing writes too.
        let snapshot = DebugSnapshot(shared.db.raw.snapshot());
        Synced {
            shared,
            snapshot,
            floor,
            buckets,
        }
    }
}

impl Synced<'_> {
    /// Buckets before it are dropped.
    pub fn floor(&self) -> Bucket {
        self.floor
    }

    /// By bucket that has batches of the shard, ascending: the digest of these, as [`Store::digests`] defines it.
    pub fn buckets(&self, shard: Shard) -> Vec<(Bucket, u128)> {
        let sum = |slice: &Slice| {
            let of = slice.digests.iter().map(|digests| digests.of(shard));
            of.fold(0u128, u128::wrapping_add)
        };
        let all = self.buckets.iter().map(|(bucket, slice)| (*bucket, sum(slice)));
        all.filter(|(_, sum)| *sum != 0).collect()
    }

    /// By source, ascending: the digest of its batches of the shard in the bucket.
    pub fn sources(&self, shard: Shard, bucket: Bucket) -> Result<Vec<SourceDigest>, StoreError> {
        let mut sums: BTreeMap<Source, u128> = BTreeMap::new();
        let mut add = |(producer, epoch): Source, seq, content| {
            let sum = sums.entry((producer, epoch)).or_default();
            *sum = sum.wrapping_add(batch_digest(producer, epoch, shard, seq, content));
        };
        let Some(slice) = self.buckets.get(&bucket) else {
            return Ok(Vec::new());
        };
        for frame in &slice.frames {
            let of_shard = frame.batches.iter().filter(|(of, _, _)| *of == shard);
            of_shard.for_each(|(_, seq, content)| add(frame.source(), *seq, *content));
        }
        for (run, _) in &slice.runs {
            let list = self.list_of(events::keys::BATCHES, (bucket, *run), shard)?;
            list.iter()
                .for_each(|(source, seq, content)| add(source, seq, content));
        }
        for frame in &slice.span_frames {
            let of_shard = frame.batches.iter().filter(|(of, _, _)| *of == shard);
            of_shard.for_each(|(_, seq, content)| add(frame.source, *seq, *content));
        }
        for (run, _) in &slice.span_runs {
            let list = self.list_of(spans::keys::BATCHES, (bucket, *run), shard)?;
            list.iter()
                .for_each(|(source, seq, content)| add(source, seq, content));
        }
        self.log_batches(shard, bucket, &mut add)?;
        Ok(sums.into_iter().collect())
    }

    /// The batches of a source of the shard in the bucket whose numbers are greater than `after`, ascending, at most `max`.
    pub fn list(
        &self,
        shard: Shard,
        bucket: Bucket,
        source: (Producer, Epoch),
        after: Seq,
        max: usize,
    ) -> Result<Vec<HeldSection>, StoreError> {
        let mut found: Vec<(Seq, u64, u32)> = Vec::new();
        let Some(slice) = self.buckets.get(&bucket) else {
            return Ok(Vec::new());
        };
        for frame in slice.frames.iter().filter(|frame| frame.source() == source) {
            let bytes = frame.bytes / (frame.batches.len() as u32).max(1);
            let of_shard = frame
                .batches
                .iter()
                .filter(|(of, seq, _)| *of == shard && *seq > after);
            found.extend(of_shard.map(|(_, seq, content)| (*seq, *content, bytes)));
        }
        for (number, run) in &slice.runs {
            if !run.record.sources.contains(&source) {
                continue;
            }
            let at = (bucket, *number);
            let list = self.list_of(events::keys::BATCHES, at, shard)?;
            let of_source = list.of(source);
            let later = of_source.partition_point(|(seq, _)| *seq <= after);
            let some = of_source.get(later..).unwrap_or_default();
            if !some.is_empty() {
                let bytes = self.batch_bytes(events::keys::BATCHES, at, run.record.frame_bytes)?;
                found.extend(
                    some.iter()
                        .take(max)
                        .map(|(seq, content)| (*seq, *content, bytes)),
                );
            }
        }
        for frame in slice.span_frames.iter().filter(|frame| frame.source == source) {
            let bytes = frame.bytes / (frame.batches.len() as u32).max(1);
            let of_shard = frame
                .batches
                .iter()
                .filter(|(of, seq, _)| *of == shard && *seq > after);
            found.extend(of_shard.map(|(_, seq, content)| (*seq, *content, bytes)));
        }
        for (number, _) in &slice.span_runs {
            let list = self.list_of(spans::keys::BATCHES, (bucket, *number), shard)?;
            let of_source = list.of(source);
            let later = of_source.partition_point(|(seq, _)| *seq <= after);
            let some = of_source.get(later..).unwrap_or_default();
            let some = some.iter().take(max);
            found.extend(some.map(|(seq, content)| (*seq, *content, MERGED_BYTES)));
        }
        found.extend(self.log_list((shard, bucket), source, after, max)?);
        found.sort_unstable();
        found.dedup_by_key(|(seq, _, _)| *seq);
        found.truncate(max);
        let (producer, epoch) = source;
        let section = |(seq, content, bytes)| HeldSection {
            producer,
            epoch,
            shard,
            first: seq,
            last: seq,
            gap: false,
            bucket,
            content,
            bytes,
        };
        Ok(found.into_iter().map(section).collect())
    }

    /// Is the batch of this number held, and its bucket not dropped? By its number alone: its content was compared when it was taken.
    pub fn has(
        &self,
        (producer, epoch): (Producer, Epoch),
        shard: Shard,
        seq: Seq,
        bucket: Bucket,
    ) -> Result<bool, StoreError> {
        if bucket < self.floor {
            return Ok(false);
        }
        let group = self.group((producer, epoch), shard)?;
        let held = group.as_ref().and_then(|group| group.shards.get(&shard));
        Ok(held.is_some_and(|held| held.data.contains(seq.0)))
    }

    /// What is held of the shards of a producer's life that are stored together with this one.
    pub(super) fn group(&self, source: Source, shard: Shard) -> Result<Option<HeldGroup>, StoreError> {
        let key = ProducerKey::of(source.0, source.1, shard);
        let bytes = self.get(producers::FAMILY, &key.encode())?;
        Ok(bytes.map(|bytes| HeldGroup::decode(&bytes)).transpose()?)
    }

    pub(super) fn list_of(
        &self,
        family: &'static str,
        (bucket, run): (Bucket, u32),
        shard: Shard,
    ) -> Result<ShardBatches, StoreError> {
        let bytes = self.get(family, &list_key(bucket, run, shard))?;
        let list = bytes
            .map(|bytes| ShardBatches::decode(family, &bytes))
            .transpose()?;
        Ok(list.unwrap_or_default())
    }

    /// What one batch of a run takes of so many bytes, about.
    fn batch_bytes(
        &self,
        family: &'static str,
        (bucket, run): (Bucket, u32),
        bytes: u64,
    ) -> Result<u32, StoreError> {
        let head = self.get(family, &head_key(bucket, run))?;
        let head = head.map(|head| RunHead::decode(family, &head)).transpose()?;
        let batches = head.map_or(1, |head| head.batches()).max(1);
        Ok(u32::try_from(bytes / batches).unwrap_or(u32::MAX))
    }

    /// Entries whose keys begin with `prefix`, ascending, from that followed by `from` on.
    pub(super) fn scan(
        &self,
        family: &'static str,
        prefix: &[u8],
        from: &[u8],
    ) -> impl Iterator<Item = Result<Entry, rocksdb::Error>> + '_ {
        let mut options = ReadOptions::default();
        options.set_iterate_range(PrefixRange(prefix));
        options.set_total_order_seek(true);
        let from = [prefix, from].concat();
        let mode = IteratorMode::From(&from, Direction::Forward);
        let family = self.shared.db.family(family);
        self.snapshot.0.iterator_cf_opt(family, options, mode)
    }

    pub(super) fn get(&self, family: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.snapshot.0.get_cf(self.shared.db.family(family), key)?)
    }
}
