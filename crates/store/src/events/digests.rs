//! Digests: what two replicas compare. Of a (shard, bucket) the sum over its batches of a hash of identity and content, so that
//! neither order nor frames nor sealing show in it. Gaps are no part of it: which of them a replica keeps depends on what
//! came before.

use super::keys;
use crate::batches::{self, FrameRecord};
use crate::bytes::Reader;
use crate::error::StoreError;
use crate::frame_key::FrameKey;
use crate::logs;
use crate::runs::batches::{ShardBatches, Source, read_list_key};
use crate::spans::keys as span_keys;
use crate::state::Shared;
use event::{Bucket, Seq, Shard};
use placement::batch_digest;
use std::collections::BTreeMap;

impl Shared {
    /// The digest of each shard of a bucket that has batches.
    pub(crate) fn digests(&self, bucket: Bucket) -> Result<BTreeMap<Shard, u128>, StoreError> {
        // Sealing moves batches from one family to the other in one write.
        let _no_sealing = self.events.sealing.lock();
        let _nor_of_spans = self.spans.sealing.lock();
        let mut sums = BTreeMap::new();
        let prefix = bucket.0.to_be_bytes();
        for item in self.db.scan(batches::FAMILY, &prefix) {
            let (key, value) = item?;
            let frame = FrameKey::read_by_producer(&mut Reader::new(batches::FAMILY, &key))?;
            let source = (frame.producer, frame.epoch);
            for batch in FrameRecord::decode(&value)?.sections {
                if !batch.gap && !batch.held {
                    add(&mut sums, source, batch.shard, batch.seq, batch.content);
                }
            }
        }
        for item in self.db.scan(keys::BATCHES, &prefix) {
            let (key, value) = item?;
            if let Some((_, _, shard)) = read_list_key(keys::BATCHES, &key)? {
                for (source, seq, content) in ShardBatches::decode(keys::BATCHES, &value)?.iter() {
                    add(&mut sums, source, shard, seq, content);
                }
            }
        }
        for item in self.db.scan(span_keys::BATCHES, &prefix) {
            let (key, value) = item?;
            if let Some((_, _, shard)) = read_list_key(span_keys::BATCHES, &key)? {
                for (source, seq, content) in ShardBatches::decode(span_keys::BATCHES, &value)?.iter() {
                    add(&mut sums, source, shard, seq, content);
                }
            }
        }
        for item in self.db.scan(logs::BATCHES, &prefix) {
            let (key, value) = item?;
            let (_, shard, source, seq) = logs::read_key(&key)?;
            add(&mut sums, source, shard, seq, logs::read_value(&value)?.1);
        }
        if let Some(known) = self.spans.buckets.read().get(&bucket) {
            for frame in &known.frames {
                for (shard, seq, content) in &frame.batches {
                    add(&mut sums, frame.source, *shard, *seq, *content);
                }
            }
        }
        Ok(sums)
    }
}

fn add(sums: &mut BTreeMap<Shard, u128>, (producer, epoch): Source, shard: Shard, seq: Seq, content: u64) {
    let sum = sums.entry(shard).or_default();
    *sum = sum.wrapping_add(batch_digest(producer, epoch, shard, seq, content));
}
