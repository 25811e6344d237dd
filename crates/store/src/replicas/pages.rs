//! The spans of a shard of a bucket that are merged, page by page: how a bucket of any size goes to another member with bounded memory
//! on both sides.
//!
//! A span has a position that is the same on every disk, however its runs are merged: the place of its trace (the highest 16 bits of the
//! trace's hash), then 48 bits of its own id. A page is what lies between two positions, so nothing is remembered between two pages: each
//! is read from what is synced when it is asked for. What was held when the first page was asked for is in all of them, whether it was
//! sealed or merged meanwhile. The last page has no spans but the batches that they all are.

use super::synced::{Slice, Synced};
use super::{CutFrame, HeldSection};
use crate::damage::Damage;
use crate::error::StoreError;
use crate::runs::SEED;
use crate::runs::batches::Source;
use crate::runs::filter::hash;
use crate::spans::{COPIED_BATCHES_MAX, Cutter, keys, write_copied};
use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard, SpanId, TraceId};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::atomic::Ordering;
use wire::frame::FrameError;
use wire::spans::{Cut, Packer, SpanBuilder, SpanFrame};

/// Spans of a page, in bytes of the frames and blocks that they are read from, unless [`crate::Store::limit_pages`] says otherwise: each span
/// counts for its share.
pub(crate) const PAGE_BYTES: u64 = 2 << 20;
/// Spans of a page, whatever they take.
const PAGE_ROWS: usize = 1 << 17;
/// What a builder may take in memory while there is a smaller page: the texts of all blocks that are read are in it.
const BUILDER_BYTES_MAX: usize = 128 << 20;
/// Ranges without a span that are looked at for one page.
const EMPTY_MAX: usize = 32;
/// Bits of a position that say where in a place.
const WITHIN_BITS: u32 = 48;

/// A part of the spans of a shard of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanPage {
    /// Spans that are no batches yet; of the last page the batches.
    pub frames: Vec<CutFrame>,
    /// Where the next page begins; 0: this is the last.
    pub next: u64,
}

/// Positions from a multiple of a power of two on, as many as this power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Positions {
    from: u64,
    bits: u32,
}

impl Positions {
    /// All.
    pub(super) const ALL: Self = Self { from: 0, bits: 64 };

    /// From one on, at most 2^bits.
    fn new(from: u64, bits: u32) -> Self {
        let aligned = if from == 0 { 64 } else { from.trailing_zeros() };
        Self {
            from,
            bits: bits.min(aligned),
        }
    }

    /// The first half, if there are two of two positions at least: so that no page begins at the last position, which stands for the end.
    fn half(self) -> Option<Self> {
        let bits = self.bits.checked_sub(1).filter(|bits| *bits > 0)?;
        Some(Self { bits, ..self })
    }

    /// The first position after these; none: they are the last.
    fn end(self) -> Option<u64> {
        self.from.checked_add(1u64.checked_shl(self.bits)?)
    }

    /// Places of traces that have some of these.
    fn places(self) -> RangeInclusive<u16> {
        let last = self.end().map_or(u64::MAX, |end| end - 1);
        (self.from >> WITHIN_BITS) as u16..=(last >> WITHIN_BITS) as u16
    }

    /// Of a trace whose place has some of these: is this span's position one? The id is mixed by a multiplication (Fibonacci hashing).
    fn has(self, span: SpanId) -> bool {
        let within = span.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - WITHIN_BITS);
        let of = self.from & ((1 << WITHIN_BITS) - 1);
        self.bits >= WITHIN_BITS || (within ^ of) >> self.bits == 0
    }
}

impl Synced<'_> {
    /// The page that begins at `from`, the first one at 0, of the spans that the batches of the first one's shard and bucket are. Only these
    /// batches are looked at, and of these only what is held and sealed, or came as a copy; the others come with [`Synced::frames`]. To be
    /// asked for in order, and to be stored in order: the last page says that the batches are there.
    pub fn span_page(&self, wanted: &[HeldSection], from: u64) -> Result<SpanPage, StoreError> {
        let Some(first) = wanted.first() else {
            return Ok(SpanPage::default());
        };
        let (shard, bucket) = (first.shard, first.bucket);
        let Some(slice) = self.buckets.get(&bucket) else {
            return Ok(SpanPage::default());
        };
        // The batches come when all spans came: at the position that is the last.
        if from == u64::MAX {
            let batches = self.page_of_batches(wanted, (shard, bucket), slice)?;
            let page = |frames| SpanPage { frames, next: 0 };
            return Ok(page(batches));
        }
        let mut positions = Positions::new(from, self.first_bits(slice));
        for _ in 0..EMPTY_MAX {
            let builder = loop {
                match self.gather(bucket, slice, shard, positions)? {
                    Some(builder) => break builder,
                    None => positions = positions.half().unwrap_or(positions),
                }
            };
            let next = positions.end().unwrap_or(u64::MAX);
            if !builder.is_empty() {
                let blocks = blocks(bucket, &builder)?;
                let none = (Producer(0), Epoch(0));
                let Some(bytes) = write_copied((shard, bucket), none, &[], &blocks) else {
                    return Err(StoreError::Damaged(Damage {
                        family: keys::BLOCKS,
                        what: "spans of one position are too long to be copied",
                    }));
                };
                let frames = vec![CutFrame {
                    bytes,
                    ..CutFrame::default()
                }];
                return Ok(SpanPage { frames, next });
            }
            if next == u64::MAX {
                break;
            }
            positions = Positions::new(next, positions.bits.saturating_add(1));
        }
        let next = positions.end().unwrap_or(u64::MAX);
        Ok(SpanPage {
            frames: Vec::new(),
            next,
        })
    }

    /// What of the wanted is there, with an empty frame each source.
    fn page_of_batches(
        &self,
        wanted: &[HeldSection],
        (shard, bucket): (Shard, Bucket),
        slice: &Slice,
    ) -> Result<Vec<CutFrame>, StoreError> {
        let mut by_source: BTreeMap<Source, Vec<HeldSection>> = BTreeMap::new();
        let here = wanted.iter().filter(|s| (s.shard, s.bucket) == (shard, bucket));
        for section in here.filter(|s| !s.gap) {
            let of = by_source.entry((section.producer, section.epoch)).or_default();
            of.push(*section);
        }
        let empty = [empty_frame(bucket)?];
        let mut frames = Vec::new();
        for (source, mut sections) in by_source {
            sections.sort_unstable_by_key(|s| s.first);
            sections.dedup_by_key(|s| s.first);
            let here = self.merged_batches(bucket, slice, shard, source)?;
            let of = |s: &HeldSection| Some((*s, here.get(&s.first).copied()?));
            let found: Vec<_> = sections.iter().filter_map(of).take(COPIED_BATCHES_MAX).collect();
            let batches: Vec<(Seq, u64)> = found.iter().map(|(s, content)| (s.first, *content)).collect();
            let bytes = (!batches.is_empty())
                .then(|| write_copied((shard, bucket), source, &batches, &empty))
                .flatten();
            if let Some(bytes) = bytes {
                frames.push(CutFrame {
                    bytes,
                    positions: (0..found.len() as u16).collect(),
                    sections: found.into_iter().map(|(section, _)| section).collect(),
                });
            }
        }
        Ok(frames)
    }

    /// About how many positions make a page, as a power of two.
    fn first_bits(&self, slice: &Slice) -> u32 {
        let frames: u64 = slice.span_frames.iter().map(|f| u64::from(f.bytes)).sum();
        let runs: u64 = slice.span_runs.iter().map(|(_, run)| run.bytes()).sum();
        let of_shard = (frames + runs) / u64::from(self.shared.options.shards.get());
        let pages = of_shard.div_ceil(self.page_bytes()).max(1);
        64 - pages.next_power_of_two().trailing_zeros()
    }

    fn page_bytes(&self) -> u64 {
        self.shared.page_bytes.load(Ordering::Relaxed).max(1)
    }

    /// All spans of a shard of a bucket, as blocks, if they make one page.
    pub(super) fn one_page(
        &self,
        bucket: Bucket,
        slice: &Slice,
        shard: Shard,
    ) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let gathered = self.gather(bucket, slice, shard, Positions::ALL)?;
        let of = |builder: SpanBuilder| {
            if builder.is_empty() {
                return Ok(vec![empty_frame(bucket)?]);
            }
            blocks(bucket, &builder)
        };
        gathered.map(of).transpose()
    }

    /// The spans of a shard at some positions; none if they are too many for a page, unless it is two positions alone.
    fn gather(
        &self,
        bucket: Bucket,
        slice: &Slice,
        shard: Shard,
        positions: Positions,
    ) -> Result<Option<SpanBuilder>, StoreError> {
        let shards = self.shared.options.shards;
        let places = positions.places();
        let mut builder = SpanBuilder::new(SEED);
        let mut keys_of: Vec<(&'static str, Vec<u8>)> = Vec::new();
        for (run, record) in &slice.span_runs {
            let blocks = record.blocks_within(places.clone());
            keys_of.extend(blocks.map(|(at, _)| (keys::BLOCKS, keys::block(bucket, *run, at).to_vec())));
        }
        let frames = slice.span_frames.iter().filter(|frame| {
            // Of others it has no spans.
            frame.copied || frame.batches.iter().any(|(of, _, _)| *of == shard)
        });
        keys_of.extend(frames.map(|frame| (keys::FRAMES, keys::frame(bucket, frame.arrival).to_vec())));
        let here = |trace: TraceId| {
            placement::shard_of(trace, shards) == shard
                && places.contains(&((hash(trace) >> WITHIN_BITS) as u16))
        };
        let mut share = 0u64;
        for (family, key) in keys_of {
            let Some(bytes) = self.get(family, &key)? else {
                return Err(damaged(family, "spans are gone and are not copied"));
            };
            let before = builder.len();
            let read = SpanFrame::open(&bytes).and_then(|frame| {
                let decoded = frame.decoded()?;
                builder.take_some(&decoded, here, |span| positions.has(span));
                Ok::<u32, FrameError>(frame.rows())
            });
            match read {
                Ok(rows) => {
                    let taken = (builder.len() - before) as u64;
                    share += bytes.len() as u64 * taken / u64::from(rows.max(1));
                }
                Err(error) => {
                    tracing::error!(%error, %bucket, family, "spans cannot be read and are not copied");
                    return Err(damaged(family, "spans cannot be read and are not copied"));
                }
            }
            let many = share > self.page_bytes() || builder.len() > PAGE_ROWS;
            let large = builder.byte_len() > BUILDER_BYTES_MAX && positions.bits > WITHIN_BITS;
            if large || many && positions.half().is_some() {
                return Ok(None);
            }
        }
        Ok(Some(builder))
    }
}

fn damaged(family: &'static str, what: &'static str) -> StoreError {
    StoreError::Damaged(Damage { family, what })
}

fn blocks(bucket: Bucket, builder: &SpanBuilder) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut made = Vec::new();
    let cutter = Cutter::new(bucket, builder.len() as u64);
    let cut = cutter.cut(builder, &mut Packer::default(), &mut |bytes, _| {
        made.push(bytes.to_vec());
        Ok(ControlFlow::Continue(()))
    })?;
    debug_assert!(cut.is_continue(), "nobody stops it");
    Ok(made)
}

/// A frame without spans.
fn empty_frame(bucket: Bucket) -> Result<Vec<u8>, StoreError> {
    let at = Cut {
        producer: Producer(0),
        epoch: Epoch(0),
        hlc: Hlc(0),
        bucket,
    };
    let made = SpanBuilder::new(SEED).finish(at, |_| Shard(0), |_| Seq(1), &mut Packer::default());
    made.map_err(|_| damaged(keys::FRAMES, "a frame without spans cannot be made"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: the positions from 0 on, cut in pages of any sizes. Guarantee: they end, and each span of each place is in one page.
        #[test]
        fn each_position_is_in_one_page(sizes in prop::collection::vec(40u32..=64, 1..9), place: u16, id: u64) {
            let (mut from, mut found, mut pages) = (0u64, 0, 0);
            loop {
                let size = sizes[pages % sizes.len()].max(58);
                let positions = Positions::new(from, size);
                found += u32::from(positions.places().contains(&place) && positions.has(SpanId(id)));
                pages += 1;
                match positions.end() {
                    Some(end) => from = end,
                    None => break,
                }
            }
            prop_assert_eq!(found, 1);
        }

        /// Scenario: a part of a place, halved. Guarantee: what was in it is in one of the halves.
        #[test]
        fn halves_are_the_whole(place: u16, within in 0u64..1 << 48, bits in 2u32..=48, id: u64) {
            let from = u64::from(place) << 48 | within >> bits << bits;
            let whole = Positions { from, bits };
            let first = whole.half().unwrap();
            let second = Positions { from: first.end().unwrap(), ..first };
            let parts = u32::from(first.has(SpanId(id))) + u32::from(second.has(SpanId(id)));
            prop_assert_eq!(u32::from(whole.has(SpanId(id))), parts);
            prop_assert_eq!(whole.places(), place..=place);
        }
    }
}
