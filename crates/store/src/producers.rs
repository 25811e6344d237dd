//! Family `producers`: which batches are held, so that writing twice is writing once. One value covers
//! [`SHARD_GROUP`] shards of one producer's life: a frame of many small sections then costs one put, not one a shard.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use event::{Bucket, Epoch, Producer, Shard};
use placement::{IntervalSet, interval_set_decode, interval_set_encode};
use std::collections::BTreeMap;

/// Name of the family.
pub(crate) const FAMILY: &str = "producers";
/// Shards in one value.
pub(crate) const SHARD_GROUP: u16 = 64;

/// Key of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProducerKey {
    pub(crate) producer: Producer,
    pub(crate) epoch: Epoch,
    /// Shard divided by [`SHARD_GROUP`].
    pub(crate) group: u16,
}

impl ProducerKey {
    pub(crate) fn of(producer: Producer, epoch: Epoch, shard: Shard) -> Self {
        Self {
            producer,
            epoch,
            group: shard.0 / SHARD_GROUP,
        }
    }
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(26);
        out.u128_be(self.producer.0);
        out.u64_be(self.epoch.0);
        out.u16_be(self.group);
        out
    }
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(FAMILY, bytes);
        let key = Self {
            producer: Producer(r.u128_be()?),
            epoch: Epoch(r.u64_be()?),
            group: r.u16_be()?,
        };
        r.end()?;
        Ok(key)
    }
}

/// Batches of one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Stored.
    pub(crate) data: IntervalSet,
    /// Given up by the producer. Data beats gap: a number may be in both.
    pub(crate) gaps: IntervalSet,
}

/// Value of the family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeldGroup {
    /// Latest bucket that any of it was in: when that bucket is dropped, so is this entry.
    pub(crate) last_bucket: Bucket,
    pub(crate) shards: BTreeMap<Shard, Held>,
}

impl HeldGroup {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.shards.len() * 10);
        out.u32_be(self.last_bucket.0);
        out.varint(self.shards.len() as u64);
        for (shard, held) in &self.shards {
            out.u16_be(shard.0);
            interval_set_encode(&held.data, &mut out);
            interval_set_encode(&held.gaps, &mut out);
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(FAMILY, bytes);
        let last_bucket = Bucket(r.u32_be()?);
        let n = r.count(4)?;
        let mut shards = BTreeMap::new();
        for _ in 0..n {
            let shard = Shard(r.u16_be()?);
            let data = read_set(&mut r)?;
            let gaps = read_set(&mut r)?;
            shards.insert(shard, Held { data, gaps });
        }
        if shards.len() != n {
            return Err(r.damage("a shard twice"));
        }
        r.end()?;
        Ok(Self { last_bucket, shards })
    }
}

fn read_set(r: &mut Reader<'_>) -> Result<IntervalSet, Damage> {
    let (set, rest) = interval_set_decode(r.rest()).map_err(|_| r.damage("interval set"))?;
    r.set_rest(rest);
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use placement::Interval;
    use proptest::prelude::*;

    fn any_set() -> impl Strategy<Value = IntervalSet> {
        prop::collection::vec((any::<u32>(), 0..100u64), 0..5).prop_map(|v| {
            v.into_iter()
                .map(|(f, n)| Interval {
                    first: u64::from(f),
                    last: u64::from(f) + n,
                })
                .collect()
        })
    }

    proptest! {
        /// Scenario: any key and value. Guarantee: they come back.
        #[test]
        fn round_trip(p: u128, e: u64, g: u16, b: u32, sets in prop::collection::btree_map(any::<u16>(), (any_set(), any_set()), 0..8)) {
            let key = ProducerKey { producer: Producer(p), epoch: Epoch(e), group: g };
            prop_assert_eq!(ProducerKey::decode(&key.encode()).unwrap(), key);
            let shards = sets.into_iter().map(|(s, (data, gaps))| (Shard(s), Held { data, gaps })).collect();
            let group = HeldGroup { last_bucket: Bucket(b), shards };
            prop_assert_eq!(HeldGroup::decode(&group.encode()).unwrap(), group);
        }

        /// Scenario: any bytes. Guarantee: a value or an error, never a panic.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = ProducerKey::decode(&bytes);
            let _ = HeldGroup::decode(&bytes);
        }
    }
}
