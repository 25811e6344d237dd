//! Frames of spans on their way to the disk: what the index must know of them, and how they are put.

use super::copied::CopiedPart;
use super::record::FrameRecord;
use super::{OpenFrame, SpanBucket, keys};
use crate::counters::add;
use crate::digest::{FrameDigest, FrameToStore, Kind, SectionDigest};
use crate::state::Shared;
use event::{Bucket, Seq, Shard};
use rocksdb::WriteBatch;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::frame::FrameError;
use wire::spans::SpanFrame;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// What the index must know of a frame of spans.
#[derive(Debug)]
pub(crate) struct SpanIndex {
    pub(crate) rows: u32,
    /// Least start and greatest end, Unix nanoseconds.
    pub(crate) time: (u64, u64),
    /// The lower halves of its trace ids, ascending, each once.
    pub(crate) traces: Arc<[u64]>,
}

impl SpanIndex {
    pub(super) fn of(frame: &SpanFrame<'_>) -> Result<Self, FrameError> {
        let mut ids: Vec<u64> = frame.traces()?.iter().map(|trace| trace.trace.0 as u64).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(Self {
            rows: frame.rows(),
            time: frame.time(),
            traces: ids.into(),
        })
    }
}

/// What stands for the spans of a batch: xxh3-64 of the hash of the frame that it came in (xxh3-128, little-endian) and its shard (u16, little-endian). A
/// batch of spans is never cut anew, so that the frame's bytes say what it is.
pub(crate) fn content(frame: u128, shard: Shard) -> u64 {
    let mut bytes = [0; 18];
    bytes[..16].copy_from_slice(&frame.to_le_bytes());
    bytes[16..].copy_from_slice(&shard.0.to_le_bytes());
    xxh3_64(&bytes)
}

/// Checks directory and list of traces of a frame of spans.
pub(crate) fn span_digest(bytes: &[u8]) -> Result<(FrameDigest, SpanIndex), FrameError> {
    let frame = SpanFrame::open(bytes)?;
    let index = SpanIndex::of(&frame)?;
    let header = frame.header();
    let hash = xxh3_128(bytes);
    let mut sections = Vec::with_capacity(frame.sections().len());
    for s in frame.sections() {
        if s.seq == Seq(0) {
            return Err(FrameError::Disagree {
                what: "section seq",
                found: 0,
                expected: 1,
            });
        }
        sections.push(SectionDigest::of_spans(
            s.shard,
            s.seq,
            content(hash, s.shard),
            s.rows,
        ));
    }
    let head = (header.producer, header.epoch, header.bucket, header.hlc);
    Ok((FrameDigest::of_spans(head, hash, sections), index))
}

/// A stored frame of spans on its way into the index.
pub(crate) type NewFrame = (Bucket, Arc<OpenFrame>);

impl Shared {
    /// Puts a frame of spans of which something is new; `new(i)` says whether its section `i` is.
    pub(crate) fn stage_spans(
        &self,
        batch: &mut WriteBatch,
        frame: &FrameToStore,
        new: impl Fn(usize) -> bool,
        staged: &mut Vec<NewFrame>,
    ) {
        let d = &frame.digest;
        let source = (d.producer, d.epoch);
        let counts = |(at, s): (usize, &SectionDigest)| new(at).then_some((s.shard, s.seq, s.content));
        let batches: Vec<_> = d.sections.iter().enumerate().filter_map(counts).collect();
        let mut put = |bytes: &[u8], index: &SpanIndex, record: Option<FrameRecord>, batches: Vec<_>| {
            let arrival = self.spans.next_arrival.fetch_add(1, Ordering::Relaxed);
            let key = keys::frame(d.bucket, arrival);
            batch.put_cf(self.db.family(keys::FRAMES), key, bytes);
            let open = OpenFrame {
                arrival,
                rows: index.rows,
                bytes: bytes.len() as u32,
                time: index.time,
                traces: Arc::clone(&index.traces),
                source,
                batches: batches.into(),
                uncounted: record
                    .as_ref()
                    .map(|record| record.uncounted.clone())
                    .unwrap_or_default(),
                copied: record.as_ref().is_some_and(|record| record.copied),
            };
            if let Some(record) = record {
                batch.put_cf(self.db.family(keys::RECORDS), key, record.encode());
            }
            add(&self.counters.span_frames, 1);
            add(&self.counters.spans, u64::from(index.rows));
            staged.push((d.bucket, Arc::new(open)));
        };
        match &frame.kind {
            Kind::Events | Kind::Logs(_) => {}
            Kind::Spans(index) => {
                let others: Vec<u16> = (0..d.sections.len())
                    .filter(|at| !new(*at))
                    .map(|at| at as u16)
                    .collect();
                let record = (!others.is_empty()).then(|| FrameRecord::of_part(source, others));
                put(&frame.bytes, index, record, batches);
            }
            Kind::Copied(parts) => {
                // The first says which batches all of them are.
                let mut batches = batches;
                for CopiedPart { range, index } in &**parts {
                    let bytes = frame.bytes.get(range.clone()).unwrap_or_default();
                    let of_first = std::mem::take(&mut batches);
                    let record = FrameRecord::of_copy(source, of_first.clone());
                    put(bytes, index, Some(record), of_first);
                }
            }
        }
    }

    /// Frames are on the disk: they are found from now on.
    pub(crate) fn apply_spans(&self, staged: Vec<NewFrame>) {
        if staged.is_empty() {
            return;
        }
        self.spans
            .last_append
            .store((self.options.now)().0, Ordering::Relaxed);
        let mut buckets = self.spans.buckets.write();
        for (bucket, frame) in staged {
            let bucket: &mut SpanBucket = buckets.entry(bucket).or_default();
            bucket.digests.add(frame.source, &frame.batches);
            bucket.frames.push(frame);
        }
    }
}

impl OpenFrame {
    /// Of a frame that is on the disk.
    pub(super) fn of(arrival: u64, bytes: &[u8], record: Option<FrameRecord>) -> Result<Self, FrameError> {
        let (digest, index) = match &record {
            // What was copied says nothing of itself.
            Some(record) if record.copied => (None, SpanIndex::of(&SpanFrame::open(bytes)?)?),
            _ => span_digest(bytes).map(|(digest, index)| (Some(digest), index))?,
        };
        let record = record.unwrap_or_default();
        let batches = match &digest {
            Some(digest) => {
                let sections = (0u16..).zip(&digest.sections);
                let counted = sections.filter(|(at, _)| record.uncounted.binary_search(at).is_err());
                counted.map(|(_, s)| (s.shard, s.seq, s.content)).collect()
            }
            None => record.batches.into(),
        };
        Ok(Self {
            arrival,
            rows: index.rows,
            bytes: bytes.len() as u32,
            time: index.time,
            traces: index.traces,
            source: digest.map_or(record.source, |digest| (digest.producer, digest.epoch)),
            batches,
            uncounted: record.uncounted,
            copied: record.copied,
        })
    }
}
