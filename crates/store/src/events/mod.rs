//! Events: frames as they were acknowledged, merged into runs by trace in the background (`docs/events.md`).
//!
//! A frame is one put with one sync. In memory are, of each frame that is not sealed, its traces and its times; of each run, where
//! its blocks begin and a filter. No trace has an entry of its own: what a listing says of it is counted when it is asked
//! for. Sealing takes the oldest frames of a bucket, writes a run as a sorted file that is ingested, and in one synced
//! write counts the run and deletes the frames with their `batches`: a crash before it leaves a file that nobody reads
//! and that the next run of this number replaces.

mod digests;
pub(crate) mod keys;
mod merge;
mod open;
mod run;
mod seal;
mod unhold;
mod unit;
mod units;
mod whole;

pub(crate) use run::{Run, RunRecord};
pub(crate) use unit::{Part, UnitBytes};
pub(crate) use units::{Place, Unit};

use crate::digest::FrameDigest;
use crate::frame_key::FrameKey;
use crate::losses::GapRecord;
use crate::runs::batches::{Digests, Source};
use crate::runs::{RUN_BYTES, RUN_FRAMES, RUN_ROWS, Sealable};
use event::{Bucket, EventKind, Hlc, Seq, Shard, TraceId};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use wire::events::{EventBuilder, Packer};

/// A stored frame that is not sealed yet.
#[derive(Debug)]
pub(crate) struct OpenFrame {
    pub(crate) key: FrameKey,
    /// In order of arrival.
    pub(crate) arrival: u64,
    pub(crate) bytes: u32,
    /// Events that count.
    pub(crate) rows: u32,
    /// Positions of sections that an earlier frame held already: they do not count. Ascending.
    pub(crate) held: Box<[u32]>,
    /// Least and greatest HLC of its events.
    pub(crate) hlc: (Hlc, Hlc),
    /// Has it an event that is an error?
    pub(crate) errors: bool,
    /// The lower halves of its trace ids, ascending, each once; 0 is in no trace.
    pub(crate) traces: Box<[u64]>,
    /// Of the kinds of events in no trace that stay findable.
    pub(crate) loose: LooseTimes,
    pub(crate) gaps: Box<[GapRecord]>,
    /// Batches that count, as sealing lists them: read back, they cost as much as the frame itself if it is small.
    pub(crate) batches: Box<[(Shard, Seq, u64)]>,
}

/// Least and greatest HLC of the events in no trace that stay findable, of each of their kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LooseTimes([Option<(Hlc, Hlc)>; LOOSE_KINDS.len()]);

/// Events in no trace that stay findable.
pub(crate) const LOOSE_KINDS: [EventKind; 4] = [
    EventKind::Loss,
    EventKind::Error,
    EventKind::NodeUp,
    EventKind::NodeDown,
];

impl LooseTimes {
    pub(crate) fn add(&mut self, kind: EventKind, (min, max): (Hlc, Hlc)) {
        let at = LOOSE_KINDS.iter().position(|known| *known == kind);
        if let Some(times) = at.and_then(|at| self.0.get_mut(at)) {
            let (least, greatest) = times.unwrap_or((min, max));
            *times = Some((least.min(min), greatest.max(max)));
        }
    }
    pub(crate) fn merge(&mut self, other: &Self) {
        for (kind, times) in LOOSE_KINDS.into_iter().zip(other.0) {
            if let Some(times) = times {
                self.add(kind, times);
            }
        }
    }
    pub(crate) fn of(&self, kind: EventKind) -> Option<(Hlc, Hlc)> {
        let at = LOOSE_KINDS.iter().position(|known| *known == kind);
        at.and_then(|at| self.0.get(at)).copied().flatten()
    }
    pub(crate) fn all(&self) -> impl Iterator<Item = (EventKind, (Hlc, Hlc))> + '_ {
        LOOSE_KINDS
            .into_iter()
            .zip(self.0)
            .filter_map(|(kind, times)| Some((kind, times?)))
    }
}

impl Sealable for OpenFrame {
    fn size(&self) -> (u32, u32) {
        (self.rows, self.bytes)
    }
}

impl OpenFrame {
    /// What the index keeps of a stored frame; `new(i)` says whether its section `i` counts.
    pub(crate) fn of(
        key: FrameKey,
        arrival: u64,
        bytes: usize,
        digest: &FrameDigest,
        new: impl Fn(usize) -> bool,
    ) -> Self {
        let mut frame = Self {
            key,
            arrival,
            bytes: bytes as u32,
            rows: 0,
            held: Box::default(),
            hlc: (Hlc(u64::MAX), Hlc(0)),
            errors: false,
            traces: Box::default(),
            loose: LooseTimes::default(),
            gaps: Box::default(),
            batches: Box::default(),
        };
        let (mut held, mut traces, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
        let mut batches = Vec::with_capacity(digest.sections.len());
        for (at, section) in digest.sections.iter().enumerate() {
            if !new(at) {
                held.push(at as u32);
                continue;
            }
            if let Some(gap) = section.gap {
                gaps.push(GapRecord {
                    producer: digest.producer,
                    epoch: digest.epoch,
                    shard: section.shard,
                    first: section.seq,
                    last: gap.last_seq,
                    reason: gap.reason.code(),
                    events: gap.events,
                    hlc: digest.hlc,
                });
                continue;
            }
            batches.push((section.shard, section.seq, section.content));
            frame.rows = frame.rows.saturating_add(section.rows);
            frame.hlc = (frame.hlc.0.min(section.hlc.0), frame.hlc.1.max(section.hlc.1));
            frame.errors |= section.errors;
            traces.extend(digest.traces_of(section).iter().map(|trace| trace.0 as u64));
            frame.loose.merge(&section.loose);
        }
        traces.sort_unstable();
        traces.dedup();
        frame.held = held.into();
        frame.traces = traces.into();
        frame.gaps = gaps.into();
        frame.batches = batches.into();
        frame
    }

    pub(crate) fn source(&self) -> Source {
        (self.key.producer, self.key.epoch)
    }
    pub(crate) fn may_have(&self, trace: TraceId) -> bool {
        self.traces.binary_search(&(trace.0 as u64)).is_ok()
    }
    /// Bytes of memory, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.traces.len() * 8
            + self.held.len() * 4
            + self.gaps.len() * size_of::<GapRecord>()
            + self.batches.len() * size_of::<(Shard, Seq, u64)>()
    }
}

/// The events of one bucket.
#[derive(Debug, Default)]
pub(crate) struct EventBucket {
    /// Not sealed, ascending by arrival.
    pub(crate) frames: Vec<Arc<OpenFrame>>,
    pub(crate) runs: BTreeMap<u32, Arc<Run>>,
    /// Sums over `frames`.
    pub(crate) open_rows: u64,
    pub(crate) open_bytes: u64,
    pub(crate) open_memory: usize,
    /// Of all batches, sealed or not.
    pub(crate) digests: Digests,
    /// Its frames could not be sealed: they are kept as they are until the next start.
    pub(crate) unsealable: bool,
}

impl EventBucket {
    /// Adds a frame that is new, after all others.
    pub(crate) fn push_new(&mut self, frame: Arc<OpenFrame>) {
        self.digests.add(frame.source(), &frame.batches);
        self.push(frame);
    }
    /// Adds a frame that arrived after all others.
    fn push(&mut self, frame: Arc<OpenFrame>) {
        self.open_rows += u64::from(frame.rows);
        self.open_bytes += u64::from(frame.bytes);
        self.open_memory += frame.memory_bytes();
        self.frames.push(frame);
    }
    /// Forgets frames up to an arrival number.
    pub(crate) fn sealed_through(&mut self, arrival: u64) {
        let kept = self.frames.partition_point(|frame| frame.arrival <= arrival);
        let frames = self.frames.split_off(kept);
        (self.open_rows, self.open_bytes, self.open_memory) = (0, 0, 0);
        self.frames = Vec::with_capacity(frames.len());
        for frame in frames {
            self.push(frame);
        }
    }
    /// Is there enough for a run?
    pub(crate) fn is_full(&self) -> bool {
        self.open_rows >= RUN_ROWS || self.frames.len() >= RUN_FRAMES || self.open_bytes >= RUN_BYTES
    }
    /// Frames that it holds, sealed or not.
    pub(crate) fn frame_count(&self) -> u64 {
        self.frames.len() as u64 + self.runs.values().map(|run| run.record.frames).sum::<u64>()
    }
    /// Their bytes as they are on disk now.
    pub(crate) fn byte_len(&self) -> u64 {
        self.open_bytes + self.runs.values().map(|run| run.bytes()).sum::<u64>()
    }
}

/// Events of a store: what is known of them without reading.
#[derive(Debug, Default)]
pub(crate) struct EventState {
    pub(crate) buckets: RwLock<BTreeMap<Bucket, EventBucket>>,
    /// One run is made at a time, with the memory of the one before while there is much to do.
    pub(crate) sealing: Mutex<Option<Workshop>>,
}

/// Memory in which runs are made.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) builder: EventBuilder,
    pub(crate) packer: Packer,
    /// When a run was last made in it.
    pub(crate) used: Instant,
}

impl EventState {
    /// Bytes of memory of what is known of frames that are not sealed.
    pub(crate) fn open_memory(&self) -> usize {
        self.buckets
            .read()
            .values()
            .map(|bucket| bucket.open_memory)
            .sum()
    }
}
