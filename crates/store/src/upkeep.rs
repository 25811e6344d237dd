//! Closing buckets whose time is over, keeping the open index within its bound, dropping what is too old.

use crate::buckets::{self, BucketRecord};
use crate::counters::add;
use crate::error::StoreError;
use crate::nodes::NodeRecord;
use crate::producers::{HeldGroup, ProducerKey};
use crate::spans::keys;
use crate::state::{Shared, Slot};
use crate::{batches, exports, frames, logs, meta, nodes, postings, producers, traces};
use event::{Bucket, Micros};
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const US: u64 = 1_000_000;
/// Entries of `producers` and `nodes` deleted in one write.
const DELETE_ITEMS: usize = 1024;

impl Shared {
    /// Closes what is due and drops what is too old, as of `now`.
    pub(crate) fn keep_up(&self, now: Micros) -> Result<(), StoreError> {
        {
            let _one_at_a_time = self.upkeep.lock();
            self.drop_expired(now)?;
            self.drop_above_bound()?;
            self.close_due(now)?;
            self.shrink_index_locked()?;
        }
        self.seal_spans(now).map(|_| ())
    }

    /// Writes out open indexes, largest first, until they are within half their bound.
    pub(crate) fn shrink_index(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.upkeep.lock();
        self.shrink_index_locked()
    }

    fn shrink_index_locked(&self) -> Result<(), StoreError> {
        if self.open_index_bytes() <= self.memory.open_index {
            return Ok(());
        }
        while self.open_index_bytes() > self.memory.open_index / 2 {
            let largest = {
                let index = self.index.read();
                index
                    .iter()
                    .max_by_key(|(_, s)| s.active.memory_bytes())
                    .map(|(b, _)| *b)
            };
            let Some(bucket) = largest else { break };
            if !self.flush_bucket(bucket)? {
                break;
            }
        }
        Ok(())
    }

    fn close_due(&self, now: Micros) -> Result<(), StoreError> {
        let due: Vec<Bucket> = {
            let index = self.index.read();
            index
                .iter()
                .filter(|(b, s)| s.record.open && self.is_over(**b, now))
                .map(|(b, _)| *b)
                .collect()
        };
        for bucket in due {
            self.flush_bucket(bucket)?;
            self.mark_closed(bucket)?;
        }
        Ok(())
    }

    pub(crate) fn is_over(&self, bucket: Bucket, now: Micros) -> bool {
        let end = placement::bucket_end(bucket, self.options.bucket_seconds);
        end.0
            .saturating_add(u64::from(self.options.lateness_seconds) * US)
            <= now.0
    }

    /// Writes the open index of a bucket out as a run; says whether there was anything to write.
    fn flush_bucket(&self, bucket: Bucket) -> Result<bool, StoreError> {
        let taken = {
            let mut index = self.index.write();
            let Some(slot) = index.get_mut(&bucket) else {
                return Ok(false);
            };
            // A flush that failed left its part: it is tried again before anything newer.
            if slot.flushing.is_none() && !slot.active.is_empty() {
                slot.flushing = Some(Arc::new(std::mem::take(&mut slot.active)));
            }
            slot.flushing.clone().map(|part| (part, slot.record))
        };
        let Some((part, record)) = taken else {
            return Ok(false);
        };
        self.write_run(bucket, record.runs, &part)?;
        let record = BucketRecord {
            open: true,
            runs: record.runs + 1,
            indexed_through: part.through,
            hlc_min: record.hlc_min.min(part.hlc_min),
            hlc_max: record.hlc_max.max(part.hlc_max),
            frames: record.frames + part.frames,
            bytes: record.bytes + part.frame_bytes,
        };
        self.put_record(bucket, record)?;
        if let Some(slot) = self.index.write().get_mut(&bucket) {
            slot.record = record;
            slot.flushing = None;
        }
        add(&self.counters.runs, 1);
        Ok(true)
    }

    /// With the commit lock held: no commit is then between its write, which relies on the bucket being open, and its index.
    fn mark_closed(&self, bucket: Bucket) -> Result<(), StoreError> {
        let _no_commit = self.commit.lock();
        let Some(record) = self.index.read().get(&bucket).and_then(closable) else {
            return Ok(());
        };
        self.put_record(bucket, record)?;
        if let Some(slot) = self.index.write().get_mut(&bucket) {
            slot.record = record;
        }
        add(&self.counters.closed, 1);
        Ok(())
    }

    fn put_record(&self, bucket: Bucket, record: BucketRecord) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(
            self.db.family(buckets::FAMILY),
            buckets::key(bucket),
            record.encode(),
        );
        self.write(batch, false)
    }

    fn drop_expired(&self, now: Micros) -> Result<(), StoreError> {
        let oldest_us = now
            .0
            .saturating_sub(self.options.retention_seconds.saturating_mul(US));
        let floor = placement::bucket_of(
            event::Hlc::from_micros(Micros(oldest_us)),
            self.options.bucket_seconds,
        );
        let floor = floor.min(Bucket(self.hold.load(Ordering::Acquire)));
        if floor <= self.floor() {
            return Ok(());
        }
        self.drop_before(floor)?;
        self.drop_producers(floor)?;
        self.drop_nodes(floor)
    }

    /// Drops the oldest buckets until what is held is within the bound; never the newest.
    fn drop_above_bound(&self) -> Result<(), StoreError> {
        let max = self.options.disk_bytes_max;
        if max == 0 {
            return Ok(());
        }
        let mut bytes: BTreeMap<Bucket, u64> = BTreeMap::new();
        for (bucket, slot) in &*self.index.read() {
            let in_memory: u64 = slot.in_memory().map(|part| part.frame_bytes).sum();
            *bytes.entry(*bucket).or_default() += slot.record.bytes + in_memory;
        }
        for (bucket, held) in self.spans.bytes() {
            *bytes.entry(bucket).or_default() += held;
        }
        let mut total: u64 = bytes.values().sum();
        let mut floor = None;
        let newest = bytes.keys().next_back().copied();
        for (bucket, held) in bytes {
            if total <= max || Some(bucket) == newest {
                break;
            }
            total -= held;
            floor = Some(Bucket(bucket.0 + 1));
        }
        let Some(floor) = floor.filter(|floor| *floor > self.floor()) else {
            return Ok(());
        };
        tracing::warn!(%floor, max, "buckets before this one are dropped to keep the disk's bound");
        self.drop_before(floor)?;
        self.drop_producers(floor)?;
        self.drop_nodes(floor)
    }

    fn drop_before(&self, floor: Bucket) -> Result<(), StoreError> {
        const EVENTS: [&str; 5] = [
            frames::FAMILY,
            batches::FAMILY,
            traces::FAMILY,
            postings::FAMILY,
            buckets::FAMILY,
        ];
        let bucket_major = || {
            EVENTS
                .into_iter()
                .chain(keys::BUCKET_MAJOR)
                .chain([logs::FAMILY, exports::FAMILY])
        };
        // No run is made of what is being dropped.
        let _no_sealing = self.spans.sealing.lock();
        {
            let _no_commit = self.commit.lock();
            let mut batch = WriteBatch::default();
            batch.put_cf(
                self.db.family(meta::FAMILY),
                meta::KEY_FLOOR,
                floor.0.to_be_bytes(),
            );
            let gone: Vec<Bucket> = self.index.read().range(..floor).map(|(b, _)| *b).collect();
            let gone_spans = self.spans.below(floor) + usize::from(self.has_logs_below(floor));
            if !gone.is_empty() || gone_spans > 0 {
                for family in bucket_major() {
                    batch.delete_range_cf(self.db.family(family), 0u32.to_be_bytes(), floor.0.to_be_bytes());
                }
            }
            self.write(batch, false)?;
            self.floor.store(floor.0, Ordering::Release);
            add(&self.counters.dropped_spans, self.spans.forget(floor));
            add(&self.counters.dropped_logs, self.forget_logs(floor));
            let mut index = self.index.write();
            for slot in gone.iter().filter_map(|b| index.remove(b)) {
                let frames = slot.record.frames + slot.in_memory().map(|p| p.frames).sum::<u64>();
                add(&self.counters.dropped_buckets, 1);
                add(&self.counters.dropped_frames, frames);
            }
            if gone.is_empty() && gone_spans == 0 {
                return Ok(());
            }
        }
        // Whole files go at once; what shares a file with younger entries goes when it is compacted.
        for family in bucket_major() {
            let end = floor.0.saturating_sub(1).to_be_bytes();
            self.db
                .raw
                .delete_file_in_range_cf(self.db.family(family), 0u32.to_be_bytes(), end)?;
        }
        Ok(())
    }

    /// A producer's entry is needed while a batch of it can come again into a bucket that is kept.
    fn drop_producers(&self, floor: Bucket) -> Result<(), StoreError> {
        let mut old = Vec::new();
        for item in self.db.scan(producers::FAMILY, &[]) {
            let (key, value) = item?;
            if HeldGroup::decode(&value)?.last_bucket < floor {
                old.push(key);
            }
        }
        for keys in old.chunks(DELETE_ITEMS) {
            let mut state = self.commit.lock();
            let mut batch = WriteBatch::default();
            for key in keys {
                // It may have been written since.
                let still = self.db.get(producers::FAMILY, key)?;
                if still
                    .map(|v| HeldGroup::decode(&v))
                    .transpose()?
                    .is_some_and(|g| g.last_bucket < floor)
                {
                    batch.delete_cf(self.db.family(producers::FAMILY), key);
                    state.held.pop(&ProducerKey::decode(key)?);
                }
            }
            self.write(batch, false)?;
        }
        Ok(())
    }

    fn drop_nodes(&self, floor: Bucket) -> Result<(), StoreError> {
        let mut old = Vec::new();
        for item in self.db.scan(nodes::FAMILY, &[]) {
            let (key, value) = item?;
            if NodeRecord::decode(&value)?.last_bucket < floor {
                old.push(key);
            }
        }
        for keys in old.chunks(DELETE_ITEMS) {
            let mut state = self.commit.lock();
            let mut batch = WriteBatch::default();
            for key in keys {
                let still = self.db.get(nodes::FAMILY, key)?;
                if still
                    .map(|v| NodeRecord::decode(&v))
                    .transpose()?
                    .is_some_and(|n| n.last_bucket < floor)
                {
                    batch.delete_cf(self.db.family(nodes::FAMILY), key);
                }
            }
            self.write(batch, false)?;
            state.nodes.clear();
        }
        Ok(())
    }
}

/// The record of a bucket that can be closed: open, and nothing of its index in memory.
fn closable(slot: &Slot) -> Option<BucketRecord> {
    let idle = slot.record.open && slot.active.is_empty() && slot.flushing.is_none();
    idle.then_some(BucketRecord {
        open: false,
        ..slot.record
    })
}
