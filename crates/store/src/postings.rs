//! Family `postings`: which traces have an error, ran a site, ran on a node; and the events in no trace and the gaps. A list
//! is cut into chunks; a chunk's number ends its key.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::frame_key::{FRAME_KEY_BYTES, FrameKey};
use event::{
    Bucket, Epoch, EventKind, Hlc, Micros, ModuleKey, NodeKey, Producer, Seq, Shard, SiteId, TraceId,
};

/// Name of the family.
pub(crate) const FAMILY: &str = "postings";
/// Items in one chunk.
pub(crate) const CHUNK_ITEMS: usize = 2048;

/// What a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Topic {
    /// Traces with an error.
    Error,
    /// Traces that ran a site.
    Site(ModuleKey, SiteId),
    /// Traces that ran on a node incarnation.
    Node(NodeKey),
    /// Events in no trace that are kept findable.
    Loose,
    /// Batches given up.
    Gap,
}

impl Topic {
    /// Key of a chunk of the list.
    pub(crate) fn key(self, bucket: Bucket, run: u32, chunk: u32) -> Vec<u8> {
        let mut out = self.prefix(bucket, run);
        out.u32_be(chunk);
        out
    }
    /// What the keys of the list's chunks begin with; no other list's keys begin with it.
    pub(crate) fn prefix(self, bucket: Bucket, run: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(28);
        out.u32_be(bucket.0);
        out.u32_be(run);
        match self {
            Self::Error => out.u8(1),
            Self::Site(module, site) => {
                out.u8(2);
                out.u64_be(module.0);
                out.u32_be(site.0);
            }
            Self::Node(node) => {
                out.u8(3);
                out.u64_be(node.0);
            }
            Self::Loose => out.u8(4),
            Self::Gap => out.u8(5),
        }
        out
    }
}

/// An event in no trace that a query may ask for: losses, errors, nodes up and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LooseRef {
    pub(crate) kind: EventKind,
    pub(crate) hlc: Hlc,
    pub(crate) time: Micros,
    pub(crate) frame: FrameKey,
    pub(crate) section: u32,
    pub(crate) row: u32,
}

/// Batches that their producer gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapRecord {
    /// Who.
    pub producer: Producer,
    /// In which life.
    pub epoch: Epoch,
    /// Of which shard.
    pub shard: Shard,
    /// First number.
    pub first: Seq,
    /// Last number.
    pub last: Seq,
    /// Why (`docs/wire-format.md`, section).
    pub reason: u8,
    /// Events that were in them, 0 = not known.
    pub events: u64,
    /// The producer's time when it said so.
    pub hlc: Hlc,
}

pub(crate) fn traces_encode(ids: &[TraceId]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ids.len() * 16);
    for t in ids {
        out.u128_be(t.0);
    }
    out
}

pub(crate) fn traces_decode(bytes: &[u8]) -> Result<Vec<TraceId>, Damage> {
    let (ids, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(Damage {
            family: FAMILY,
            what: "length is no multiple of 16",
        });
    }
    Ok(ids.iter().map(|b| TraceId(u128::from_be_bytes(*b))).collect())
}

pub(crate) fn loose_encode(items: &[LooseRef]) -> Vec<u8> {
    let mut out = Vec::with_capacity(items.len() * (FRAME_KEY_BYTES + 25));
    for l in items {
        out.u8(l.kind.code());
        out.u64_be(l.hlc.0);
        out.u64_be(l.time.0);
        out.raw(&l.frame.by_time());
        out.u32_be(l.section);
        out.u32_be(l.row);
    }
    out
}

pub(crate) fn loose_decode(bytes: &[u8]) -> Result<Vec<LooseRef>, Damage> {
    let mut r = Reader::new(FAMILY, bytes);
    let mut items = Vec::new();
    while !r.rest().is_empty() {
        let kind = EventKind::try_from(r.u8()?).map_err(|_| r.damage("unknown kind"))?;
        let (hlc, time) = (Hlc(r.u64_be()?), Micros(r.u64_be()?));
        let frame = FrameKey::read_by_time(&mut r)?;
        items.push(LooseRef {
            kind,
            hlc,
            time,
            frame,
            section: r.u32_be()?,
            row: r.u32_be()?,
        });
    }
    Ok(items)
}

pub(crate) fn gaps_encode(items: &[GapRecord]) -> Vec<u8> {
    let mut out = Vec::with_capacity(items.len() * 59);
    for g in items {
        out.u128_be(g.producer.0);
        out.u64_be(g.epoch.0);
        out.u16_be(g.shard.0);
        out.u64_be(g.first.0);
        out.u64_be(g.last.0);
        out.u8(g.reason);
        out.u64_be(g.events);
        out.u64_be(g.hlc.0);
    }
    out
}

pub(crate) fn gaps_decode(bytes: &[u8]) -> Result<Vec<GapRecord>, Damage> {
    let mut r = Reader::new(FAMILY, bytes);
    let mut items = Vec::new();
    while !r.rest().is_empty() {
        items.push(GapRecord {
            producer: Producer(r.u128_be()?),
            epoch: Epoch(r.u64_be()?),
            shard: Shard(r.u16_be()?),
            first: Seq(r.u64_be()?),
            last: Seq(r.u64_be()?),
            reason: r.u8()?,
            events: r.u64_be()?,
            hlc: Hlc(r.u64_be()?),
        });
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame_key::tests::any_frame_key;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any lists. Guarantee: they come back.
        #[test]
        fn round_trip(
            ids in prop::collection::vec(any::<u128>(), 0..20),
            loose in prop::collection::vec((any_frame_key(), 1..20u8, any::<(u64, u64, u32, u32)>()), 0..5),
            gaps in prop::collection::vec(any::<(u128, u16, u8, [u64; 5])>(), 0..5),
        ) {
            let ids: Vec<_> = ids.into_iter().map(TraceId).collect();
            prop_assert_eq!(traces_decode(&traces_encode(&ids)).unwrap(), ids);
            let loose: Vec<_> = loose.into_iter().map(|(frame, kind, (hlc, time, section, row))| LooseRef {
                kind: EventKind::try_from(kind).unwrap(), hlc: Hlc(hlc), time: Micros(time), frame, section, row,
            }).collect();
            prop_assert_eq!(loose_decode(&loose_encode(&loose)).unwrap(), loose);
            let gaps: Vec<_> = gaps.into_iter().map(|(p, s, reason, n)| GapRecord {
                producer: Producer(p), epoch: Epoch(n[0]), shard: Shard(s), first: Seq(n[1]), last: Seq(n[2]),
                reason, events: n[3], hlc: Hlc(n[4]),
            }).collect();
            prop_assert_eq!(gaps_decode(&gaps_encode(&gaps)).unwrap(), gaps);
        }

        /// Scenario: any bytes. Guarantee: a list or an error, never a panic.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..150)) {
            let _ = (traces_decode(&bytes), loose_decode(&bytes), gaps_decode(&bytes));
        }

        /// Scenario: lists of two sites. Guarantee: neither prefix begins the other's keys.
        #[test]
        fn prefixes_are_disjoint(a: (u64, u32), b: (u64, u32), chunk: u32) {
            prop_assume!(a != b);
            let (a, b) = (Topic::Site(ModuleKey(a.0), SiteId(a.1)), Topic::Site(ModuleKey(b.0), SiteId(b.1)));
            prop_assert!(!a.key(Bucket(1), 0, chunk).starts_with(&b.prefix(Bucket(1), 0)));
        }
    }
}
