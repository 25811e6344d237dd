//! A run: spans of one bucket, merged, by trace, in blocks. Its record is what is kept in memory of it.

use super::filter::Filter;
use super::keys::RUNS;
use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use event::TraceId;

/// A block of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Least and greatest trace in it.
    pub(crate) first: TraceId,
    pub(crate) last: TraceId,
    pub(crate) rows: u32,
    pub(crate) bytes: u32,
    /// Least start and greatest end, Unix nanoseconds.
    pub(crate) time: (u64, u64),
}

/// A run's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// In order of trace; of a trace that does not fit in one there are several.
    pub(crate) blocks: Vec<Block>,
    pub(crate) traces: u64,
    /// Spans before repeats were dropped.
    pub(crate) taken: u64,
    pub(crate) filter: Filter,
}

impl Run {
    pub(crate) fn rows(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.rows)).sum()
    }
    pub(crate) fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.bytes)).sum()
    }
    /// Bytes of memory, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.blocks.len() * size_of::<Block>() + self.filter.bytes().len()
    }
    /// Numbers of the blocks that may have a trace.
    pub(crate) fn blocks_of(&self, trace: TraceId) -> impl Iterator<Item = u32> + '_ {
        let may = self.filter.may_have(trace);
        let within = move |block: &Block| may && (block.first..=block.last).contains(&trace);
        (0u32..)
            .zip(&self.blocks)
            .filter(move |(_, block)| within(block))
            .map(|(number, _)| number)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.blocks.len() * 56 + self.filter.bytes().len() + 16);
        out.varint(self.traces);
        out.varint(self.taken);
        out.varint(self.blocks.len() as u64);
        for block in &self.blocks {
            out.u128_be(block.first.0);
            out.u128_be(block.last.0);
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
        let (traces, taken) = (r.varint()?, r.varint()?);
        let n = r.count(56)?;
        let mut blocks = Vec::with_capacity(n);
        for _ in 0..n {
            blocks.push(Block {
                first: TraceId(r.u128_be()?),
                last: TraceId(r.u128_be()?),
                rows: r.u32_be()?,
                bytes: r.u32_be()?,
                time: (r.u64_be()?, r.u64_be()?),
            });
        }
        Ok(Self {
            blocks,
            traces,
            taken,
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
        fn round_trip(blocks in prop::collection::vec(any::<(u128, u128, u32, u32, (u64, u64))>(), 0..9), traces: u64, taken: u64) {
            let block = |(first, last, rows, bytes, time)| Block { first: TraceId(first), last: TraceId(last), rows, bytes, time };
            let run = Run {
                blocks: blocks.into_iter().map(block).collect(),
                traces,
                taken,
                filter: Filter::of([TraceId(1), TraceId(2)].into_iter()),
            };
            prop_assert_eq!(Run::decode(&run.encode()).unwrap(), run);
        }

        /// Scenario: any bytes. Guarantee: a run or an error.
        #[test]
        fn total(bytes: Vec<u8>) {
            let _ = Run::decode(&bytes);
        }
    }
}
