//! The part of a bucket's index that is in memory: what arrived since its last run was written out.

use crate::digest::{FrameDigest, SectionDigest, TracePart};
use crate::frame_key::FrameKey;
use crate::postings::{GapRecord, LooseRef, Topic};
use crate::summary::TraceSummary;
use crate::traces::{RowsRef, TraceEntry};
use event::{Hlc, TraceId};
use std::collections::HashMap;

/// What one more entry of a hash map costs beyond its contents, about.
const MAP_ENTRY_BYTES: usize = 16;

/// Index of the frames of one bucket that no run covers yet.
#[derive(Debug)]
pub(crate) struct OpenBucket {
    ordinals: HashMap<TraceId, u32>,
    traces: Vec<TraceEntry>,
    topics: HashMap<Topic, Vec<u32>>,
    pub(crate) loose: Vec<LooseRef>,
    pub(crate) gaps: Vec<GapRecord>,
    pub(crate) hlc_min: Hlc,
    pub(crate) hlc_max: Hlc,
    pub(crate) frames: u64,
    pub(crate) frame_bytes: u64,
    /// Arrival number of the last frame in it.
    pub(crate) through: u64,
    memory_bytes: usize,
}

impl Default for OpenBucket {
    fn default() -> Self {
        Self {
            ordinals: HashMap::new(),
            traces: Vec::new(),
            topics: HashMap::new(),
            loose: Vec::new(),
            gaps: Vec::new(),
            hlc_min: Hlc(u64::MAX),
            hlc_max: Hlc(0),
            frames: 0,
            frame_bytes: 0,
            through: 0,
            memory_bytes: 0,
        }
    }
}

impl OpenBucket {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames == 0
    }
    /// Bytes of memory that it takes, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
    pub(crate) fn trace_count(&self) -> usize {
        self.traces.len()
    }

    /// Adds a stored frame; `new(i)` says whether its section `i` counts.
    pub(crate) fn add(
        &mut self,
        key: FrameKey,
        arrival: u64,
        bytes: u64,
        digest: &FrameDigest,
        new: impl Fn(usize) -> bool,
    ) {
        self.frames += 1;
        self.frame_bytes += bytes;
        self.through = arrival;
        for (i, section) in digest.sections.iter().enumerate().filter(|(i, _)| new(*i)) {
            self.add_section(key, i as u32, section, digest);
        }
    }

    fn add_section(&mut self, frame: FrameKey, index: u32, section: &SectionDigest, digest: &FrameDigest) {
        if let Some(gap) = section.gap {
            self.gaps.push(GapRecord {
                producer: digest.producer,
                epoch: digest.epoch,
                shard: section.shard,
                first: section.seq,
                last: gap.last_seq,
                reason: gap.reason.code(),
                events: gap.events,
                hlc: digest.hlc,
            });
            self.memory_bytes += size_of::<GapRecord>();
            return;
        }
        for part in &section.parts {
            self.add_part(frame, index, part);
        }
        for l in &section.loose {
            self.span(l.hlc, l.hlc);
            self.loose.push(LooseRef {
                kind: l.kind,
                hlc: l.hlc,
                time: l.time,
                frame,
                section: index,
                row: l.row,
            });
            self.memory_bytes += size_of::<LooseRef>();
        }
    }

    fn span(&mut self, min: Hlc, max: Hlc) {
        self.hlc_min = self.hlc_min.min(min);
        self.hlc_max = self.hlc_max.max(max);
    }

    fn add_part(&mut self, frame: FrameKey, section: u32, part: &TracePart) {
        let s = &part.summary;
        self.span(s.hlc_min, s.hlc_max);
        let ordinal = match self.ordinals.get(&s.trace) {
            Some(o) => *o,
            None => self.new_trace(s.trace),
        };
        if let Some(entry) = self.traces.get_mut(ordinal as usize) {
            entry.summary.merge(s);
            entry.rows.push(RowsRef {
                frame,
                section,
                first: part.first,
                rows: part.rows,
            });
            self.memory_bytes += size_of::<RowsRef>();
        }
        if s.errors > 0 {
            self.post(Topic::Error, ordinal);
        }
        for n in &s.nodes {
            self.post(Topic::Node(*n), ordinal);
        }
        for (module, site) in &part.sites {
            self.post(Topic::Site(*module, *site), ordinal);
        }
    }

    fn new_trace(&mut self, trace: TraceId) -> u32 {
        let ordinal = self.traces.len() as u32;
        self.traces.push(TraceEntry {
            summary: TraceSummary::empty(trace),
            rows: Vec::new(),
        });
        self.ordinals.insert(trace, ordinal);
        self.memory_bytes += size_of::<TraceEntry>() + 20 + MAP_ENTRY_BYTES + 100;
        ordinal
    }

    fn post(&mut self, topic: Topic, ordinal: u32) {
        let bytes = &mut self.memory_bytes;
        let list = self.topics.entry(topic).or_insert_with(|| {
            *bytes += size_of::<(Topic, Vec<u32>)>() + MAP_ENTRY_BYTES;
            Vec::new()
        });
        if list.last() != Some(&ordinal) {
            list.push(ordinal);
            self.memory_bytes += size_of::<u32>();
        }
    }

    pub(crate) fn get(&self, trace: TraceId) -> Option<&TraceEntry> {
        self.traces.get(*self.ordinals.get(&trace)? as usize)
    }
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TraceEntry> {
        self.traces.iter()
    }
    /// Entries in ascending order of trace.
    pub(crate) fn sorted(&self) -> Vec<&TraceEntry> {
        let mut all: Vec<_> = self.traces.iter().collect();
        all.sort_unstable_by_key(|e| e.summary.trace);
        all
    }
    /// Traces of a topic, ascending, each once.
    pub(crate) fn posted(&self, topic: Topic) -> Vec<TraceId> {
        let list = self.topics.get(&topic).map(Vec::as_slice).unwrap_or_default();
        let mut ids: Vec<_> = list
            .iter()
            .filter_map(|o| self.traces.get(*o as usize))
            .map(|e| e.summary.trace)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
    pub(crate) fn topics(&self) -> impl Iterator<Item = Topic> + '_ {
        self.topics.keys().copied()
    }
}
