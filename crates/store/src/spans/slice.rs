//! Slices of the spans of several runs: what is in memory at once when they are merged or shown.

use super::cut::slices;
use super::keys;
use super::make::unreadable;
use super::run::{Block, Run, place};
use super::seal::gone;
use crate::error::StoreError;
use crate::runs::filter::hash;
use crate::runs::{RUN_BYTES, RUN_ROWS};
use event::SpanId;
use std::ops::RangeInclusive;
use std::sync::Arc;
use wire::spans::{SpanBuilder, SpanFrame};

/// Most spans of a slice.
pub(super) const SLICE_ROWS_MAX: u64 = 4 * RUN_ROWS;

/// Runs of one bucket, with their numbers.
pub(super) type Group = Vec<(u32, Arc<Run>)>;

/// The spans of some places; if those of one place are too many for one slice, a share of them by their ids. What is the same in
/// all fields is in the same slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) places: RangeInclusive<u16>,
    share: u64,
    shares: u64,
}

/// Slices by place that have as many spans as one run that is sealed, about, in the order of places.
pub(super) fn parts(group: &[(u32, Arc<Run>)]) -> impl Iterator<Item = Slice> {
    let rows: u64 = group.iter().map(|(_, run)| run.rows()).sum();
    let bytes: u64 = group.iter().map(|(_, run)| run.bytes()).sum();
    let parts = slices(rows, RUN_ROWS).max(slices(bytes, RUN_BYTES));
    let width = (1u64 << 16) / parts;
    (0..parts).map(move |part| Slice {
        places: (part * width) as u16..=((part + 1) * width - 1) as u16,
        share: 0,
        shares: 1,
    })
}

impl Slice {
    /// This, or shares of it that have at most about so many spans each.
    pub(super) fn shares(self, group: &[(u32, Arc<Run>)], most: u64) -> impl Iterator<Item = Self> {
        let shares = self.rows(group).div_ceil(most.max(1)).max(1);
        (0..shares).map(move |share| Self {
            places: self.places.clone(),
            share,
            shares,
        })
    }

    /// About how many spans runs have of its places.
    pub(super) fn rows(&self, group: &[(u32, Arc<Run>)]) -> u64 {
        let within = |run: &Arc<Run>| -> u64 {
            let blocks = run.blocks_within(self.places.clone());
            blocks.map(|(_, block)| self.rows_of(block)).sum()
        };
        group.iter().map(|(_, run)| within(run)).sum()
    }

    /// Of a block, by how much of its places are these.
    fn rows_of(&self, block: &Block) -> u64 {
        let width = |first: u16, last: u16| u64::from(last.saturating_sub(first)) + 1;
        let (first, last) = (
            block.first.max(*self.places.start()),
            block.last.min(*self.places.end()),
        );
        (u64::from(block.rows) * width(first, last)).div_ceil(width(block.first, block.last))
    }

    /// Takes what a block has of it into a builder.
    pub(super) fn take(
        &self,
        builder: &mut SpanBuilder,
        block: &Block,
        bytes: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let bytes = bytes.ok_or_else(|| gone(keys::BLOCKS))?;
        let frame = SpanFrame::open(bytes).map_err(|error| unreadable(&error))?;
        let decoded = frame.decoded().map_err(|error| unreadable(&error))?;
        let whole = self.places.contains(&block.first) && self.places.contains(&block.last);
        let here = |trace| whole || self.places.contains(&place(hash(trace)));
        if self.shares == 1 {
            builder.take(&decoded, here);
        } else {
            builder.take_some(&decoded, here, |span| self.has(span));
        }
        Ok(())
    }

    /// Is a span in this share? By its id's highest bits after a multiplication (Fibonacci hashing).
    fn has(&self, span: SpanId) -> bool {
        let mixed = u128::from(span.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        (mixed * u128::from(self.shares)) >> 64 == u128::from(self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: runs of any blocks, cut in slices, each in shares. Guarantee: each place is in one slice, and each span id in
        /// one of its shares; a share has no more spans than it should; no slice has more blocks' spans than there are.
        #[test]
        fn each_span_is_in_one_slice(
            blocks in prop::collection::vec((any::<u16>(), any::<u16>(), 1u32..400_000), 1..40),
            place: u16,
            id: u64,
            most in 1u64..1_000_000,
        ) {
            let mut blocks: Vec<Block> = blocks
                .into_iter()
                .map(|(a, b, rows)| Block { first: a.min(b), last: a.max(b), rows, bytes: rows, time: (0, 0) })
                .collect();
            blocks.sort_by_key(|block| block.first);
            let all: u64 = blocks.iter().map(|block| u64::from(block.rows)).sum();
            // Blocks of a run do not overlap but at their ends: here each is a run.
            let group: Group = (0..)
                .zip(blocks)
                .map(|(n, block)| (n, Arc::new(Run { blocks: vec![block], ..Run::default() })))
                .collect();
            let slices: Vec<Slice> = parts(&group).filter(|slice| slice.places.contains(&place)).collect();
            prop_assert_eq!(slices.len(), 1);
            let rows = slices[0].rows(&group);
            prop_assert!(rows <= all);
            let shares: Vec<Slice> = slices[0].clone().shares(&group, most).collect();
            prop_assert!(rows <= most * shares.len() as u64);
            prop_assert_eq!(shares.iter().filter(|slice| slice.has(SpanId(id))).count(), 1);
        }
    }
}
