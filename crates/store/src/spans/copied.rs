//! Merged spans on their way to another member. After sealing nobody can say any more which span came with which batch: what is
//! copied is all spans of a shard in a bucket, with the list of the batches of one source that are among them. Both are written in one
//! commit, so that a batch is never held without its spans. If the spans are too many for that, they come in copies without batches,
//! which are parts, and when all are synced one with the batches and a frame without spans (`replicas/pages.rs`).
//!
//! ```text
//! 4 ESC1   u16 shard   u32 bucket   u128 producer   u64 epoch
//! varint batches, each: varint seq - the one before, u64 content
//! varint frames, each: u32 length, a frame of spans      u64 xxh3-64 of all before
//! ```
//!
//! Big-endian, as on the disk. The frames are of the form of blocks: producer 0, one section of shard 0 and seq 1.

use super::append::SpanIndex;
use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::digest::{FrameDigest, SectionDigest};
use crate::runs::batches::Source;
use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard};
use std::ops::Range;
use wire::frame::FrameError;
use wire::spans::SpanFrame;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

const MAGIC: &[u8; 4] = b"ESC1";
/// Longest copy of merged spans, in bytes.
pub const COPIED_BYTES_MAX: usize = 48 << 20;
/// Batches that one copy names.
pub(crate) const COPIED_BATCHES_MAX: usize = 4096;

/// A frame in a copy: where it is, and what the index must know of it.
#[derive(Debug)]
pub(crate) struct CopiedPart {
    pub(crate) range: Range<usize>,
    pub(crate) index: SpanIndex,
}

/// Is it a copy of merged spans?
pub(crate) fn is_copied(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A copy of spans with the batches that they are, ascending; none: it would be too long.
pub(crate) fn write_copied(
    (shard, bucket): (Shard, Bucket),
    source: Source,
    batches: &[(Seq, u64)],
    frames: &[Vec<u8>],
) -> Option<Vec<u8>> {
    let length: usize = frames.iter().map(|frame| frame.len() + 4).sum();
    let mut out = Vec::with_capacity(length + batches.len() * 10 + 64);
    out.raw(MAGIC);
    out.u16_be(shard.0);
    out.u32_be(bucket.0);
    out.u128_be(source.0.0);
    out.u64_be(source.1.0);
    out.varint(batches.len() as u64);
    let mut before = 0;
    for (seq, content) in batches {
        out.varint(seq.0.wrapping_sub(before));
        out.u64_be(*content);
        before = seq.0;
    }
    out.varint(frames.len() as u64);
    for frame in frames {
        out.u32_be(frame.len() as u32);
        out.raw(frame);
    }
    let hash = xxh3_64(&out);
    out.u64_be(hash);
    (out.len() <= COPIED_BYTES_MAX && batches.len() <= COPIED_BATCHES_MAX).then_some(out)
}

/// Checks a copy wholly: its frames as frames of spans, of this bucket and shard.
pub(crate) fn read_copied(bytes: &[u8]) -> Result<(FrameDigest, Vec<CopiedPart>), FrameError> {
    if bytes.len() > COPIED_BYTES_MAX {
        return Err(FrameError::PayloadTooLarge(u32::MAX));
    }
    let (head, batches, ranges) = read_parts(bytes).map_err(|damage| {
        tracing::debug!(%damage, "a copy of spans cannot be read");
        FrameError::Disagree {
            what: "copy of spans",
            found: 0,
            expected: 1,
        }
    })?;
    let (shard, bucket, source) = head;
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        let frame = SpanFrame::open(bytes.get(range.clone()).unwrap_or_default())?;
        let found = frame.header().bucket;
        if found != bucket {
            return Err(FrameError::Disagree {
                what: "bucket of copied spans",
                found: found.0.into(),
                expected: bucket.0.into(),
            });
        }
        let index = SpanIndex::of(&frame)?;
        parts.push(CopiedPart { range, index });
    }
    let of = |(seq, content)| SectionDigest::of_spans(shard, seq, content, 0);
    let sections = batches.into_iter().map(of).collect();
    let head = (source.0, source.1, bucket, Hlc(0));
    Ok((FrameDigest::of_spans(head, xxh3_128(bytes), sections), parts))
}

type Head = (Shard, Bucket, Source);
type Batches = Vec<(Seq, u64)>;

fn read_parts(bytes: &[u8]) -> Result<(Head, Batches, Vec<Range<usize>>), Damage> {
    let mut r = Reader::new("copy of spans", bytes);
    let Some((body, hash)) = bytes.split_last_chunk::<8>() else {
        return Err(r.damage("cut off"));
    };
    if xxh3_64(body) != u64::from_be_bytes(*hash) {
        return Err(r.damage("not what was sent"));
    }
    r.set_rest(body);
    if r.take(4)? != MAGIC {
        return Err(r.damage("no copy of spans"));
    }
    let (shard, bucket) = (Shard(r.u16_be()?), Bucket(r.u32_be()?));
    let source = (Producer(r.u128_be()?), Epoch(r.u64_be()?));
    let n = r.count(9)?;
    if n > COPIED_BATCHES_MAX {
        return Err(r.damage("too many batches"));
    }
    let mut batches: Batches = Vec::with_capacity(n);
    let mut last = 0u64;
    for _ in 0..n {
        let step = r.varint()?;
        let next = last.checked_add(step).filter(|_| step > 0);
        last = next.ok_or_else(|| r.damage("numbers are not in order"))?;
        batches.push((Seq(last), r.u64_be()?));
    }
    let n = r.count(4)?;
    let mut ranges = Vec::with_capacity(n);
    for _ in 0..n {
        let length = r.u32_be()? as usize;
        let start = body.len() - r.rest().len();
        r.take(length)?;
        ranges.push(start..start + length);
    }
    r.end()?;
    if ranges.is_empty() {
        return Err(Reader::new("copy of spans", &[]).damage("nothing in it"));
    }
    Ok(((shard, bucket, source), batches, ranges))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any batches and frames' bytes. Guarantee: they come back; a flipped bit is found.
        #[test]
        fn round_trip(s: u16, b: u32, p: u128, e: u64, seqs in prop::collection::btree_map(1..u64::MAX, any::<u64>(), 1..20), frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..4), flip: prop::sample::Index) {
            let batches: Vec<(Seq, u64)> = seqs.into_iter().map(|(seq, content)| (Seq(seq), content)).collect();
            let source = (Producer(p), Epoch(e));
            let mut bytes = write_copied((Shard(s), Bucket(b)), source, &batches, &frames).unwrap();
            let (head, read, ranges) = read_parts(&bytes).unwrap();
            prop_assert_eq!(head, (Shard(s), Bucket(b), source));
            prop_assert_eq!(read, batches);
            let found: Vec<Vec<u8>> = ranges.into_iter().map(|range| bytes[range].to_vec()).collect();
            prop_assert_eq!(found, frames);
            let at = flip.index(bytes.len());
            bytes[at] ^= 4;
            prop_assert!(read_parts(&bytes).is_err());
        }

        /// Scenario: any bytes behind the first four, with a right hash. Guarantee: a copy or an error.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let mut all = [MAGIC.as_slice(), &bytes].concat();
            let hash = xxh3_64(&all);
            all.extend_from_slice(&hash.to_be_bytes());
            let _ = (read_parts(&all), read_copied(&all), read_copied(&bytes));
        }
    }
}
