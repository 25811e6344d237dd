//! What is known of spans when a store is opened: runs from their records, frames from themselves.

use super::keys;
use super::run::Run;
use super::{OpenFrame, SpanBucket};
use crate::counters::add;
use crate::error::StoreError;
use crate::state::Shared;
use event::Bucket;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Shared {
    pub(crate) fn open_spans(&self) -> Result<(), StoreError> {
        self.remove_temporary();
        let mut buckets = self.spans.buckets.write();
        let floor = self.floor();
        for item in self.db.scan(keys::RUNS, &[]) {
            let (key, value) = item?;
            let (bucket, number) = keys::read_run(keys::RUNS, &key)?;
            if bucket >= floor {
                let bucket: &mut SpanBucket = buckets.entry(bucket).or_default();
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
            match OpenFrame::of(arrival, &value) {
                Ok(frame) => buckets.entry(bucket).or_default().frames.push(Arc::new(frame)),
                Err(error) => {
                    tracing::error!(%error, %bucket, arrival, "a stored frame of spans is damaged");
                    add(&self.counters.damaged_frames, 1);
                }
            }
        }
        self.spans.next_arrival.store(next, Ordering::Relaxed);
        Ok(())
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
