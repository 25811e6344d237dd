//! What is known of spans when a store is opened: runs from their records, frames from themselves.

use super::keys;
use super::record::FrameRecord;
use super::run::Run;
use super::{OpenFrame, SpanBucket};
use crate::counters::add;
use crate::error::StoreError;
use crate::producers::{self, HeldGroup, ProducerKey};
use crate::runs::batches::RunHead;
use crate::state::Shared;
use event::Bucket;
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Shared {
    /// Fills the index from disk. `held_before`: of format 2, which kept no account of the batches of spans.
    pub(crate) fn open_spans(&self, held_before: bool) -> Result<(), StoreError> {
        self.remove_temporary();
        let mut buckets = self.spans.buckets.write();
        let floor = self.floor();
        for item in self.db.scan(keys::RUNS, &[]) {
            let (key, value) = item?;
            let (bucket, number) = keys::read_run(keys::RUNS, &key)?;
            if bucket >= floor {
                // Runs of format 2 have none.
                let head = match RunHead::read(&self.db, keys::BATCHES, (bucket, number))? {
                    Some(head) => head,
                    None => self.name_run((bucket, number), &value)?,
                };
                let bucket: &mut SpanBucket = buckets.entry(bucket).or_default();
                bucket.digests.add_run(&head);
                bucket.runs.insert(number, Arc::new(Run::decode(&value)?));
                bucket.run_numbers = number + 1;
            }
        }
        for (number, bucket) in &*buckets {
            self.delete_orphans(*number, bucket);
        }
        let mut next = 0;
        for item in self.db.scan(keys::FRAMES, &[]) {
            let (key, value) = item?;
            let (bucket, arrival) = keys::read_frame(&key)?;
            next = next.max(arrival + 1);
            if bucket < floor {
                continue;
            }
            let record = self.db.get(keys::RECORDS, &key)?;
            let record = record.map(|record| FrameRecord::decode(&record)).transpose()?;
            match OpenFrame::of(arrival, &value, record) {
                Ok(frame) => {
                    if held_before {
                        self.hold_again(bucket, &frame)?;
                    }
                    let bucket = buckets.entry(bucket).or_default();
                    bucket.digests.add(frame.source, &frame.batches);
                    bucket.frames.push(Arc::new(frame));
                }
                Err(error) => {
                    tracing::error!(%error, %bucket, arrival, "a stored frame of spans is damaged");
                    add(&self.counters.damaged_frames, 1);
                }
            }
        }
        self.spans.next_arrival.store(next, Ordering::Relaxed);
        Ok(())
    }

    /// Notes that the batches of a frame are held.
    fn hold_again(&self, bucket: Bucket, frame: &OpenFrame) -> Result<(), StoreError> {
        let (producer, epoch) = frame.source;
        let mut groups: BTreeMap<ProducerKey, HeldGroup> = BTreeMap::new();
        for (shard, seq, _) in &frame.batches {
            let key = ProducerKey::of(producer, epoch, *shard);
            let group = match groups.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let bytes = self.db.get(producers::FAMILY, &key.encode())?;
                    let known = bytes.map(|bytes| HeldGroup::decode(&bytes)).transpose()?;
                    free.insert(known.unwrap_or_default())
                }
            };
            group.last_bucket = group.last_bucket.max(bucket);
            group.shards.entry(*shard).or_default().data.insert(seq.0);
        }
        let mut batch = WriteBatch::default();
        for (key, group) in &groups {
            batch.put_cf(self.db.family(producers::FAMILY), key.encode(), group.encode());
        }
        self.write(batch, false)
    }

    /// Deletes the blocks of runs without a record: they were merged, or a crash kept them from being counted.
    fn delete_orphans(&self, number: Bucket, bucket: &SpanBucket) {
        let mut from = 0;
        for run in bucket.runs.keys() {
            if *run > from {
                self.delete_blocks(number, from..=*run - 1);
            }
            from = run.saturating_add(1);
        }
        self.delete_blocks(number, from..=u32::MAX);
    }

    /// Files of runs that a crash kept from being taken over.
    fn remove_temporary(&self) {
        let entries = std::fs::read_dir(self.db.raw.path())
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".sst.tmp")) {
            if let Err(error) = std::fs::remove_file(entry.path()) {
                tracing::warn!(%error, "temporary file could not be removed");
            }
        }
    }
}
