//! Sealing: the oldest frames of a bucket become a run (`merge.rs`), and are gone in the write that counts it.

use super::merge::{Made, Taken, merge};
use super::unhold::Unheld;
use super::{EventBucket, OpenFrame, Run, UnitBytes, Workshop, keys};
use crate::batches;
use crate::counters::add;
use crate::damage::Damage;
use crate::error::StoreError;
use crate::frames;
use crate::runs::{SEED, SortedFile, file_options, first_frames};
use crate::state::Shared;
use event::{Bucket, Micros};
use rocksdb::WriteBatch;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::events::{EventBuilder, Packer};

/// How long the memory of the last run is kept.
const MEMORY_KEPT: Duration = Duration::from_secs(10);

impl Shared {
    /// Seals full runs, and what is left of buckets that are over. How many runs it made.
    pub(crate) fn seal_events(&self, now: Micros) -> Result<usize, StoreError> {
        let mut memory = self.events.sealing.lock();
        let mut shop = memory.take().unwrap_or_else(|| Workshop {
            builder: EventBuilder::new(SEED),
            packer: Packer::default(),
            used: Instant::now(),
        });
        let mut made = 0;
        while let Some((bucket, is_over)) = self.events_to_seal(now) {
            if self.check_writable().is_err() || !self.seal_events_run(bucket, &mut shop)? {
                break;
            }
            made += 1;
            let buckets = self.events.buckets.read();
            if is_over && buckets.get(&bucket).is_some_and(|known| known.frames.is_empty()) {
                add(&self.counters.closed, 1);
            }
        }
        if made > 0 {
            shop.used = Instant::now();
        }
        // It is often woken once more than there is something to do: that alone does not make it give up its memory, whose pages
        // cost more to get back than a run costs to sort.
        if shop.used.elapsed() < MEMORY_KEPT {
            *memory = Some(shop);
        }
        Ok(made)
    }

    fn events_to_seal(&self, now: Micros) -> Option<(Bucket, bool)> {
        let buckets = self.events.buckets.read();
        let due = |(number, bucket): (&Bucket, &EventBucket)| {
            let is_over = self.is_over(*number, now);
            let due = !bucket.frames.is_empty() && !bucket.unsealable && (bucket.is_full() || is_over);
            due.then_some((*number, is_over))
        };
        buckets.iter().find_map(due)
    }

    fn seal_events_run(&self, bucket: Bucket, shop: &mut Workshop) -> Result<bool, StoreError> {
        let (frames, number) = {
            let buckets = self.events.buckets.read();
            let Some(known) = buckets.get(&bucket) else {
                return Ok(false);
            };
            (
                first_frames(&known.frames),
                known.runs.keys().next_back().map_or(0, |last| last + 1),
            )
        };
        let Some(through) = frames.last().map(|frame| frame.arrival) else {
            return Ok(false);
        };
        self.check_space(frames.iter().map(|frame| u64::from(frame.bytes)).sum())?;
        let mut taken = Taken::default();
        shop.builder.clear();
        for frame in frames {
            self.take(frame, &mut shop.builder, &mut taken)?;
        }
        let (run, blocks) = match merge(shop, bucket, &taken, self.shards_of_runs()) {
            Ok(made) => made,
            Err(error) => {
                tracing::error!(%error, %bucket, "events cannot be sealed; their frames are kept as they are");
                if let Some(known) = self.events.buckets.write().get_mut(&bucket) {
                    known.unsealable = true;
                }
                return Ok(true);
            }
        };
        self.ingest_events(bucket, number, &blocks)?;
        self.count_run(bucket, number, run, &taken, through)?;
        Ok(true)
    }

    /// Reads a frame. One that cannot be read stays where it is and is left out; its batches are to come anew.
    fn take(
        &self,
        frame: Arc<OpenFrame>,
        builder: &mut EventBuilder,
        taken: &mut Taken,
    ) -> Result<(), StoreError> {
        let Some(bytes) = self.db.get(frames::FAMILY, &frame.key.by_time())? else {
            return Err(StoreError::Damaged(Damage {
                family: frames::FAMILY,
                what: "a frame is gone",
            }));
        };
        let counts = |section: usize| frame.held.binary_search(&(section as u32)).is_err();
        if let Err(error) = UnitBytes::new(bytes).with(|read| builder.append(read, counts)) {
            tracing::error!(%error, producer = %frame.key.producer, "stored frame is damaged and is not sealed");
            add(&self.counters.damaged_frames, 1);
            taken.damaged.push(frame);
            return Ok(());
        }
        for (shard, seq, content) in &frame.batches {
            taken.batches.insert(frame.source(), *shard, *seq, *content);
        }
        taken.frames.push(frame);
        Ok(())
    }

    /// Blocks as a sorted file, taken over as it is.
    fn ingest_events(&self, bucket: Bucket, number: u32, blocks: &[Made]) -> Result<(), StoreError> {
        if blocks.is_empty() {
            return Ok(());
        }
        let options = file_options();
        let name = format!("events-{}-{number}", bucket.0);
        let mut file = SortedFile::create(&self.db, &name, &options)?;
        for (at, made) in (0u32..).zip(blocks) {
            file.put(keys::block(bucket, number, at), &made.bytes)?;
        }
        file.ingest(&self.db, keys::BLOCKS)
    }

    /// The run counts and its frames are gone, in one synced write.
    fn count_run(
        &self,
        bucket: Bucket,
        number: u32,
        run: Run,
        taken: &Taken,
        through: u64,
    ) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let key = keys::run(bucket, number);
        batch.put_cf(self.db.family(keys::RUNS), key, run.encode());
        taken
            .batches
            .put(&self.db, keys::BATCHES, (bucket, number), &mut batch);
        for frame in &taken.frames {
            batch.delete_cf(self.db.family(frames::FAMILY), frame.key.by_time());
            batch.delete_cf(self.db.family(batches::FAMILY), frame.key.by_producer());
        }
        // No commit looks for a batch while it moves; and whoever looks at the index and takes a snapshot sees the same in both.
        let mut commit = self.commit.lock();
        let mut unheld = Unheld::default();
        for frame in &taken.damaged {
            unheld.add(self, frame.key, &mut batch)?;
        }
        unheld.put(self, &mut batch);
        let mut buckets = self.events.buckets.write();
        self.write(batch, true)?;
        unheld.applied(self, &mut commit);
        add(&self.counters.runs, 1);
        add(&self.counters.run_bytes, run.bytes());
        if let Some(known) = buckets.get_mut(&bucket) {
            known.sealed_through(through);
            known.runs.insert(number, Arc::new(run));
            for frame in &taken.damaged {
                known.digests.remove(frame.source(), &frame.batches);
            }
        }
        Ok(())
    }
}
