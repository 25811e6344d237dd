//! Families `event_batches` and `span_batches`: which batches a run is made of, each with its content hash, by shard. A retry that
//! comes after its frame was sealed is told from a number used twice by them; replicas are compared and copied by them.
//!
//! Of a run there is a head (key: bucket u32, run u32, 0), which says of each shard the digest of its batches and how many there
//! are, and a list a shard (key: bucket, run, 1, shard u16), so that a question about a shard reads no other's.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::db::Db;
use crate::error::StoreError;
use event::{Bucket, Epoch, Producer, Seq, Shard};
use placement::batch_digest;
use rocksdb::WriteBatch;
use std::collections::BTreeMap;

/// One life of one producer.
pub(crate) type Source = (Producer, Epoch);

/// Key of a run's head in its family of batches.
pub(crate) fn head_key(bucket: Bucket, run: u32) -> Vec<u8> {
    let mut key = super::keys::run(bucket, run).to_vec();
    key.u8(0);
    key
}

/// Key of a run's list of a shard.
pub(crate) fn list_key(bucket: Bucket, run: u32, shard: Shard) -> Vec<u8> {
    let mut key = super::keys::run(bucket, run).to_vec();
    key.u8(1);
    key.u16_be(shard.0);
    key
}

/// Bucket, run and shard of the key of a list; none of a head's.
pub(crate) fn read_list_key(
    family: &'static str,
    key: &[u8],
) -> Result<Option<(Bucket, u32, Shard)>, Damage> {
    let mut r = Reader::new(family, key);
    let (bucket, run) = (Bucket(r.u32_be()?), r.u32_be()?);
    let read = match r.u8()? {
        0 => None,
        _ => Some((bucket, run, Shard(r.u16_be()?))),
    };
    r.end()?;
    Ok(read)
}

/// The batches of a run that is being made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunBatches(BTreeMap<Shard, BTreeMap<Source, BTreeMap<Seq, u64>>>);

/// The batches of one shard of a run: by source, by number; each with the hash of its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardBatches(Vec<(Source, Vec<(Seq, u64)>)>);

/// What a run has of each shard: the digest of its batches, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunHead(pub(crate) Vec<(Shard, u128, u64)>);

impl RunBatches {
    /// Adds a batch. It comes once: a run has a number once.
    pub(crate) fn insert(&mut self, source: Source, shard: Shard, seq: Seq, content: u64) {
        let sources = self.0.entry(shard).or_default();
        sources.entry(source).or_default().insert(seq, content);
    }

    /// Adds those of a shard of another run.
    pub(crate) fn extend(&mut self, shard: Shard, batches: &ShardBatches) {
        for (source, list) in &batches.0 {
            let sources = self.0.entry(shard).or_default();
            sources.entry(*source).or_default().extend(list.iter().copied());
        }
    }

    /// What is known of it without its lists.
    pub(crate) fn head(&self) -> RunHead {
        let of = |(shard, sources): (&Shard, &BTreeMap<Source, BTreeMap<Seq, u64>>)| {
            let (mut sum, mut count) = (0u128, 0u64);
            for ((producer, epoch), seqs) in sources {
                for (seq, content) in seqs {
                    sum = sum.wrapping_add(batch_digest(*producer, *epoch, *shard, *seq, *content));
                    count += 1;
                }
            }
            (*shard, sum, count)
        };
        RunHead(self.0.iter().map(of).collect())
    }

    /// Puts head and lists of a run.
    pub(crate) fn put(
        &self,
        db: &Db,
        family: &'static str,
        (bucket, run): (Bucket, u32),
        batch: &mut WriteBatch,
    ) {
        let family = db.family(family);
        batch.put_cf(family, head_key(bucket, run), self.head().encode());
        for (shard, sources) in &self.0 {
            let list = ShardBatches::encode(sources);
            batch.put_cf(family, list_key(bucket, run, *shard), list);
        }
    }

    /// Reads the one value that format 2 had for all shards of a run.
    pub(crate) fn decode_format_2(family: &'static str, bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(family, bytes);
        let mut batches = Self::default();
        for _ in 0..r.count(25)? {
            let source = (Producer(r.u128_be()?), Epoch(r.u64_be()?));
            for _ in 0..r.count(3)? {
                let shard = Shard(r.u16_be()?);
                let mut last = 0u64;
                for _ in 0..r.count(9)? {
                    last = last.wrapping_add(r.varint()?);
                    batches.insert(source, shard, Seq(last), r.u64_be()?);
                }
            }
        }
        r.end()?;
        Ok(batches)
    }
}

impl ShardBatches {
    fn encode(sources: &BTreeMap<Source, BTreeMap<Seq, u64>>) -> Vec<u8> {
        let mut out = Vec::new();
        out.varint(sources.len() as u64);
        for ((producer, epoch), seqs) in sources {
            out.u128_be(producer.0);
            out.u64_be(epoch.0);
            out.varint(seqs.len() as u64);
            let mut last = 0;
            for (seq, content) in seqs {
                out.varint(seq.0.wrapping_sub(last));
                out.u64_be(*content);
                last = seq.0;
            }
        }
        out
    }

    pub(crate) fn decode(family: &'static str, bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(family, bytes);
        let n = r.count(25)?;
        let mut sources: Vec<(Source, Vec<(Seq, u64)>)> = Vec::with_capacity(n);
        for _ in 0..n {
            let source = (Producer(r.u128_be()?), Epoch(r.u64_be()?));
            if sources.last().is_some_and(|(before, _)| *before >= source) {
                return Err(r.damage("sources are not in order"));
            }
            let n = r.count(9)?;
            let mut list = Vec::with_capacity(n);
            let mut last = 0u64;
            for _ in 0..n {
                let next = last.checked_add(r.varint()?);
                let next = next.filter(|next| *next > last || list.is_empty());
                last = next.ok_or_else(|| r.damage("numbers are not in order"))?;
                list.push((Seq(last), r.u64_be()?));
            }
            sources.push((source, list));
        }
        r.end()?;
        Ok(Self(sources))
    }

    /// Reads the list of a run; none if it has nothing of the shard.
    pub(crate) fn read(
        db: &Db,
        family: &'static str,
        (bucket, run): (Bucket, u32),
        shard: Shard,
    ) -> Result<Self, StoreError> {
        let bytes = db.get(family, &list_key(bucket, run, shard))?;
        let list = bytes.map(|bytes| Self::decode(family, &bytes)).transpose()?;
        Ok(list.unwrap_or_default())
    }

    /// Those of a source, ascending.
    pub(crate) fn of(&self, source: Source) -> &[(Seq, u64)] {
        let at = self.0.binary_search_by_key(&source, |(known, _)| *known);
        let found = at.ok().and_then(|at| self.0.get(at));
        found.map_or(&[], |(_, list)| list)
    }

    /// The hash of a batch, if it is there.
    pub(crate) fn content(&self, source: Source, seq: Seq) -> Option<u64> {
        let list = self.of(source);
        let at = list.binary_search_by_key(&seq, |(known, _)| *known).ok()?;
        list.get(at).map(|(_, content)| *content)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Source, Seq, u64)> + '_ {
        let all = self.0.iter();
        all.flat_map(|(source, list)| list.iter().map(|(seq, content)| (*source, *seq, *content)))
    }
}

impl RunHead {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + self.0.len() * 20);
        out.varint(self.0.len() as u64);
        for (shard, sum, count) in &self.0 {
            out.u16_be(shard.0);
            out.u128_be(*sum);
            out.varint(*count);
        }
        out
    }

    pub(crate) fn decode(family: &'static str, bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(family, bytes);
        let shards = (0..r.count(19)?)
            .map(|_| Ok((Shard(r.u16_be()?), r.u128_be()?, r.varint()?)))
            .collect::<Result<_, Damage>>()?;
        r.end()?;
        Ok(Self(shards))
    }

    /// Reads that of a run.
    pub(crate) fn read(
        db: &Db,
        family: &'static str,
        (bucket, run): (Bucket, u32),
    ) -> Result<Option<Self>, StoreError> {
        let bytes = db.get(family, &head_key(bucket, run))?;
        Ok(bytes.map(|bytes| Self::decode(family, &bytes)).transpose()?)
    }

    /// Batches of all shards.
    pub(crate) fn batches(&self) -> u64 {
        self.0.iter().map(|(_, _, count)| count).sum()
    }
}

/// Digests of the shards of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests(std::sync::Arc<BTreeMap<Shard, u128>>);

impl Digests {
    /// Adds batches of a source.
    pub(crate) fn add(&mut self, source: Source, batches: &[(Shard, Seq, u64)]) {
        self.change(source, batches, u128::wrapping_add);
    }
    /// Takes batches of a source away.
    pub(crate) fn remove(&mut self, source: Source, batches: &[(Shard, Seq, u64)]) {
        self.change(source, batches, u128::wrapping_sub);
    }
    fn change(
        &mut self,
        (producer, epoch): Source,
        batches: &[(Shard, Seq, u64)],
        op: fn(u128, u128) -> u128,
    ) {
        if batches.is_empty() {
            return;
        }
        // Whoever looks at it keeps what was: then it is copied, once.
        let sums = std::sync::Arc::make_mut(&mut self.0);
        for (shard, seq, content) in batches {
            let sum = sums.entry(*shard).or_default();
            *sum = op(*sum, batch_digest(producer, epoch, *shard, *seq, *content));
        }
    }
    /// Adds those of a run.
    pub(crate) fn add_run(&mut self, head: &RunHead) {
        let sums = std::sync::Arc::make_mut(&mut self.0);
        for (shard, sum, _) in &head.0 {
            let all = sums.entry(*shard).or_default();
            *all = all.wrapping_add(*sum);
        }
    }
    /// That of a shard; 0 = it has no batches.
    pub(crate) fn of(&self, shard: Shard) -> u128 {
        self.0.get(&shard).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAMILY: &str = "batches of runs";

    fn any_batches() -> impl Strategy<Value = Vec<(u128, u64, u16, u64, u64)>> {
        prop::collection::vec((0..3u128, 0..3u64, 0..4u16, any::<u64>(), any::<u64>()), 0..40)
    }

    proptest! {
        /// Scenario: any batches. Guarantee: each shard's come back, each found by its name, no other; the head is their sum.
        #[test]
        fn round_trip(all in any_batches()) {
            let mut batches = RunBatches::default();
            let mut model = BTreeMap::new();
            for (producer, epoch, shard, seq, content) in all {
                batches.insert((Producer(producer), Epoch(epoch)), Shard(shard), Seq(seq), content);
                model.insert((shard, producer, epoch, seq), content);
            }
            let head = RunHead::decode(FAMILY, &batches.head().encode()).unwrap();
            prop_assert_eq!(&head, &batches.head());
            prop_assert_eq!(head.batches(), model.len() as u64);
            let (mut digests, mut again) = (Digests::default(), RunBatches::default());
            digests.add_run(&head);
            let mut listed = BTreeMap::new();
            for (shard, sources) in &batches.0 {
                let list = ShardBatches::decode(FAMILY, &ShardBatches::encode(sources)).unwrap();
                again.extend(*shard, &list);
                let mut sum = 0u128;
                for (source, seq, content) in list.iter() {
                    listed.insert((shard.0, source.0.0, source.1.0, seq.0), content);
                    sum = sum.wrapping_add(batch_digest(source.0, source.1, *shard, seq, content));
                    prop_assert_eq!(list.content(source, seq), Some(content));
                    prop_assert_eq!(list.content((Producer(9), source.1), seq), None);
                    digests.remove(source, &[(*shard, seq, content)]);
                }
                prop_assert!(head.0.iter().any(|(s, of, _)| (*s, *of) == (*shard, sum)));
                prop_assert_eq!(digests.of(*shard), 0);
            }
            prop_assert_eq!(listed, model);
            prop_assert_eq!(again, batches);
        }

        /// Scenario: any bytes. Guarantee: batches or an error.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = (ShardBatches::decode(FAMILY, &bytes), RunHead::decode(FAMILY, &bytes));
            let _ = RunBatches::decode_format_2(FAMILY, &bytes);
        }
    }
}
