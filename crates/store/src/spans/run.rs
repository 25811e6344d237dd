//! A run: spans of one bucket, merged, in the order of their traces' hashes, in blocks. Its record is what is kept in memory of it.

use super::keys::RUNS;
use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::runs::filter::{Filter, hash};
use event::TraceId;
use std::ops::RangeInclusive;

/// Where a trace is in the order of runs: the highest bits of its hash. Equal parts of all places hold about equally many
/// traces, whatever their ids are made of.
pub(super) fn place(hash: u64) -> u16 {
    (hash >> 48) as u16
}

/// A block of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Least and greatest place of its traces.
    pub(crate) first: u16,
    pub(crate) last: u16,
    pub(crate) rows: u32,
    pub(crate) bytes: u32,
    /// Least start and greatest end, Unix nanoseconds.
    pub(crate) time: (u64, u64),
}

/// A run's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// How often its spans were merged since they were sealed.
    pub(crate) level: u8,
    /// Its blocks are not compressed and have no terms: it is merged soon.
    pub(crate) quick: bool,
    /// By place; of a trace that does not fit in one there are several.
    pub(crate) blocks: Vec<Block>,
    pub(crate) traces: u64,
    /// Spans before repeats were dropped.
    pub(crate) taken: u64,
    /// Traces that other runs seemed to have too when it was made, of those that were looked at.
    pub(crate) shared: u64,
    pub(crate) filter: Filter,
}

impl Run {
    pub(crate) fn rows(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.rows)).sum()
    }
    pub(crate) fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.bytes)).sum()
    }
    /// Greatest end of its spans, Unix nanoseconds.
    pub(crate) fn until(&self) -> u64 {
        self.blocks
            .iter()
            .map(|block| block.time.1)
            .max()
            .unwrap_or_default()
    }
    /// Bytes of memory, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.blocks.len() * size_of::<Block>() + self.filter.bytes().len()
    }
    /// Numbers of the blocks that may have a trace.
    pub(crate) fn blocks_of(&self, trace: TraceId) -> impl Iterator<Item = u32> + '_ {
        let hash = hash(trace);
        let here = place(hash)..=place(hash);
        let may = self.filter.may_have(hash);
        may.then(|| self.blocks_within(here))
            .into_iter()
            .flatten()
            .map(|(number, _)| number)
    }
    /// Blocks that have traces of some places.
    pub(crate) fn blocks_within(&self, places: RangeInclusive<u16>) -> impl Iterator<Item = (u32, &Block)> {
        let from = self.blocks.partition_point(|block| block.last < *places.start());
        (0u32..)
            .zip(&self.blocks)
            .skip(from)
            .take_while(move |(_, block)| block.first <= *places.end())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.blocks.len() * 28 + self.filter.bytes().len() + 32);
        out.varint(u64::from(self.level) << 1 | u64::from(self.quick));
        out.varint(self.traces);
        out.varint(self.taken);
        out.varint(self.shared);
        out.varint(self.blocks.len() as u64);
        for block in &self.blocks {
            out.u16_be(block.first);
            out.u16_be(block.last);
            out.u32_be(block.rows);
            out.u32_be(block.bytes);
            out.u64_be(block.time.0);
            out.u64_be(block.time.1);
        }
        out.extend_from_slice(self.filter.bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(RUNS, bytes);
        let level = r.varint()?;
        let quick = level & 1 == 1;
        let level = u8::try_from(level >> 1).map_err(|_| r.damage("level of a run"))?;
        let (traces, taken, shared) = (r.varint()?, r.varint()?, r.varint()?);
        let n = r.count(28)?;
        let mut blocks = Vec::with_capacity(n);
        for _ in 0..n {
            blocks.push(Block {
                first: r.u16_be()?,
                last: r.u16_be()?,
                rows: r.u32_be()?,
                bytes: r.u32_be()?,
                time: (r.u64_be()?, r.u64_be()?),
            });
        }
        Ok(Self {
            level,
            quick,
            blocks,
            traces,
            taken,
            shared,
            filter: Filter::from_bytes(r.rest()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any run. Guarantee: it comes back.
        #[test]
        fn round_trip(
            blocks in prop::collection::vec(any::<(u16, u16, u32, u32, (u64, u64))>(), 0..9),
            level: u8,
            quick: bool,
            traces: u64,
            taken: u64,
            shared: u64,
        ) {
            let block = |(first, last, rows, bytes, time)| Block { first, last, rows, bytes, time };
            let run = Run {
                level,
                quick,
                blocks: blocks.into_iter().map(block).collect(),
                traces,
                taken,
                shared,
                filter: Filter::of(&[1, 2]),
            };
            prop_assert_eq!(Run::decode(&run.encode()).unwrap(), run);
        }

        /// Scenario: blocks in the order of places, some of one place in several. Guarantee: those that overlap a range are
        /// found, no others.
        #[test]
        fn blocks_of_places(mut ends in prop::collection::vec(0u16..50, 2..20), from in 0u16..50, length in 0u16..9) {
            ends.sort_unstable();
            let block = |pair: &[u16]| Block { first: pair[0], last: pair[1], rows: 1, bytes: 1, time: (0, 0) };
            let run = Run { blocks: ends.windows(2).map(block).collect(), ..Run::default() };
            let places = from..=from + length;
            let found: Vec<u32> = run.blocks_within(places.clone()).map(|(number, _)| number).collect();
            let overlaps = |block: &Block| block.first <= *places.end() && block.last >= *places.start();
            let expected: Vec<u32> = (0u32..).zip(&run.blocks).filter(|(_, b)| overlaps(b)).map(|(n, _)| n).collect();
            prop_assert_eq!(found, expected);
        }

        /// Scenario: any bytes. Guarantee: a run or an error.
        #[test]
        fn total(bytes: Vec<u8>) {
            let _ = Run::decode(&bytes);
        }
    }
}
