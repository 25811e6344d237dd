//! A frame on its way in: its bytes, and what the index needs to know of them. Made before the writer sees it, on whatever
//! thread received it, so that the one writer only appends.

use crate::summary::TraceSummary;
use event::{
    Bucket, Epoch, Event, EventKind, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Producer, Seq, Shard, SiteId,
    TraceId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wire::frame::{Directory, FrameError, Gap, SectionEntry, decode_directory};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// A checked frame, ready to be stored. Clones share it.
#[derive(Clone, Debug)]
pub struct FrameToStore {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) digest: Arc<FrameDigest>,
}

/// What the index needs to know of a frame.
#[derive(Clone, Debug)]
pub struct FrameDigest {
    /// Who cut it.
    pub producer: Producer,
    /// In which life.
    pub epoch: Epoch,
    /// Bucket of all sections.
    pub bucket: Bucket,
    /// The producer's time when it cut the frame.
    pub hlc: Hlc,
    /// xxh3-128 of the frame's bytes.
    pub hash: u128,
    /// Node incarnations that it names.
    pub nodes: Vec<NodeInfo>,
    /// By position in the frame.
    pub sections: Vec<SectionDigest>,
    /// Pairs of (event's node, parent's node) with the least `event time - parent's renewal time`, in microseconds.
    pub delays: BTreeMap<(NodeKey, NodeKey), i64>,
}

/// What the index needs to know of a section.
#[derive(Clone, Debug)]
pub struct SectionDigest {
    /// Shard.
    pub shard: Shard,
    /// Batch number, or first number of a gap.
    pub seq: Seq,
    /// Set if this is a gap.
    pub gap: Option<Gap>,
    /// Hash of its events; 0 for a gap.
    pub content: u64,
    /// Events.
    pub rows: u32,
    /// Greatest HLC, 0 without events.
    pub hlc_max: Hlc,
    pub(crate) parts: Vec<TracePart>,
    pub(crate) loose: Vec<LooseEvent>,
}

/// Rows of one trace.
#[derive(Clone, Debug)]
pub(crate) struct TracePart {
    pub(crate) first: u32,
    pub(crate) rows: u32,
    pub(crate) summary: TraceSummary,
    pub(crate) sites: BTreeSet<(ModuleKey, SiteId)>,
}

/// An event in no trace that stays findable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LooseEvent {
    pub(crate) kind: EventKind,
    pub(crate) hlc: Hlc,
    pub(crate) time: Micros,
    pub(crate) row: u32,
}

impl FrameToStore {
    /// Checks a frame wholly (limits, checksum, every column) and digests it. Costs CPU: keep it off the writer.
    pub fn new(bytes: Vec<u8>) -> Result<Self, FrameError> {
        Self::from_shared(Arc::new(bytes))
    }
    /// The same of bytes that the caller keeps, to say what was wrong with them.
    pub fn from_shared(bytes: Arc<Vec<u8>>) -> Result<Self, FrameError> {
        let digest = FrameDigest::new(&bytes)?;
        Ok(Self {
            bytes,
            digest: Arc::new(digest),
        })
    }
    /// What is known of it.
    pub fn digest(&self) -> &FrameDigest {
        &self.digest
    }
    /// The frame's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// Length of the frame.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }
}

impl FrameDigest {
    /// Checks a frame wholly and digests it.
    pub fn new(bytes: &[u8]) -> Result<Self, FrameError> {
        let directory = decode_directory(bytes)?;
        let header = *directory.header();
        let mut delays = BTreeMap::new();
        let sections = directory
            .sections()
            .iter()
            .map(|s| section_digest(&directory, s, &mut delays))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            producer: header.producer,
            epoch: header.epoch,
            bucket: header.bucket,
            hlc: header.hlc,
            hash: xxh3_128(bytes),
            nodes: directory.nodes().to_vec(),
            sections,
            delays,
        })
    }

    /// Events of all sections.
    pub fn events(&self) -> u64 {
        self.sections.iter().map(|s| u64::from(s.rows)).sum()
    }
}

impl SectionDigest {
    /// Its traces, in the frame's order.
    pub fn traces(&self) -> impl Iterator<Item = TraceId> + '_ {
        self.parts.iter().map(|p| p.summary.trace)
    }
}

fn section_digest(
    directory: &Directory<'_>,
    entry: &SectionEntry,
    delays: &mut BTreeMap<(NodeKey, NodeKey), i64>,
) -> Result<SectionDigest, FrameError> {
    let events = directory.rows(entry)?;
    let mut hash = Xxh3::new();
    let mut parts = Vec::with_capacity(entry.traces.len());
    let mut loose = Vec::new();
    for range in &entry.traces {
        let first = range.first_row as usize;
        let of_trace = events.get(first..first + range.rows as usize).unwrap_or_default();
        for e in of_trace {
            hash_event(&mut hash, e);
            note_delay(delays, e);
        }
        if range.trace == TraceId(0) {
            loose.extend(loose_events(of_trace, range.first_row));
        } else {
            parts.push(trace_part(range.trace, range.first_row, of_trace));
        }
    }
    Ok(SectionDigest {
        shard: entry.shard,
        seq: entry.seq,
        gap: entry.gap,
        content: if entry.gap.is_some() { 0 } else { hash.digest() },
        rows: entry.rows,
        hlc_max: events.iter().map(|e| e.hlc).max().unwrap_or_default(),
        parts,
        loose,
    })
}

fn trace_part(trace: TraceId, first: u32, events: &[Event]) -> TracePart {
    let mut summary = TraceSummary::empty(trace);
    let mut sites = BTreeSet::new();
    for e in events {
        summary.add(e);
        // Kind `link` uses the module word for the linked trace.
        if e.module.0 != 0 && e.site.0 != 0 && e.kind != EventKind::Link {
            sites.insert((e.module, e.site));
        }
    }
    TracePart {
        first,
        rows: events.len() as u32,
        summary,
        sites,
    }
}

fn loose_events(events: &[Event], first: u32) -> impl Iterator<Item = LooseEvent> + '_ {
    let kept = |k| {
        matches!(
            k,
            EventKind::Loss | EventKind::Error | EventKind::NodeUp | EventKind::NodeDown
        )
    };
    (first..)
        .zip(events)
        .filter(move |(_, e)| kept(e.kind))
        .map(|(row, e)| LooseEvent {
            kind: e.kind,
            hlc: e.hlc,
            time: e.time,
            row,
        })
}

fn note_delay(delays: &mut BTreeMap<(NodeKey, NodeKey), i64>, e: &Event) {
    if e.remote_node.0 == 0 || e.remote_node == e.node || e.remote_time.0 == 0 {
        return;
    }
    let delta = e.time.0 as i64 - e.remote_time.0 as i64;
    let least = delays.entry((e.node, e.remote_node)).or_insert(delta);
    *least = delta.min(*least);
}

/// Independent of how the frame was laid out, so that a batch cut anew into another frame hashes alike.
fn hash_event(h: &mut Xxh3, e: &Event) {
    let small = [
        e.id.0,
        u64::from(e.kind.code())
            | u64::from(e.class.code()) << 8
            | u64::from(e.flags.0) << 16
            | u64::from(e.site.0) << 32,
        e.hlc.0,
        e.time.0,
        e.node.0,
        e.pid.0,
        u64::from(e.ordinal),
        e.trace.0 as u64,
        (e.trace.0 >> 64) as u64,
        e.parent.0,
        e.remote_node.0,
        e.remote_time.0,
        e.module.0,
        e.linked.0 as u64,
        (e.linked.0 >> 64) as u64,
        e.shape.len() as u64,
        e.payload.len() as u64,
    ];
    for n in small {
        h.update(&n.to_le_bytes());
    }
    h.update(e.shape.as_bytes());
    h.update(&e.payload);
}
