//! Family `batches`: what each stored frame holds, without its events. Bucket-major, then by producer, so that a
//! batch sent twice is found and compared, and so that an index lost with a crash is rebuilt.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use event::{Seq, Shard};

/// Name of the family.
pub(crate) const FAMILY: &str = "batches";

const GAP: u8 = 1;
const HELD: u8 = 2;

/// One section of a stored frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchEntry {
    pub(crate) shard: Shard,
    pub(crate) seq: Seq,
    /// Equal to `seq` unless a gap.
    pub(crate) last: Seq,
    pub(crate) gap: bool,
    /// An earlier frame held it already: it is no part of this frame's index.
    pub(crate) held: bool,
    /// Hash of its events; 0 for a gap.
    pub(crate) content: u64,
}

/// Value of the family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameRecord {
    /// Number of the frame in order of arrival, over the store's life.
    pub(crate) arrival: u64,
    /// xxh3-128 of the frame's bytes.
    pub(crate) hash: u128,
    pub(crate) frame_bytes: u32,
    /// By position in the frame.
    pub(crate) sections: Vec<BatchEntry>,
}

impl FrameRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40 + self.sections.len() * 16);
        out.varint(self.arrival);
        out.u128_be(self.hash);
        out.u32_be(self.frame_bytes);
        out.varint(self.sections.len() as u64);
        for s in &self.sections {
            out.u8(if s.gap { GAP } else { 0 } | if s.held { HELD } else { 0 });
            out.u16_be(s.shard.0);
            out.varint(s.seq.0);
            if s.gap {
                out.varint(s.last.0);
            } else {
                out.u64_be(s.content);
            }
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(FAMILY, bytes);
        let (arrival, hash, frame_bytes) = (r.varint()?, r.u128_be()?, r.u32_be()?);
        let n = r.count(5)?;
        let mut sections = Vec::with_capacity(n);
        for _ in 0..n {
            let flags = r.u8()?;
            let (shard, seq) = (Shard(r.u16_be()?), Seq(r.varint()?));
            let gap = flags & GAP != 0;
            let (last, content) = if gap {
                (Seq(r.varint()?), 0)
            } else {
                (seq, r.u64_be()?)
            };
            sections.push(BatchEntry {
                shard,
                seq,
                last,
                gap,
                held: flags & HELD != 0,
                content,
            });
        }
        r.end()?;
        Ok(Self {
            arrival,
            hash,
            frame_bytes,
            sections,
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
        fn round_trip(arrival: u64, hash: u128, frame_bytes: u32, parts in prop::collection::vec(any::<(u16, u64, u64, bool, bool, u64)>(), 0..20)) {
            let sections = parts
                .into_iter()
                .map(|(shard, seq, last, gap, held, content)| BatchEntry {
                    shard: Shard(shard),
                    seq: Seq(seq),
                    last: Seq(if gap { last } else { seq }),
                    gap,
                    held,
                    content: if gap { 0 } else { content },
                })
                .collect();
            let record = FrameRecord { arrival, hash, frame_bytes, sections };
            prop_assert_eq!(FrameRecord::decode(&record.encode()).unwrap(), record);
        }

        /// Scenario: any bytes. Guarantee: a record or an error, never a panic.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = FrameRecord::decode(&bytes);
        }
    }
}
