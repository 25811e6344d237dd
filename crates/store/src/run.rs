//! A run: the index of some frames of one bucket, on disk in sorted blocks. Never changed once its bucket's entry counts it.

use crate::bytes::Put;
use crate::db::Db;
use crate::error::StoreError;
use crate::open_bucket::OpenBucket;
use crate::postings::{self, CHUNK_ITEMS, GapRecord, LooseRef, Topic};
use crate::state::Shared;
use crate::traces::{self, BlockBuilder, TraceEntry};
use event::{Bucket, TraceId};
use rocksdb::WriteBatch;

/// An index is written in batches of about this many bytes.
const WRITE_BYTES: usize = 1 << 20;

impl Shared {
    /// Writes the index as run number `run`. It counts only when the bucket's entry says so.
    pub(crate) fn write_run(&self, bucket: Bucket, run: u32, index: &OpenBucket) -> Result<(), StoreError> {
        self.clear_run(bucket, run)?;
        let mut batch = WriteBatch::default();
        let mut block = BlockBuilder::default();
        for entry in index.sorted() {
            block.push(entry);
            if block.is_full() {
                self.put_block(&mut batch, bucket, run, &mut block);
                self.write_if_large(&mut batch)?;
            }
        }
        self.put_block(&mut batch, bucket, run, &mut block);
        let family = self.db.family(postings::FAMILY);
        let mut topics: Vec<Topic> = index.topics().collect();
        topics.sort_unstable();
        for topic in topics {
            for (chunk, ids) in (0u32..).zip(index.posted(topic).chunks(CHUNK_ITEMS)) {
                batch.put_cf(
                    family,
                    topic.key(bucket, run, chunk),
                    postings::traces_encode(ids),
                );
            }
            self.write_if_large(&mut batch)?;
        }
        for (chunk, items) in (0u32..).zip(index.loose.chunks(CHUNK_ITEMS)) {
            batch.put_cf(
                family,
                Topic::Loose.key(bucket, run, chunk),
                postings::loose_encode(items),
            );
        }
        for (chunk, items) in (0u32..).zip(index.gaps.chunks(CHUNK_ITEMS)) {
            batch.put_cf(
                family,
                Topic::Gap.key(bucket, run, chunk),
                postings::gaps_encode(items),
            );
        }
        self.write(batch, false)
    }

    fn put_block(&self, batch: &mut WriteBatch, bucket: Bucket, run: u32, block: &mut BlockBuilder) {
        if let Some((first, bytes)) = block.finish() {
            batch.put_cf(
                self.db.family(traces::FAMILY),
                traces::key(bucket, run, first),
                bytes,
            );
        }
    }

    fn write_if_large(&self, batch: &mut WriteBatch) -> Result<(), StoreError> {
        if batch.size_in_bytes() >= WRITE_BYTES {
            self.write(std::mem::take(batch), false)?;
        }
        Ok(())
    }

    /// Removes what a crash left of a run that never counted.
    fn clear_run(&self, bucket: Bucket, run: u32) -> Result<(), StoreError> {
        let prefix = traces::run_prefix(bucket, run);
        let mut after = Vec::with_capacity(8);
        after.u64_be((u64::from(bucket.0) << 32 | u64::from(run)) + 1);
        let mut batch = WriteBatch::default();
        for family in [traces::FAMILY, postings::FAMILY] {
            if self.db.scan(family, &prefix).next().transpose()?.is_some() {
                batch.delete_range_cf(self.db.family(family), &prefix, &after);
            }
        }
        if batch.is_empty() {
            Ok(())
        } else {
            self.write(batch, false)
        }
    }
}

/// What a run knows of a trace.
pub(crate) fn find_trace(
    db: &Db,
    bucket: Bucket,
    run: u32,
    trace: TraceId,
) -> Result<Option<TraceEntry>, StoreError> {
    let prefix = traces::run_prefix(bucket, run);
    let Some(block) = db.at_or_before(traces::FAMILY, &prefix, &traces::key(bucket, run, trace))? else {
        return Ok(None);
    };
    let mut entries = traces::block_decode(&block)?;
    Ok(match entries.binary_search_by_key(&trace, |e| e.summary.trace) {
        Ok(i) => Some(entries.swap_remove(i)),
        Err(_) => None,
    })
}

/// Calls `each` with all traces of a run, ascending.
pub(crate) fn each_trace(
    db: &Db,
    bucket: Bucket,
    run: u32,
    mut each: impl FnMut(&TraceEntry),
) -> Result<(), StoreError> {
    for item in db.scan(traces::FAMILY, &traces::run_prefix(bucket, run)) {
        traces::block_decode(&item?.1)?.iter().for_each(&mut each);
    }
    Ok(())
}

fn chunks<T>(
    db: &Db,
    prefix: &[u8],
    decode: impl Fn(&[u8]) -> Result<Vec<T>, crate::damage::Damage>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    for item in db.scan(postings::FAMILY, prefix) {
        all.extend(decode(&item?.1)?);
    }
    Ok(all)
}

/// Traces that a run lists under a topic, ascending.
pub(crate) fn posted(db: &Db, bucket: Bucket, run: u32, topic: Topic) -> Result<Vec<TraceId>, StoreError> {
    chunks(db, &topic.prefix(bucket, run), postings::traces_decode)
}

/// Events in no trace that a run lists.
pub(crate) fn loose(db: &Db, bucket: Bucket, run: u32) -> Result<Vec<LooseRef>, StoreError> {
    chunks(db, &Topic::Loose.prefix(bucket, run), postings::loose_decode)
}

/// Gaps that a run lists.
pub(crate) fn gaps(db: &Db, bucket: Bucket, run: u32) -> Result<Vec<GapRecord>, StoreError> {
    chunks(db, &Topic::Gap.prefix(bucket, run), postings::gaps_decode)
}
