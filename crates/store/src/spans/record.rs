//! Family `span_records`: what a stored frame of spans does not say of itself: which of its sections do not count (foreign, or held
//! already), or, of merged spans that were copied, which batches they are. Most frames have none.

use super::keys::RECORDS;
use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::runs::batches::Source;
use event::{Epoch, Producer, Seq, Shard};

/// Value of the family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrameRecord {
    pub(crate) source: Source,
    /// Is it merged spans, whose sections name no batches?
    pub(crate) copied: bool,
    /// Positions of sections that do not count, ascending.
    pub(crate) uncounted: Box<[u16]>,
    /// Of merged spans: the batches that they and the other frames of their copy are.
    pub(crate) batches: Vec<(Shard, Seq, u64)>,
}

impl FrameRecord {
    /// Of a frame of which not all counts.
    pub(super) fn of_part(source: Source, uncounted: Vec<u16>) -> Self {
        Self {
            source,
            uncounted: uncounted.into(),
            ..Self::default()
        }
    }

    /// Of merged spans.
    pub(super) fn of_copy(source: Source, batches: Vec<(Shard, Seq, u64)>) -> Self {
        Self {
            source,
            copied: true,
            batches,
            ..Self::default()
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + self.uncounted.len() * 2 + self.batches.len() * 13);
        out.u128_be(self.source.0.0);
        out.u64_be(self.source.1.0);
        out.u8(u8::from(self.copied));
        out.varint(self.uncounted.len() as u64);
        for at in &self.uncounted {
            out.u16_be(*at);
        }
        out.varint(self.batches.len() as u64);
        for (shard, seq, content) in &self.batches {
            out.u16_be(shard.0);
            out.varint(seq.0);
            out.u64_be(*content);
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(RECORDS, bytes);
        let source = (Producer(r.u128_be()?), Epoch(r.u64_be()?));
        let copied = match r.u8()? {
            0 => false,
            1 => true,
            _ => return Err(r.damage("flag is neither 0 nor 1")),
        };
        let uncounted = (0..r.count(2)?)
            .map(|_| r.u16_be())
            .collect::<Result<Vec<_>, _>>()?;
        if !uncounted.is_sorted_by(|one, other| one < other) {
            return Err(r.damage("positions are not in order"));
        }
        let batches = (0..r.count(11)?)
            .map(|_| Ok((Shard(r.u16_be()?), Seq(r.varint()?), r.u64_be()?)))
            .collect::<Result<_, Damage>>()?;
        r.end()?;
        Ok(Self {
            source,
            copied,
            uncounted: uncounted.into(),
            batches,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any record. Guarantee: it comes back.
        #[test]
        fn round_trip(p: u128, e: u64, copied: bool, uncounted in prop::collection::btree_set(any::<u16>(), 0..9), batches in prop::collection::vec(any::<(u16, u64, u64)>(), 0..9)) {
            let record = FrameRecord {
                source: (Producer(p), Epoch(e)),
                copied,
                uncounted: uncounted.into_iter().collect(),
                batches: batches.into_iter().map(|(s, q, c)| (Shard(s), Seq(q), c)).collect(),
            };
            prop_assert_eq!(FrameRecord::decode(&record.encode()).unwrap(), record);
        }

        /// Scenario: any bytes. Guarantee: a record or an error.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = FrameRecord::decode(&bytes);
        }
    }
}
