//! What is known of events when a store is opened: runs from their records, frames that are not sealed from themselves.

use super::{OpenFrame, Run, keys};
use crate::batches::{self, FrameRecord};
use crate::bytes::Reader;
use crate::counters::add;
use crate::damage::Damage;
use crate::digest::FrameDigest;
use crate::error::StoreError;
use crate::frame_key::FrameKey;
use crate::runs::batches::{RunBatches, RunHead};
use crate::state::Shared;
use crate::{frames, meta};
use event::{Bucket, Micros};
use rocksdb::WriteBatch;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Shared {
    /// Fills the index from disk. Called once, before anything is written.
    pub(crate) fn open_events(&self) -> Result<(), StoreError> {
        if let Some(bytes) = self.db.get(meta::FAMILY, meta::KEY_FLOOR)? {
            self.floor.store(meta::floor_decode(&bytes)?.0, Ordering::Release);
        }
        let floor = self.floor();
        for item in self.db.scan(keys::RUNS, &[]) {
            let (key, value) = item?;
            let (bucket, number) = keys::read_run(keys::RUNS, &key)?;
            if bucket >= floor {
                let head = self.run_head(bucket, number)?;
                let mut buckets = self.events.buckets.write();
                let known = buckets.entry(bucket).or_default();
                known.runs.insert(number, Arc::new(Run::decode(&value)?));
                known.digests.add_run(&head);
            }
        }
        let mut stored = Vec::new();
        for item in self.db.scan(batches::FAMILY, &[]) {
            let (key, value) = item?;
            let key = FrameKey::read_by_producer(&mut Reader::new(batches::FAMILY, &key))?;
            if key.bucket >= floor {
                stored.push((FrameRecord::decode(&value)?.arrival, key));
            }
        }
        // A run takes everything up to an arrival number, so the index must grow in that order.
        stored.sort_unstable();
        self.commit.lock().next_arrival = stored.last().map_or(1, |(arrival, _)| arrival + 1);
        for (arrival, key) in stored {
            // One damaged frame must not keep all others from being read. It stays where it is; its batches are to come anew.
            match self.index_again(arrival, key) {
                Ok(()) => {}
                Err(StoreError::Damaged(damage)) => {
                    tracing::error!(%damage, producer = %key.producer, "stored frame is left out of the index");
                    add(&self.counters.damaged_frames, 1);
                    self.unhold(key)?;
                }
                Err(e) => return Err(e),
            }
            if self.events.open_memory() > self.memory.open_index {
                self.seal_events(Micros(0))?;
            }
        }
        Ok(())
    }

    /// What a run has of each shard. Format 2 had one list for all shards: it is put in today's form.
    fn run_head(&self, bucket: Bucket, number: u32) -> Result<RunHead, StoreError> {
        if let Some(head) = RunHead::read(&self.db, keys::BATCHES, (bucket, number))? {
            return Ok(head);
        }
        let key = keys::run(bucket, number);
        let bytes = self.db.get(keys::BATCHES, &key)?.ok_or(Damage {
            family: keys::BATCHES,
            what: "batches of a run are missing",
        })?;
        let batches = RunBatches::decode_format_2(keys::BATCHES, &bytes)?;
        let mut batch = WriteBatch::default();
        batches.put(&self.db, keys::BATCHES, (bucket, number), &mut batch);
        batch.delete_cf(self.db.family(keys::BATCHES), key);
        self.write(batch, false)?;
        Ok(batches.head())
    }

    fn index_again(&self, arrival: u64, key: FrameKey) -> Result<(), StoreError> {
        let record = self.db.get(batches::FAMILY, &key.by_producer())?;
        let record = record.map(|bytes| FrameRecord::decode(&bytes)).transpose()?;
        let bytes = frames::read(&self.db, key)?;
        let damaged = Damage {
            family: frames::FAMILY,
            what: "frame is not what was stored",
        };
        let record = record.ok_or(damaged)?;
        let digest = FrameDigest::new(&bytes).map_err(|_| damaged)?;
        if digest.hash != record.hash {
            return Err(damaged.into());
        }
        let new = |i: usize| record.sections.get(i).is_some_and(|s| !s.held);
        let frame = OpenFrame::of(key, arrival, bytes.len(), &digest, new);
        let mut buckets = self.events.buckets.write();
        buckets.entry(key.bucket).or_default().push_new(Arc::new(frame));
        Ok(())
    }
}
