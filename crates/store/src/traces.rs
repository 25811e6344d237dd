//! Family `traces`: the index of a bucket by trace, in sorted blocks. A run is one writing-out of an index; a block's key is
//! its first trace.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::frame_key::{FRAME_KEY_BYTES, FrameKey};
use crate::summary::TraceSummary;
use event::{Bucket, TraceId};
use std::collections::HashMap;

/// Name of the family.
pub(crate) const FAMILY: &str = "traces";
/// A block is closed when it has this many bytes.
pub(crate) const BLOCK_BYTES: usize = 32 * 1024;

/// Rows of one section of one stored frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowsRef {
    pub(crate) frame: FrameKey,
    /// Position in the frame.
    pub(crate) section: u32,
    pub(crate) first: u32,
    pub(crate) rows: u32,
}

/// A trace as one run knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TraceEntry {
    pub(crate) summary: TraceSummary,
    pub(crate) rows: Vec<RowsRef>,
}

/// What the keys of one run begin with.
pub(crate) fn run_prefix(bucket: Bucket, run: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    out.u32_be(bucket.0);
    out.u32_be(run);
    out
}

pub(crate) fn key(bucket: Bucket, run: u32, first: TraceId) -> Vec<u8> {
    let mut out = run_prefix(bucket, run);
    out.u128_be(first.0);
    out
}

/// Gathers entries in ascending order of trace into one block.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    first: Option<TraceId>,
    count: u64,
    frames: Vec<FrameKey>,
    ordinals: HashMap<FrameKey, u64>,
    body: Vec<u8>,
}

impl BlockBuilder {
    pub(crate) fn push(&mut self, entry: &TraceEntry) {
        self.first.get_or_insert(entry.summary.trace);
        self.count += 1;
        entry.summary.write(&mut self.body);
        self.body.varint(entry.rows.len() as u64);
        for r in &entry.rows {
            let frames = &mut self.frames;
            let ordinal = *self.ordinals.entry(r.frame).or_insert_with(|| {
                frames.push(r.frame);
                frames.len() as u64 - 1
            });
            self.body.varint(ordinal);
            self.body.varint(u64::from(r.section));
            self.body.varint(u64::from(r.first));
            self.body.varint(u64::from(r.rows));
        }
    }
    pub(crate) fn is_full(&self) -> bool {
        self.body.len() + self.frames.len() * FRAME_KEY_BYTES >= BLOCK_BYTES
    }
    /// The block's first trace and bytes, unless nothing was pushed; then empty again.
    pub(crate) fn finish(&mut self) -> Option<(TraceId, Vec<u8>)> {
        let built = std::mem::take(self);
        let first = built.first?;
        let mut out = Vec::with_capacity(built.body.len() + built.frames.len() * FRAME_KEY_BYTES + 20);
        out.varint(built.frames.len() as u64);
        for f in &built.frames {
            out.raw(&f.by_time());
        }
        out.varint(built.count);
        out.raw(&built.body);
        Some((first, out))
    }
}

/// The entries of a block, in ascending order of trace.
pub(crate) fn block_decode(bytes: &[u8]) -> Result<Vec<TraceEntry>, Damage> {
    let mut r = Reader::new(FAMILY, bytes);
    let n = r.count(FRAME_KEY_BYTES)?;
    let frames = (0..n)
        .map(|_| FrameKey::read_by_time(&mut r))
        .collect::<Result<Vec<_>, _>>()?;
    let n = r.count(25)?;
    let entries = (0..n)
        .map(|_| entry_decode(&mut r, &frames))
        .collect::<Result<Vec<_>, _>>()?;
    r.end()?;
    Ok(entries)
}

fn entry_decode(r: &mut Reader<'_>, frames: &[FrameKey]) -> Result<TraceEntry, Damage> {
    let summary = TraceSummary::read(r)?;
    let n = r.count(4)?;
    let mut rows = Vec::with_capacity(n);
    for _ in 0..n {
        let ordinal = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
        let frame = *frames
            .get(ordinal)
            .ok_or_else(|| r.damage("frame beyond its table"))?;
        rows.push(RowsRef {
            frame,
            section: r.varint_u32()?,
            first: r.varint_u32()?,
            rows: r.varint_u32()?,
        });
    }
    Ok(TraceEntry { summary, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame_key::tests::any_frame_key;
    use crate::summary::tests::any_summary;
    use proptest::prelude::*;

    fn any_entry() -> impl Strategy<Value = TraceEntry> {
        let row =
            (any_frame_key(), any::<(u32, u32, u32)>()).prop_map(|(frame, (section, first, rows))| RowsRef {
                frame,
                section,
                first,
                rows,
            });
        (any_summary(), prop::collection::vec(row, 0..4))
            .prop_map(|(summary, rows)| TraceEntry { summary, rows })
    }

    proptest! {
        /// Scenario: any entries. Guarantee: the block gives them back, named by the first.
        #[test]
        fn round_trip(entries in prop::collection::vec(any_entry(), 1..8)) {
            let mut b = BlockBuilder::default();
            for e in &entries {
                b.push(e);
            }
            let (first, bytes) = b.finish().unwrap();
            prop_assert_eq!(first, entries[0].summary.trace);
            prop_assert_eq!(block_decode(&bytes).unwrap(), entries);
            prop_assert!(b.finish().is_none());
        }

        /// Scenario: any bytes. Guarantee: entries or an error, never a panic.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = block_decode(&bytes);
        }
    }
}
