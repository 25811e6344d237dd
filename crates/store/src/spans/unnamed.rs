//! Runs of format 2, which kept no account of the batches of spans: nobody can say any more which these were. Each such run is given one
//! batch a shard, under a name that no producer has, so that it is compared and copied like others: a member that was alone when
//! it stored them can grow to several.
//!
//! The producer is xxh3-128 of "spans of format 2", the cluster's and the member's ids, the epoch the bucket, the number the run's and one, the
//! content xxh3-64 of the run's record and the shard (u16, little-endian). So it is the same however often the store is opened.

use super::keys;
use crate::error::StoreError;
use crate::meta;
use crate::producers::{self, HeldGroup, ProducerKey};
use crate::runs::batches::{RunBatches, RunHead, Source};
use crate::state::Shared;
use event::{Bucket, Epoch, Producer, Seq, Shard};
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

impl Shared {
    /// Names what a run without a list has, of every shard: of which it has spans only reading it would say, and a batch without
    /// spans costs nothing.
    pub(super) fn name_run(
        &self,
        (bucket, run): (Bucket, u32),
        record: &[u8],
    ) -> Result<RunHead, StoreError> {
        let owner = self.db.get(meta::FAMILY, meta::KEY_OWNER)?.unwrap_or_default();
        let producer = xxh3_128(&[b"spans of format 2", owner.as_slice()].concat());
        let source: Source = (Producer(producer), Epoch(bucket.0.into()));
        let seq = Seq(u64::from(run) + 1);
        let mut batches = RunBatches::default();
        let mut groups: BTreeMap<ProducerKey, HeldGroup> = BTreeMap::new();
        for shard in (0..self.options.shards.get()).map(Shard) {
            let mut content = Xxh3::new();
            content.update(record);
            content.update(&shard.0.to_le_bytes());
            batches.insert(source, shard, seq, content.digest());
            let key = ProducerKey::of(source.0, source.1, shard);
            let group = match groups.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let known = self.db.get(producers::FAMILY, &key.encode())?;
                    let known = known.map(|bytes| HeldGroup::decode(&bytes)).transpose()?;
                    free.insert(known.unwrap_or_default())
                }
            };
            group.last_bucket = group.last_bucket.max(bucket);
            group.shards.entry(shard).or_default().data.insert(seq.0);
        }
        let mut batch = WriteBatch::default();
        for (key, group) in &groups {
            batch.put_cf(self.db.family(producers::FAMILY), key.encode(), group.encode());
        }
        batches.put(&self.db, keys::BATCHES, (bucket, run), &mut batch);
        // Lost with the power, it is made again the same.
        self.write(batch, false)?;
        Ok(batches.head())
    }
}
