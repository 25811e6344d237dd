//! Frames of spans onto the disk.

use super::keys;
use super::{OpenFrame, SpanBucket};
use crate::counters::add;
use crate::error::StoreError;
use crate::state::Shared;
use event::Bucket;
use rocksdb::WriteBatch;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::frame::FrameError;
use wire::spans::SpanFrame;

/// A frame of spans and what the index must know of it.
#[derive(Debug)]
pub struct SpanFrameToStore {
    bytes: Vec<u8>,
    bucket: Bucket,
    rows: u32,
    time: (u64, u64),
    traces: Box<[u64]>,
}

impl SpanFrameToStore {
    /// Checks the frame's directory and list of traces.
    pub fn new(bytes: Vec<u8>) -> Result<Self, FrameError> {
        let frame = SpanFrame::open(&bytes)?;
        let traces = halves(&frame)?;
        let (bucket, rows, time) = (frame.header().bucket, frame.rows(), frame.time());
        Ok(Self {
            bytes,
            bucket,
            rows,
            time,
            traces,
        })
    }
    /// Spans in it.
    pub fn rows(&self) -> u32 {
        self.rows
    }
    /// Length of the frame.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }
}

impl Shared {
    /// Stores frames and returns when they are on disk, fsynced; and whether there is enough for a run now.
    pub(crate) fn append_spans(&self, frames: Vec<SpanFrameToStore>) -> Result<bool, StoreError> {
        self.check_writable()?;
        let bytes: u64 = frames.iter().map(|frame| frame.bytes.len() as u64).sum();
        self.check_space(bytes * 2)?;
        let mut batch = WriteBatch::default();
        let mut opened = Vec::with_capacity(frames.len());
        let floor = self.floor();
        for frame in frames {
            if frame.bucket < floor {
                continue;
            }
            let arrival = self.spans.next_arrival.fetch_add(1, Ordering::Relaxed);
            batch.put_cf(
                self.db.family(keys::FRAMES),
                keys::frame(frame.bucket, arrival),
                &frame.bytes,
            );
            add(&self.counters.span_frames, 1);
            add(&self.counters.spans, u64::from(frame.rows));
            let open = OpenFrame {
                arrival,
                rows: frame.rows,
                bytes: frame.bytes.len() as u32,
                time: frame.time,
                traces: frame.traces,
            };
            opened.push((frame.bucket, Arc::new(open)));
        }
        if opened.is_empty() {
            return Ok(false);
        }
        self.write(batch, true)?;
        add(&self.counters.commits, 1);
        self.spans
            .last_append
            .store((self.options.now)().0, Ordering::Relaxed);
        let mut buckets = self.spans.buckets.write();
        let mut full = false;
        for (bucket, frame) in opened {
            let bucket: &mut SpanBucket = buckets.entry(bucket).or_default();
            // Two appends may finish in another order than they began.
            let at = bucket
                .frames
                .partition_point(|known| known.arrival < frame.arrival);
            bucket.frames.insert(at, frame);
            full |= bucket.is_full();
        }
        Ok(full)
    }
}

impl OpenFrame {
    pub(crate) fn of(arrival: u64, bytes: &[u8]) -> Result<Self, FrameError> {
        let frame = SpanFrame::open(bytes)?;
        Ok(Self {
            arrival,
            rows: frame.rows(),
            bytes: bytes.len() as u32,
            time: frame.time(),
            traces: halves(&frame)?,
        })
    }
}

/// The lower halves of a frame's trace ids, ascending, each once.
fn halves(frame: &SpanFrame<'_>) -> Result<Box<[u64]>, FrameError> {
    let mut ids: Vec<u64> = frame.traces()?.iter().map(|trace| trace.trace.0 as u64).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids.into())
}
