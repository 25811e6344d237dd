//! Family `event_runs`: a run is events of one bucket, merged, in blocks, by shard and trace; of earlier formats, by trace. Its record, and a
//! filter over its traces, are what is kept in memory of it.

use super::keys::RUNS;
use super::{LOOSE_KINDS, LooseTimes};
use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::losses::GapRecord;
use crate::runs::filter::{Filter, hash};
use event::{Epoch, Hlc, ModuleKey, NodeKey, Producer, Seq, Shard, SiteId, TraceId};
use std::collections::BTreeSet;
use std::num::NonZeroU16;

/// In place of the number of blocks, of runs by shard.
const BY_SHARD: u64 = u64::MAX;

/// Shard and trace of a row; trace 0 is in no trace. Of runs by trace the shard is 0.
pub(crate) type At = (Shard, TraceId);

/// A block of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The first and the last row in it.
    pub(crate) first: At,
    pub(crate) last: At,
    pub(crate) rows: u32,
    pub(crate) bytes: u32,
}

/// What is stored of a run beside its blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunRecord {
    /// Are the blocks by shard, those in no trace first? Otherwise by trace. Of a trace that does not fit in one there are several.
    pub(crate) by_shard: bool,
    pub(crate) blocks: Vec<Block>,
    /// Frames that it was made of, and their bytes.
    pub(crate) frames: u64,
    pub(crate) frame_bytes: u64,
    /// Least and greatest HLC of its events.
    pub(crate) hlc: (Hlc, Hlc),
    /// Has it an event that is an error?
    pub(crate) errors: bool,
    pub(crate) loose: LooseTimes,
    pub(crate) gaps: Vec<GapRecord>,
    /// Who cut its frames.
    pub(crate) sources: BTreeSet<(Producer, Epoch)>,
    /// On which nodes its events were.
    pub(crate) nodes: BTreeSet<NodeKey>,
    /// Which sites ran, ascending.
    pub(crate) sites: Box<[(ModuleKey, SiteId)]>,
}

/// A run, as it is kept in memory.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) record: RunRecord,
    pub(crate) filter: Filter,
}

impl Block {
    /// Has it events in no trace?
    fn is_loose(&self) -> bool {
        self.first.1 == TraceId(0)
    }
}

impl Run {
    pub(crate) fn rows(&self) -> u64 {
        self.record.blocks.iter().map(|block| u64::from(block.rows)).sum()
    }
    pub(crate) fn bytes(&self) -> u64 {
        self.record
            .blocks
            .iter()
            .map(|block| u64::from(block.bytes))
            .sum()
    }
    /// Bytes of memory, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        let r = &self.record;
        size_of::<Self>()
            + r.blocks.len() * size_of::<Block>()
            + r.gaps.len() * size_of::<GapRecord>()
            + r.sources.len() * 32
            + r.nodes.len() * 16
            + r.sites.len() * 16
            + self.filter.bytes().len()
    }
    /// Numbers of the blocks that may have a trace, which is in one of so many shards.
    pub(crate) fn blocks_of(&self, trace: TraceId, shards: NonZeroU16) -> impl Iterator<Item = u32> + '_ {
        let may = self.filter.may_have(hash(trace));
        let by_shard = self.record.by_shard;
        let shard = if by_shard {
            placement::shard_of(trace, shards)
        } else {
            Shard(0)
        };
        let at = (shard, trace);
        self.blocks(move |block| {
            // Those of a run by shard are all in a trace or none.
            let other = by_shard && block.is_loose() != (trace == TraceId(0));
            let here = by_shard && block.is_loose() || (block.first..=block.last).contains(&at);
            may && !other && here
        })
    }
    /// Numbers of the blocks with events in no trace.
    pub(crate) fn loose_blocks(&self) -> impl Iterator<Item = u32> + '_ {
        self.blocks(Block::is_loose)
    }
    /// Numbers of the blocks that may have events of some shards.
    pub(crate) fn blocks_with<'a>(&'a self, shards: &'a BTreeSet<Shard>) -> impl Iterator<Item = u32> + 'a {
        let by_shard = self.record.by_shard;
        self.blocks(move |block| {
            let here = block.first.0..=block.last.0;
            !by_shard || shards.iter().any(|shard| here.contains(shard))
        })
    }
    fn blocks<'a>(&'a self, has: impl Fn(&Block) -> bool + 'a) -> impl Iterator<Item = u32> + 'a {
        let numbered = (0u32..).zip(&self.record.blocks);
        numbered
            .filter(move |(_, block)| has(block))
            .map(|(number, _)| number)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let r = &self.record;
        let mut out =
            Vec::with_capacity(r.blocks.len() * 40 + r.sites.len() * 4 + self.filter.bytes().len() + 64);
        if r.by_shard {
            out.varint(BY_SHARD);
        }
        out.varint(r.blocks.len() as u64);
        for block in &r.blocks {
            for (shard, trace) in [block.first, block.last] {
                if r.by_shard {
                    out.u16_be(shard.0);
                }
                out.u128_be(trace.0);
            }
            out.u32_be(block.rows);
            out.u32_be(block.bytes);
        }
        out.varint(r.frames);
        out.varint(r.frame_bytes);
        out.u64_be(r.hlc.0.0);
        out.u64_be(r.hlc.1.0);
        out.u8(u8::from(r.errors));
        let loose: Vec<_> = r.loose.all().collect();
        out.varint(loose.len() as u64);
        for (kind, (min, max)) in loose {
            out.u8(kind.code());
            out.u64_be(min.0);
            out.u64_be(max.0);
        }
        out.varint(r.gaps.len() as u64);
        r.gaps.iter().for_each(|gap| write_gap(&mut out, gap));
        out.varint(r.sources.len() as u64);
        for (producer, epoch) in &r.sources {
            out.u128_be(producer.0);
            out.u64_be(epoch.0);
        }
        out.varint(r.nodes.len() as u64);
        for node in &r.nodes {
            out.u64_be(node.0);
        }
        write_sites(&mut out, &r.sites);
        out.extend_from_slice(self.filter.bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(RUNS, bytes);
        let by_shard = r.next_is(BY_SHARD)?;
        let at = |r: &mut Reader<'_>| {
            let shard = Shard(if by_shard { r.u16_be()? } else { 0 });
            Ok::<At, Damage>((shard, TraceId(r.u128_be()?)))
        };
        let blocks = (0..r.count(if by_shard { 44 } else { 40 })?)
            .map(|_| {
                Ok(Block {
                    first: at(&mut r)?,
                    last: at(&mut r)?,
                    rows: r.u32_be()?,
                    bytes: r.u32_be()?,
                })
            })
            .collect::<Result<_, Damage>>()?;
        let (frames, frame_bytes) = (r.varint()?, r.varint()?);
        let hlc = (Hlc(r.u64_be()?), Hlc(r.u64_be()?));
        let errors = r.u8()? != 0;
        let mut loose = LooseTimes::default();
        for _ in 0..r.count(17)? {
            let code = r.u8()?;
            let times = (Hlc(r.u64_be()?), Hlc(r.u64_be()?));
            let kind = LOOSE_KINDS.into_iter().find(|kind| kind.code() == code);
            loose.add(kind.ok_or_else(|| r.damage("unknown kind"))?, times);
        }
        let gaps = (0..r.count(59)?)
            .map(|_| read_gap(&mut r))
            .collect::<Result<_, Damage>>()?;
        let sources = (0..r.count(24)?)
            .map(|_| Ok((Producer(r.u128_be()?), Epoch(r.u64_be()?))))
            .collect::<Result<_, Damage>>()?;
        let nodes = (0..r.count(8)?)
            .map(|_| Ok(NodeKey(r.u64_be()?)))
            .collect::<Result<_, Damage>>()?;
        let sites = read_sites(&mut r)?;
        Ok(Self {
            record: RunRecord {
                by_shard,
                blocks,
                frames,
                frame_bytes,
                hlc,
                errors,
                loose,
                gaps,
                sources,
                nodes,
                sites,
            },
            filter: Filter::from_bytes(r.rest()),
        })
    }
}

fn write_gap(out: &mut Vec<u8>, g: &GapRecord) {
    out.u128_be(g.producer.0);
    out.u64_be(g.epoch.0);
    out.u16_be(g.shard.0);
    out.u64_be(g.first.0);
    out.u64_be(g.last.0);
    out.u8(g.reason);
    out.u64_be(g.events);
    out.u64_be(g.hlc.0);
}

fn read_gap(r: &mut Reader<'_>) -> Result<GapRecord, Damage> {
    Ok(GapRecord {
        producer: Producer(r.u128_be()?),
        epoch: Epoch(r.u64_be()?),
        shard: Shard(r.u16_be()?),
        first: Seq(r.u64_be()?),
        last: Seq(r.u64_be()?),
        reason: r.u8()?,
        events: r.u64_be()?,
        hlc: Hlc(r.u64_be()?),
    })
}

/// Modules once each, sites by difference.
fn write_sites(out: &mut Vec<u8>, sites: &[(ModuleKey, SiteId)]) {
    out.varint(sites.chunk_by(|a, b| a.0 == b.0).count() as u64);
    for of_module in sites.chunk_by(|a, b| a.0 == b.0) {
        out.u64_be(of_module.first().map_or(0, |(module, _)| module.0));
        out.varint(of_module.len() as u64);
        let mut last = 0u32;
        for (_, site) in of_module {
            out.varint(u64::from(site.0.wrapping_sub(last)));
            last = site.0;
        }
    }
}

fn read_sites(r: &mut Reader<'_>) -> Result<Box<[(ModuleKey, SiteId)]>, Damage> {
    let mut sites = Vec::new();
    for _ in 0..r.count(10)? {
        let module = ModuleKey(r.u64_be()?);
        let mut last = 0u32;
        for _ in 0..r.count(1)? {
            last = last.wrapping_add(r.varint_u32()?);
            sites.push((module, SiteId(last)));
        }
    }
    Ok(sites.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any run. Guarantee: it comes back.
        #[test]
        fn round_trip(
            by_shard: bool,
            blocks in prop::collection::vec(any::<([(u16, u128); 2], u32, u32)>(), 0..9),
            n: [u64; 4],
            errors: bool,
            gaps in prop::collection::vec(any::<(u128, u16, u8, [u64; 5])>(), 0..4),
            sources in prop::collection::btree_set(any::<(u128, u64)>(), 0..4),
            nodes in prop::collection::btree_set(any::<u64>(), 0..4),
            sites in prop::collection::btree_set((0..4u64, any::<u32>()), 0..12),
            kind in 0..LOOSE_KINDS.len(),
        ) {
            let mut loose = LooseTimes::default();
            loose.add(LOOSE_KINDS[kind], (Hlc(n[0]), Hlc(n[1])));
            let at = |(shard, trace): (u16, u128)| (Shard(if by_shard { shard } else { 0 }), TraceId(trace));
            let record = RunRecord {
                by_shard,
                blocks: blocks.into_iter().map(|([first, last], rows, bytes)| Block { first: at(first), last: at(last), rows, bytes }).collect(),
                frames: n[0],
                frame_bytes: n[1],
                hlc: (Hlc(n[2]), Hlc(n[3])),
                errors,
                loose,
                gaps: gaps.into_iter().map(|(p, s, reason, n)| GapRecord {
                    producer: Producer(p), epoch: Epoch(n[0]), shard: Shard(s), first: Seq(n[1]), last: Seq(n[2]),
                    reason, events: n[3], hlc: Hlc(n[4]),
                }).collect(),
                sources: sources.into_iter().map(|(p, e)| (Producer(p), Epoch(e))).collect(),
                nodes: nodes.into_iter().map(NodeKey).collect(),
                sites: sites.into_iter().map(|(m, s)| (ModuleKey(m), SiteId(s))).collect(),
            };
            let run = Run { record, filter: Filter::from_bytes(&[7; 64]) };
            let read = Run::decode(&run.encode()).unwrap();
            prop_assert_eq!(&read.record, &run.record);
            prop_assert_eq!(&read.filter, &run.filter);
        }

        /// Scenario: any bytes. Guarantee: a run or an error.
        #[test]
        fn total(bytes: Vec<u8>) {
            let _ = Run::decode(&bytes);
        }
    }
}
