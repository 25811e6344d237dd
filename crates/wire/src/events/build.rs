//! Events while a frame or a block is filled: rows as they came, in runs of one trace of one batch.

use event::{Epoch, Event, NodeInfo, NodeKey, Producer, Seq, Shard, TraceId};

use super::cursor::Cursor;
use super::frame::EventFrame;
use super::names::{Keys, Linked, SiteOrder, Sites};
use super::row::{Row, slot_and_lane};
use crate::columns::Interner;
use crate::frame::{FrameError, SHAPE_BYTES_MAX};

/// What one event takes besides its payload, in bytes, at most.
const ROW_BYTES: usize = 128;

/// Adjacent rows of one trace of one batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunRows {
    pub(super) trace: u128,
    /// First row in the builder.
    pub(super) first: u32,
    pub(super) rows: u32,
    /// Length of their payloads, in bytes.
    pub(super) payload_bytes: u64,
    /// Producer and epoch, by number.
    pub(super) source: u32,
    pub(super) shard: Shard,
    pub(super) seq: Seq,
    /// First row in its batch.
    pub(super) at: u32,
    /// Least node time of its rows.
    pub(super) time_min: u64,
}

/// Collects events of many frames and makes blocks of them ([`EventBuilder::sorted`]). Can be used again: what it has
/// allocated is kept.
#[derive(Debug)]
pub struct EventBuilder {
    pub(super) rows: Vec<Row>,
    pub(super) runs: Vec<RunRows>,
    pub(super) keys: Keys,
    pub(super) sites: Sites,
    pub(super) shapes: Interner,
    pub(super) linked: Linked,
    pub(super) heap: Vec<u8>,
    pub(super) sources: Vec<(Producer, Epoch)>,
}

impl EventBuilder {
    /// An empty one. `seed` should be random: it keeps senders from choosing texts that collide.
    pub fn new(seed: u64) -> Self {
        Self {
            rows: Vec::new(),
            runs: Vec::new(),
            keys: Keys::new(),
            sites: Sites::new(),
            shapes: Interner::new(seed),
            linked: Linked::default(),
            heap: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Forgets all events.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.runs.clear();
        self.keys.clear();
        self.sites.clear();
        self.shapes.clear();
        self.linked.clear();
        self.heap.clear();
        self.sources.clear();
    }

    /// Events in it.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
    /// None?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
    /// Does this hold for trace and shard of all its events? Asked once for each trace of a batch.
    pub fn all(&self, holds: impl Fn(TraceId, Shard) -> bool) -> bool {
        self.runs.iter().all(|run| holds(TraceId(run.trace), run.shard))
    }
    /// What its events take in memory, in bytes, at most.
    pub fn byte_len(&self) -> usize {
        self.rows.len() * ROW_BYTES + self.heap.len() + self.shapes.byte_len()
    }

    /// Takes the events of those sections of a frame (of a block: those of all batches in it) that `wanted` names by
    /// position. After an error the builder has none of them.
    pub fn append(
        &mut self,
        frame: &EventFrame<'_>,
        mut wanted: impl FnMut(usize) -> bool,
    ) -> Result<(), FrameError> {
        let (rows, runs, heap) = (self.rows.len(), self.runs.len(), self.heap.len());
        let taken = self.take(frame, &mut wanted);
        if taken.is_err() {
            self.rows.truncate(rows);
            self.runs.truncate(runs);
            self.heap.truncate(heap);
        }
        taken
    }

    fn take(
        &mut self,
        frame: &EventFrame<'_>,
        wanted: &mut impl FnMut(usize) -> bool,
    ) -> Result<(), FrameError> {
        let names = frame.names()?;
        let (traces, runs) = (frame.traces()?, frame.runs()?);
        let keys: Vec<u32> = names.keys.iter().map(|key| self.keys.number(*key)).collect();
        let sites: Vec<u32> = names
            .sites
            .iter()
            .map(|(module, site)| self.sites.number(*module, *site))
            .collect();
        let shapes: Vec<u32> = (0..names.shapes.len())
            .map(|number| self.shapes.intern(names.shapes.get(number as u32)).0 + 1)
            .collect();
        // Numbers of dictionaries begin at 1; 0 is none.
        let own = |of: &[u32], number: u32| match number {
            0 => 0,
            number => of.get(number as usize - 1).copied().unwrap_or_default(),
        };
        let mut cursor = Cursor::new(frame, &names)?;
        let mut rows = Vec::new();
        let mut sources: Vec<((Producer, Epoch), u32)> = Vec::new();
        for (at, trace) in frame.with_section(&traces) {
            cursor.next(trace.rows.len() as u32, &mut rows)?;
            if !wanted(at) {
                continue;
            }
            let mut rest = rows.as_slice();
            for run in runs
                .get(trace.runs.start as usize..trace.runs.end as usize)
                .unwrap_or_default()
            {
                let (these, others) = rest.split_at_checked(run.rows as usize).unwrap_or((rest, &[]));
                rest = others;
                let source = (run.producer, run.epoch);
                let known = sources
                    .iter()
                    .find(|(known, _)| *known == source)
                    .map(|(_, number)| *number);
                let source = known.unwrap_or_else(|| {
                    let number = self.source(source);
                    sources.push((source, number));
                    number
                });
                let (first, heap, mut time_min) = (self.rows.len() as u32, self.heap.len(), u64::MAX);
                for row in these {
                    let mut row = *row;
                    time_min = time_min.min(row.time);
                    row.node = own(&keys, row.node);
                    self.keys.has_slot(row.node, slot_and_lane(row.id).0);
                    row.remote = own(&keys, row.remote);
                    row.site = own(&sites, row.site);
                    row.shape = own(&shapes, row.shape);
                    if row.linked != 0 {
                        row.linked = self.linked.push(names.linked(row.linked));
                    }
                    if row.payload_len != 0 {
                        let payload = names.payload(&row);
                        row.payload = self.heap.len() as u64;
                        self.heap.extend_from_slice(payload);
                    }
                    self.rows.push(row);
                }
                self.runs.push(RunRows {
                    trace: trace.trace.0,
                    first,
                    rows: these.len() as u32,
                    payload_bytes: (self.heap.len() - heap) as u64,
                    source,
                    shard: run.shard,
                    seq: run.seq,
                    at: run.first_row,
                    time_min,
                });
            }
        }
        cursor.finish()
    }

    fn source(&mut self, source: (Producer, Epoch)) -> u32 {
        let known = self.sources.iter().rposition(|known| *known == source);
        known.unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        }) as u32
    }

    /// Adds a run of events of one trace, in their order.
    pub(crate) fn run<'e>(
        &mut self,
        shard: Shard,
        seq: Seq,
        at: u32,
        trace: u128,
        events: impl Iterator<Item = &'e Event>,
    ) {
        let (first, heap, mut time_min) = (self.rows.len() as u32, self.heap.len(), u64::MAX);
        for event in events {
            let row = self.row(event);
            time_min = time_min.min(row.time);
            self.keys.has_slot(row.node, slot_and_lane(row.id).0);
            self.rows.push(row);
        }
        self.runs.push(RunRows {
            trace,
            first,
            rows: self.rows.len() as u32 - first,
            payload_bytes: (self.heap.len() - heap) as u64,
            source: 0,
            shard,
            seq,
            at,
            time_min,
        });
    }

    fn row(&mut self, e: &Event) -> Row {
        let payload = self.heap.len() as u64;
        self.heap.extend_from_slice(&e.payload);
        Row {
            id: e.id.0,
            hlc: e.hlc.0,
            time: e.time.0,
            pid: e.pid.0,
            parent: e.parent.0,
            remote_time: e.remote_time.0,
            payload,
            payload_len: e.payload.len() as u32,
            ordinal: e.ordinal,
            site: self.sites.number(e.module.0, e.site.0),
            node: self.keys.node(e.node.0),
            remote: match e.remote_node {
                NodeKey(0) => 0,
                key => self.keys.number(key.0),
            },
            shape: if e.shape.is_empty() {
                0
            } else {
                let cut = e.shape.floor_char_boundary(SHAPE_BYTES_MAX);
                self.shapes
                    .intern(e.shape.get(..cut).unwrap_or_default().as_bytes())
                    .0
                    + 1
            },
            linked: if e.linked.0 == 0 {
                0
            } else {
                self.linked.push(e.linked.0)
            },
            up: 0,
            kind: e.kind as u8,
            class: e.class as u8,
            flags: e.flags.0,
        }
    }

    /// Names a node incarnation; what is known of it already is replaced.
    pub(crate) fn name(&mut self, node: NodeInfo) {
        self.keys.name(node);
    }

    /// The order of its sites.
    pub(crate) fn site_order(&self) -> SiteOrder {
        SiteOrder::of(&self.sites)
    }
    /// Its runs as units of a frame: one each.
    pub(crate) fn units(&self) -> impl Iterator<Item = &[RunRows]> + Clone {
        self.runs.chunks(1)
    }
    /// Nodes that are named or have events.
    pub(crate) fn nodes(&self) -> usize {
        self.keys.infos.iter().flatten().count()
    }
    /// Distinct shapes.
    pub(crate) fn shapes(&self) -> usize {
        self.shapes.len()
    }
}
