//! At start: reads the buckets' entries, and makes the index anew of frames that no run covers.

use crate::batches::{self, FrameRecord};
use crate::buckets::{self, BucketRecord};
use crate::bytes::{Put, Reader};
use crate::counters::add;
use crate::damage::Damage;
use crate::digest::FrameDigest;
use crate::error::StoreError;
use crate::frame_key::FrameKey;
use crate::state::{Shared, Slot};
use crate::{frames, meta};
use event::Bucket;
use std::sync::atomic::Ordering;

/// A frame that no run covers.
struct Uncovered {
    key: FrameKey,
    record: FrameRecord,
}

impl Shared {
    /// Fills the index from disk. Called once, before anything is written.
    pub(crate) fn rebuild(&self) -> Result<(), StoreError> {
        if let Some(bytes) = self.db.get(meta::FAMILY, meta::KEY_FLOOR)? {
            self.floor.store(meta::floor_decode(&bytes)?.0, Ordering::Release);
        }
        let mut next_arrival = 1;
        let mut open = Vec::new();
        for item in self.db.scan(buckets::FAMILY, &[]) {
            let (key, value) = item?;
            let (bucket, record) = (buckets::key_decode(&key)?, BucketRecord::decode(&value)?);
            next_arrival = next_arrival.max(record.indexed_through + 1);
            self.index.write().insert(
                bucket,
                Slot {
                    record,
                    ..Slot::default()
                },
            );
            if record.open {
                open.push((bucket, record));
            }
        }
        for (bucket, record) in open {
            let last = self.rebuild_bucket(bucket, record)?;
            next_arrival = next_arrival.max(last + 1);
        }
        self.commit.lock().next_arrival = next_arrival;
        Ok(())
    }

    /// Returns the last arrival number in the bucket.
    fn rebuild_bucket(&self, bucket: Bucket, record: BucketRecord) -> Result<u64, StoreError> {
        let mut prefix = Vec::new();
        prefix.u32_be(bucket.0);
        let mut uncovered = Vec::new();
        for item in self.db.scan(batches::FAMILY, &prefix) {
            let (key, value) = item?;
            let frame = FrameRecord::decode(&value)?;
            if frame.arrival > record.indexed_through {
                let mut r = Reader::new(batches::FAMILY, &key);
                uncovered.push(Uncovered {
                    key: FrameKey::read_by_producer(&mut r)?,
                    record: frame,
                });
            }
        }
        // A run covers everything up to an arrival number, so the index must grow in that order.
        uncovered.sort_unstable_by_key(|u| u.record.arrival);
        let last = uncovered
            .last()
            .map_or(record.indexed_through, |u| u.record.arrival);
        for u in uncovered {
            // One damaged frame must not keep all others from being read. It stays where it is, for repair.
            match self.index_again(&u) {
                Ok(()) => {}
                Err(StoreError::Damaged(damage)) => {
                    tracing::error!(%damage, producer = %u.key.producer, "stored frame is left out of the index");
                    add(&self.counters.damaged_frames, 1);
                }
                Err(e) => return Err(e),
            }
            if self.open_index_bytes() > self.memory.open_index {
                self.shrink_index()?;
            }
        }
        Ok(last)
    }

    fn index_again(&self, u: &Uncovered) -> Result<(), StoreError> {
        let bytes = frames::read(&self.db, u.key)?;
        let damaged = Damage {
            family: frames::FAMILY,
            what: "frame is not what was stored",
        };
        let digest = FrameDigest::new(&bytes).map_err(|_| damaged)?;
        if digest.hash != u.record.hash {
            return Err(damaged.into());
        }
        let mut index = self.index.write();
        let slot = index.entry(u.key.bucket).or_default();
        let new = |i: usize| u.record.sections.get(i).is_some_and(|s| !s.held);
        slot.active
            .add(u.key, u.record.arrival, bytes.len() as u64, &digest, new);
        Ok(())
    }
}
