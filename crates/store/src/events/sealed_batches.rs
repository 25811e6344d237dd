//! Family `event_batches`: which batches a run is made of, each with the hash of its events. A retry that comes after its frame
//! was sealed is told from a number used twice by it, and the digest of a shard of a bucket is counted from it.

use super::keys::BATCHES;
use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use event::{Epoch, Producer, Seq, Shard};
use std::collections::BTreeMap;

/// One life of one producer.
pub(crate) type Source = (Producer, Epoch);

/// The batches of a run; of each the hash of its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SealedBatches(pub(crate) BTreeMap<Source, BTreeMap<Shard, BTreeMap<Seq, u64>>>);

impl SealedBatches {
    /// Those of a source, to be added to.
    pub(crate) fn of(&mut self, source: Source) -> &mut BTreeMap<Shard, BTreeMap<Seq, u64>> {
        self.0.entry(source).or_default()
    }

    fn insert(&mut self, source: Source, shard: Shard, seq: Seq, content: u64) {
        self.of(source).entry(shard).or_default().insert(seq, content);
    }

    /// The hash of a batch, if it is in the run.
    pub(crate) fn content(&self, source: Source, shard: Shard, seq: Seq) -> Option<u64> {
        self.0.get(&source)?.get(&shard)?.get(&seq).copied()
    }

    /// Those of one source.
    pub(crate) fn only(mut self, source: Source) -> Self {
        self.0.retain(|known, _| *known == source);
        self
    }

    /// All batches: source, shard, seq, hash.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Source, Shard, Seq, u64)> + '_ {
        self.0.iter().flat_map(|(source, shards)| {
            shards.iter().flat_map(move |(shard, seqs)| {
                seqs.iter()
                    .map(move |(seq, content)| (*source, *shard, *seq, *content))
            })
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.varint(self.0.len() as u64);
        for ((producer, epoch), shards) in &self.0 {
            out.u128_be(producer.0);
            out.u64_be(epoch.0);
            out.varint(shards.len() as u64);
            for (shard, seqs) in shards {
                out.u16_be(shard.0);
                out.varint(seqs.len() as u64);
                let mut last = 0;
                for (seq, content) in seqs {
                    out.varint(seq.0.wrapping_sub(last));
                    out.u64_be(*content);
                    last = seq.0;
                }
            }
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(BATCHES, bytes);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any batches. Guarantee: they come back, each found by its name, no other.
        #[test]
        fn round_trip(all in prop::collection::vec((0..3u128, 0..3u64, 0..4u16, any::<u64>(), any::<u64>()), 0..40)) {
            let mut batches = SealedBatches::default();
            let mut model = BTreeMap::new();
            for (producer, epoch, shard, seq, content) in all {
                batches.insert((Producer(producer), Epoch(epoch)), Shard(shard), Seq(seq), content);
                model.insert((producer, epoch, shard, seq), content);
            }
            let read = SealedBatches::decode(&batches.encode()).unwrap();
            prop_assert_eq!(&read, &batches);
            let listed: BTreeMap<_, _> = read.iter().map(|((p, e), s, q, c)| ((p.0, e.0, s.0, q.0), c)).collect();
            prop_assert_eq!(&listed, &model);
            for ((p, e, s, q), content) in model {
                prop_assert_eq!(read.content((Producer(p), Epoch(e)), Shard(s), Seq(q)), Some(content));
                prop_assert_eq!(read.content((Producer(p), Epoch(e)), Shard(9), Seq(q)), None);
            }
        }

        /// Scenario: any bytes. Guarantee: batches or an error.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = SealedBatches::decode(&bytes);
        }
    }
}
