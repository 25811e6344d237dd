//! Sealing what is due, dropping what is too old, letting the log go when nothing is written.

use crate::counters::{Totals, add};
use crate::error::StoreError;
use crate::events;
use crate::nodes::NodeRecord;
use crate::producers::{HeldGroup, ProducerKey};
use crate::spans::keys;
use crate::state::Shared;
use crate::{batches, exports, frames, logs, meta, nodes, producers};
use event::{Bucket, Micros};
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

const US: u64 = 1_000_000;
/// Entries of `producers` and `nodes` deleted in one write.
const DELETE_ITEMS: usize = 1024;
/// A log of a store at rest that is longer than this is let go.
const WAL_BYTES_AT_REST: u64 = 1 << 20;

impl Shared {
    /// Closes what is due and drops what is too old, as of `now`.
    pub(crate) fn keep_up(&self, now: Micros) -> Result<(), StoreError> {
        {
            let _one_at_a_time = self.upkeep.lock();
            self.drop_expired(now)?;
            self.drop_above_bound()?;
        }
        self.write_hints(false)?;
        self.seal_events(now)?;
        self.seal_spans(now)?;
        self.rest()
    }

    /// Of a store that was written to, but not since the last time: what is in memory goes to disk, so that its log is not needed.
    fn rest(&self) -> Result<(), StoreError> {
        let Totals {
            commits, runs, logs, ..
        } = self.counters.totals();
        let writes = commits + runs + logs;
        let idle = self.rest.seen.swap(writes, Ordering::Relaxed) == writes;
        let written = self.rest.flushed.load(Ordering::Relaxed) != writes;
        if !idle || !written || self.wal_bytes() <= WAL_BYTES_AT_REST {
            return Ok(());
        }
        self.check_writable()?;
        self.db.flush()?;
        self.rest.flushed.store(writes, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn is_over(&self, bucket: Bucket, now: Micros) -> bool {
        let end = placement::bucket_end(bucket, self.options.bucket_seconds);
        end.0
            .saturating_add(u64::from(self.options.lateness_seconds) * US)
            <= now.0
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
        for (number, bucket) in &*self.events.buckets.read() {
            *bytes.entry(*number).or_default() += bucket.byte_len();
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
        const OTHERS: [&str; 5] = [
            frames::FAMILY,
            batches::FAMILY,
            logs::FAMILY,
            logs::BATCHES,
            exports::FAMILY,
        ];
        let sealed = || events::keys::BUCKET_MAJOR.into_iter().chain(keys::BUCKET_MAJOR);
        let bucket_major = || sealed().chain(OTHERS);
        // No run is made of what is being dropped.
        let _no_events = self.events.sealing.lock();
        let _no_sealing = self.spans.sealing.lock();
        {
            let _no_commit = self.commit.lock();
            let mut batch = WriteBatch::default();
            batch.put_cf(
                self.db.family(meta::FAMILY),
                meta::KEY_FLOOR,
                floor.0.to_be_bytes(),
            );
            let gone = self.events.buckets.read().range(..floor).count();
            let gone_spans = self.spans.below(floor) + usize::from(self.has_logs_below(floor));
            if gone > 0 || gone_spans > 0 {
                for family in bucket_major() {
                    batch.delete_range_cf(self.db.family(family), 0u32.to_be_bytes(), floor.0.to_be_bytes());
                }
            }
            self.write(batch, false)?;
            self.floor.store(floor.0, Ordering::Release);
            add(&self.counters.dropped_spans, self.spans.forget(floor));
            add(&self.counters.dropped_logs, self.forget_logs(floor));
            let mut buckets = self.events.buckets.write();
            let kept = buckets.split_off(&floor);
            for bucket in std::mem::replace(&mut *buckets, kept).into_values() {
                add(&self.counters.dropped_buckets, 1);
                add(&self.counters.dropped_frames, bucket.frame_count());
            }
            if gone == 0 && gone_spans == 0 {
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
