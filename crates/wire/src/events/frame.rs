//! An event frame opened: its directory read and checked, its parts decompressed when they are asked for.

use std::ops::Range;
use std::sync::OnceLock;

use event::{
    Epoch, EventIdentity, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Producer, Seq, Shard, SiteId, TraceId,
};

use super::cursor::range;
use super::layout as column;
use super::names::Names;
use super::stream::NumberReader;
use crate::bytes::{ReadError, Reader};
use crate::columns::{PartKind, Parts, TAG_RATIO, TAG_SLACK, missing};
use crate::frame::{
    Compression, FrameError, FrameHeader, Gap, GapReason, HEADER_BYTES, Layout, SHAPE_BYTES_MAX, VERSION,
    peek_header, verify_crc,
};

/// Greatest number of nodes, and of shapes.
pub(super) const NODES_MAX: usize = u16::MAX as usize;

/// A batch of events of one shard, or a gap: so many rows, so many traces, after those of the section before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSection {
    /// Shard.
    pub shard: Shard,
    /// Number of the batch, or first one of the gap.
    pub seq: Seq,
    /// Set if this is a gap.
    pub gap: Option<Gap>,
    /// Events.
    pub rows: u32,
    /// Traces, "none" among them.
    pub traces: u32,
}

/// The rows of one trace; in a frame, of one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRows {
    /// The trace, 0 = in none.
    pub trace: TraceId,
    /// Its rows.
    pub rows: Range<u32>,
    /// Its runs in [`EventFrame::runs`]; their rows follow one another.
    pub runs: Range<u32>,
}

/// Adjacent rows of one trace that are adjacent in their batch too: what an event's identity is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Who cut the batch.
    pub producer: Producer,
    /// In which of its lives.
    pub epoch: Epoch,
    /// For which shard.
    pub shard: Shard,
    /// Number of the batch.
    pub seq: Seq,
    /// The first row's place in the batch.
    pub first_row: u32,
    /// Rows.
    pub rows: u32,
}

impl Run {
    /// The identity of each of its rows.
    pub fn identities(self) -> impl Iterator<Item = EventIdentity> {
        (self.first_row..)
            .take(self.rows as usize)
            .map(move |row| EventIdentity {
                producer: self.producer,
                epoch: self.epoch,
                shard: self.shard,
                seq: self.seq,
                row,
            })
    }
}

/// A checked frame of events, or a block of them.
#[derive(Clone, Debug)]
pub struct EventFrame<'a> {
    header: FrameHeader,
    hlc: (Hlc, Hlc),
    time: (Micros, Micros),
    sections: Vec<EventSection>,
    nodes: Vec<NodeInfo>,
    /// Keys of `nodes`, then those of parents' nodes alone.
    keys: Vec<u64>,
    /// Read when somebody asks.
    sites: OnceLock<Vec<(u64, u32)>>,
    slots: OnceLock<Vec<u64>>,
    pub(super) parts: Parts<'a>,
}

impl<'a> EventFrame<'a> {
    /// Reads and checks the directory: limits, checksum, sections, nodes, that all parts are there.
    pub fn open(frame: &'a [u8]) -> Result<Self, FrameError> {
        let header = peek_header(frame)?;
        if header.layout != Layout::Columns {
            return Err(FrameError::Version(VERSION));
        }
        let body = frame.get(HEADER_BYTES..).unwrap_or_default();
        if body.len() != header.body_len as usize {
            return Err(FrameError::BodyLength {
                declared: header.body_len,
                actual: body.len(),
            });
        }
        if header.compression != Compression::None {
            return Err(FrameError::Compression(2));
        }
        FrameError::check_equal(
            "payload length",
            header.payload_len.into(),
            header.body_len.into(),
        )?;
        verify_crc(frame)?;
        let mut r = Reader::new(body);
        let ranges = (|| Ok([r.u64()?, r.u64()?, r.u64()?, r.u64()?]))();
        let [hlc_min, hlc_max, time_min, time_max] = ranges.map_err(FrameError::read("ranges"))?;
        let parts = Parts::read(&mut r)?;
        r.finish().map_err(FrameError::read("payload"))?;
        let mut opened = Self {
            header,
            hlc: (Hlc(hlc_min), Hlc(hlc_max)),
            time: (Micros(time_min), Micros(time_max)),
            sections: Vec::new(),
            nodes: Vec::new(),
            keys: Vec::new(),
            sites: OnceLock::new(),
            slots: OnceLock::new(),
            parts,
        };
        // A block says of whom its events are: nobody may send one as his own.
        if opened.is_block() {
            FrameError::check_equal("producer of a block", u64::from(header.producer.0 != 0), 0)?;
        }
        opened.check_rows()?;
        opened.sections = opened.read_sections()?;
        (opened.nodes, opened.keys) = opened.read_nodes()?;
        Ok(opened)
    }

    /// A byte of tags is there for each row, not squeezed beyond the ratio: a count of rows cannot make anybody allocate.
    fn check_rows(&self) -> Result<(), FrameError> {
        let width = self
            .parts
            .width(column::TAG, PartKind::Planes)
            .unwrap_or(1)
            .max(1);
        let raw = self.parts.raw_len(column::TAG, PartKind::Planes);
        let rows = raw / usize::from(width);
        FrameError::check_equal("tags", rows as u64, self.header.events.into())?;
        let stored = self.parts.stored_len(column::TAG, PartKind::Planes);
        if raw > TAG_RATIO * stored + TAG_SLACK {
            return Err(FrameError::Ratio {
                payload: raw as u32,
                body: stored as u32,
            });
        }
        Ok(())
    }

    fn read_sections(&self) -> Result<Vec<EventSection>, FrameError> {
        let bytes = self.parts.bytes(column::SECTIONS, PartKind::Texts)?;
        let n = self.header.sections as usize;
        if bytes.is_empty() && self.is_block() {
            return Ok(vec![EventSection {
                shard: Shard(0),
                seq: Seq(1),
                gap: None,
                rows: self.header.events,
                traces: (self.parts.raw_len(column::TRACE, PartKind::Planes) / 16) as u32,
            }]);
        }
        let read = FrameError::read("sections");
        let mut r = Reader::new(bytes);
        let n = r.count(n, 5).map_err(&read)?;
        let mut sections = Vec::with_capacity(n);
        let mut rows = 0u64;
        for _ in 0..n {
            let section = read_section(&mut r).map_err(&read)??;
            rows += u64::from(section.rows);
            sections.push(section);
        }
        r.finish().map_err(&read)?;
        FrameError::check_equal("rows of all sections", rows, self.header.events.into())?;
        Ok(sections)
    }

    fn read_nodes(&self) -> Result<(Vec<NodeInfo>, Vec<u64>), FrameError> {
        let bytes = self.parts.bytes(column::NODES, PartKind::Texts)?;
        let mut r = Reader::new(bytes);
        let mut read = || {
            let n = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
            let n = if n > NODES_MAX { usize::MAX } else { n };
            let mut nodes = Vec::with_capacity(r.count(n, 11)?);
            let mut keys = Vec::with_capacity(n);
            for _ in 0..n {
                let key = r.u64()?;
                keys.push(key);
                nodes.push(NodeInfo {
                    key: NodeKey(key),
                    creation: r.varint()? as u32,
                    name: r.string()?,
                });
            }
            let n = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
            for _ in 0..r.count(n, 8)? {
                keys.push(r.u64()?);
            }
            r.finish().map(|()| (nodes, keys))
        };
        read().map_err(FrameError::read("nodes"))
    }

    /// Its header.
    pub fn header(&self) -> &FrameHeader {
        &self.header
    }
    /// Events.
    pub fn rows(&self) -> u32 {
        self.header.events
    }
    /// Is it a block: events of many frames, by trace?
    pub fn is_block(&self) -> bool {
        self.parts.has(column::SOURCES, PartKind::Texts)
    }
    /// Its batches and gaps, in the order of its rows; of a block one section that stands for all.
    pub fn sections(&self) -> &[EventSection] {
        &self.sections
    }
    /// The node incarnations that its events can be of. In a block they have no names.
    pub fn nodes(&self) -> &[NodeInfo] {
        &self.nodes
    }
    /// Key of a node or of a parent's node, by number from 1; 0 of number 0.
    pub fn key(&self, number: u32) -> NodeKey {
        let at = (number as usize).checked_sub(1);
        NodeKey(at.and_then(|at| self.keys.get(at)).copied().unwrap_or_default())
    }
    /// Least and greatest HLC.
    pub fn hlc(&self) -> (Hlc, Hlc) {
        self.hlc
    }
    /// Least and greatest of the nodes' own times.
    pub fn time(&self) -> (Micros, Micros) {
        self.time
    }

    /// All pairs of module and site that its events name, ascending. Its digest names them by number, from 1.
    pub fn sites(&self) -> Result<impl ExactSizeIterator<Item = (ModuleKey, SiteId)> + '_, FrameError> {
        let pairs = self.site_pairs()?;
        Ok(pairs
            .iter()
            .map(|(module, site)| (ModuleKey(*module), SiteId(*site))))
    }

    fn site_pairs(&self) -> Result<&[(u64, u32)], FrameError> {
        if let Some(pairs) = self.sites.get() {
            return Ok(pairs);
        }
        let bytes = self.parts.bytes(column::SITES, PartKind::Texts)?;
        let pairs = read_sites(bytes, self.header.events as usize).map_err(FrameError::read("sites"))?;
        Ok(self.sites.get_or_init(|| pairs))
    }

    pub(super) fn least_slots(&self) -> Result<&[u64], FrameError> {
        if let Some(slots) = self.slots.get() {
            return Ok(slots);
        }
        let mut numbers = NumberReader::new(&self.parts, column::SLOT_BASE, 0)?;
        let slots = self.nodes.iter().map(|_| numbers.next()).collect();
        Ok(self.slots.get_or_init(|| slots))
    }

    /// Its traces, in the order of its rows, each with its rows: in a frame section by section.
    pub fn traces(&self) -> Result<Vec<TraceRows>, FrameError> {
        let ids = self.parts.bytes(column::TRACE, PartKind::Planes)?;
        let n = ids.len() / 16;
        if n > self.header.events as usize {
            return Err(missing(self.header.events as usize, n));
        }
        let counts = self.parts.indices(column::TRACE_ROWS, 0..n)?;
        let runs = if self.is_block() {
            self.parts.indices(column::RUNS, 0..n)?
        } else {
            vec![0; n]
        };
        let (mut next, mut next_run) = (0u32, 0u32);
        let mut traces = Vec::with_capacity(n);
        for ((id, count), runs) in ids.chunks_exact(16).zip(counts).zip(runs) {
            let trace = id.first_chunk().map(|id| TraceId(u128::from_le_bytes(*id)));
            if count == 0 {
                return Err(missing(0, 1));
            }
            let end = next.saturating_add(count);
            let end_run = next_run.saturating_add(runs).saturating_add(1);
            traces.push(TraceRows {
                trace: trace.unwrap_or_default(),
                rows: next..end,
                runs: next_run..end_run,
            });
            (next, next_run) = (end, end_run);
        }
        FrameError::check_equal("rows of all traces", next.into(), self.header.events.into())?;
        self.check_sections(&traces)?;
        Ok(traces)
    }

    fn check_sections(&self, traces: &[TraceRows]) -> Result<(), FrameError> {
        let mut rest = traces;
        for section in &self.sections {
            let Some((these, others)) = rest.split_at_checked(section.traces as usize) else {
                return Err(missing(rest.len(), section.traces as usize));
            };
            let rows: u64 = these.iter().map(|trace| range(&trace.rows).len() as u64).sum();
            FrameError::check_equal("rows of a section's traces", rows, section.rows.into())?;
            rest = others;
        }
        FrameError::check_equal("traces of no section", rest.len() as u64, 0)
    }

    /// The traces of a frame, each with the number of its section.
    pub(super) fn with_section<'t>(
        &'t self,
        traces: &'t [TraceRows],
    ) -> impl Iterator<Item = (usize, &'t TraceRows)> {
        let sections = self.sections.iter().enumerate();
        let numbers = sections.flat_map(|(at, section)| std::iter::repeat_n(at, section.traces as usize));
        numbers.zip(traces)
    }

    /// Where its rows come from, in their order.
    pub fn runs(&self) -> Result<Vec<Run>, FrameError> {
        let traces = self.traces()?;
        if self.is_block() {
            return self.block_runs(&traces);
        }
        let mut runs = Vec::with_capacity(traces.len());
        let mut last = usize::MAX;
        let mut first_row = 0;
        for (at, trace) in self.with_section(&traces) {
            let Some(section) = self.sections.get(at) else {
                continue;
            };
            if at != last {
                (last, first_row) = (at, 0);
            }
            let rows = range(&trace.rows).len() as u32;
            runs.push(Run {
                producer: self.header.producer,
                epoch: self.header.epoch,
                shard: section.shard,
                seq: section.seq,
                first_row,
                rows,
            });
            first_row += rows;
        }
        Ok(runs)
    }

    fn block_runs(&self, traces: &[TraceRows]) -> Result<Vec<Run>, FrameError> {
        let n = traces.last().map_or(0, |trace| trace.runs.end as usize);
        // A run has a row at least: there cannot be more of them.
        if n > self.header.events as usize {
            return Err(missing(self.header.events as usize, n));
        }
        let sources = self.parts.bytes(column::SOURCES, PartKind::Texts)?;
        let (sources, _) = sources.as_chunks::<24>();
        let several = traces.iter().filter(|trace| trace.runs.len() > 1);
        let counted: usize = several.map(|trace| trace.runs.len()).sum();
        let mut counts = self.parts.indices(column::RUN_ROWS, 0..counted)?.into_iter();
        let of_source = self.parts.indices(column::RUN_SOURCE, 0..n)?;
        let shards = self.parts.indices(column::RUN_SHARD, 0..n)?;
        let firsts = self.parts.indices(column::RUN_FIRST, 0..n)?;
        let mut seqs = NumberReader::new(&self.parts, column::RUN_SEQ, 0)?;
        let mut places = of_source.into_iter().zip(shards).zip(firsts);
        let mut runs = Vec::with_capacity(n);
        for trace in traces {
            let mut left = trace.rows.end - trace.rows.start;
            for _ in trace.runs.clone() {
                let Some(((source, shard), first_row)) = places.next() else {
                    return Err(missing(n, runs.len()));
                };
                let rows = if trace.runs.len() > 1 {
                    counts.next().unwrap_or_default()
                } else {
                    left
                };
                left = left
                    .checked_sub(rows)
                    .ok_or_else(|| missing(left as usize, rows as usize))?;
                let Some(source) = sources.get(source as usize) else {
                    return Err(missing(sources.len(), source as usize));
                };
                let mut r = Reader::new(source);
                let source = (|| Ok((r.u128()?, r.u64()?)))().map_err(FrameError::read("sources"))?;
                runs.push(Run {
                    producer: Producer(source.0),
                    epoch: Epoch(source.1),
                    shard: Shard(shard as u16),
                    seq: Seq(seqs.next()),
                    first_row,
                    rows,
                });
            }
            FrameError::check_equal("rows of a trace's runs", left.into(), 0)?;
        }
        Ok(runs)
    }

    /// Its dictionaries.
    pub(super) fn names(&self) -> Result<Names<'_>, FrameError> {
        let lengths = self.parts.raw_len(column::SHAPES, PartKind::Lengths);
        if lengths > NODES_MAX * 4 {
            return Err(missing(NODES_MAX, lengths));
        }
        let shapes = self.parts.texts(column::SHAPES)?;
        if let Some(long) = (0..shapes.len()).find(|at| shapes.get(*at as u32).len() > SHAPE_BYTES_MAX) {
            let len = shapes.get(long as u32).len();
            return Err(missing(len, SHAPE_BYTES_MAX));
        }
        if (0..shapes.len()).any(|at| std::str::from_utf8(shapes.get(at as u32)).is_err()) {
            let source = ReadError::Utf8 { at: 0 };
            return Err(FrameError::Read {
                what: "shapes",
                source,
            });
        }
        Ok(Names {
            keys: &self.keys,
            nodes: self.nodes.len(),
            sites: self.site_pairs()?,
            shapes,
            linked: self.parts.bytes(column::LINKED, PartKind::Planes)?.as_chunks().0,
            heap: self.parts.bytes(column::PAYLOAD, PartKind::Texts)?,
        })
    }

    /// What each column takes: its name, its bytes here and decompressed.
    pub fn sizes(&self) -> Vec<(String, usize, usize)> {
        self.parts
            .sizes()
            .map(|(column, kind, stored, raw)| (format!("{} {kind}", column::name(column)), stored, raw))
            .collect()
    }
}

fn read_section(r: &mut Reader<'_>) -> Result<Result<EventSection, FrameError>, ReadError> {
    let (shard, seq, reason) = (r.varint()?, Seq(r.varint()?), r.u8()?);
    let (one, other) = (r.varint()?, r.varint()?);
    let wrong = |what, found, expected| {
        Ok(Err(FrameError::Disagree {
            what,
            found,
            expected,
        }))
    };
    let Ok(shard) = u16::try_from(shard).map(Shard) else {
        return wrong("shard", shard, u16::MAX.into());
    };
    if seq.0 == 0 {
        return wrong("section seq", 0, 1);
    }
    let section = EventSection {
        shard,
        seq,
        gap: None,
        rows: 0,
        traces: 0,
    };
    if reason == 0 {
        let (Ok(rows), Ok(traces)) = (u32::try_from(one), u32::try_from(other)) else {
            return wrong("rows of a section", one, u32::MAX.into());
        };
        return Ok(Ok(EventSection {
            rows,
            traces,
            ..section
        }));
    }
    let Ok(reason) = GapReason::try_from(reason) else {
        return wrong("gap reason", reason.into(), GapReason::ALL.len() as u64);
    };
    let Some(last_seq) = seq.0.checked_add(one).map(Seq) else {
        return wrong("last seq of a gap", one, seq.0);
    };
    let gap = Gap {
        last_seq,
        reason,
        events: other,
    };
    Ok(Ok(EventSection {
        gap: Some(gap),
        ..section
    }))
}

/// At most `max` pairs: each event names one.
fn read_sites(bytes: &[u8], max: usize) -> Result<Vec<(u64, u32)>, ReadError> {
    let mut r = Reader::new(bytes);
    let mut pairs = Vec::new();
    while !r.is_empty() {
        let module = r.u64()?;
        let n = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
        let mut site = 0u32;
        let n = if n > max - pairs.len() { usize::MAX } else { n };
        for _ in 0..r.count(n, 1)? {
            site = site.wrapping_add(r.varint()? as u32);
            pairs.push((module, site));
        }
    }
    Ok(pairs)
}
