//! A span frame opened: its directory read and checked, its parts decompressed when they are asked for.

use std::ops::Range;

use event::{Seq, Shard, TraceId};

use super::parts::column;
use super::shape::{CellKind, SHAPE_COLUMNS_MAX};
use crate::bytes::Reader;
use crate::columns::{PartKind, Parts, UNITS, missing};
use crate::frame::{self, FrameError, FrameHeader, HEADER_BYTES, Layout, peek_header, verify_crc};

/// A batch of spans of one shard: so many rows, so many traces, after those of the section before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanSection {
    /// Shard.
    pub shard: Shard,
    /// Number of the batch.
    pub seq: Seq,
    /// Spans.
    pub rows: u32,
    /// Traces.
    pub traces: u32,
}

/// The rows of one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRows {
    /// The trace.
    pub trace: TraceId,
    /// Its rows, by start.
    pub rows: Range<u32>,
}

/// An attribute column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) kind: CellKind,
    pub(super) key: &'a [u8],
}

/// A checked span frame.
#[derive(Clone, Debug)]
pub struct SpanFrame<'a> {
    header: FrameHeader,
    sections: Vec<SpanSection>,
    /// Least start and greatest end, Unix nanoseconds.
    time: (u64, u64),
    pub(super) attributes: Vec<Attribute<'a>>,
    pub(super) shapes: Vec<Vec<u16>>,
    pub(super) parts: Parts<'a>,
}

/// What the cells of a column follow from.
#[derive(Clone, Debug)]
pub(super) enum Follows {
    /// By number of the name.
    Name(Vec<u64>),
    /// By number of the resource.
    Resource(Vec<u64>),
    /// The duration in nanoseconds, divided by this.
    Duration(i64),
}

impl Follows {
    /// The cell of a span.
    #[inline]
    pub(super) fn cell(&self, name: u32, resource: u32, duration: i64) -> u64 {
        let of = |cells: &[u64], number: u32| cells.get(number as usize).copied().unwrap_or_default();
        match self {
            Self::Name(cells) => of(cells, name),
            Self::Resource(cells) => of(cells, resource),
            Self::Duration(unit) => (duration / unit) as u64,
        }
    }
}

impl<'a> SpanFrame<'a> {
    /// Reads and checks the directory: limits, checksum, that all parts are there.
    pub fn open(frame: &'a [u8]) -> Result<Self, FrameError> {
        let header = peek_header(frame)?;
        if header.layout != Layout::Spans {
            return Err(FrameError::Version(frame::VERSION));
        }
        let body = frame.get(HEADER_BYTES..).unwrap_or_default();
        if body.len() != header.body_len as usize {
            return Err(FrameError::BodyLength {
                declared: header.body_len,
                actual: body.len(),
            });
        }
        verify_crc(frame)?;
        let mut r = Reader::new(body);
        let sections = read_sections(&mut r, &header)?;
        let time = r.u64().and_then(|min| r.u64().map(|max| (min, max)));
        let time = time.map_err(FrameError::read("times"))?;
        let attributes = read_attributes(&mut r)?;
        let shapes = read_shapes(&mut r, attributes.len())?;
        let parts = Parts::read(&mut r)?;
        r.finish().map_err(FrameError::read("payload"))?;
        let opened = Self {
            header,
            sections,
            time,
            attributes,
            shapes,
            parts,
        };
        // Eight bytes are there for each row, so that a count of rows cannot make anybody allocate more than that.
        let rows = opened.parts.raw_len(column::ID, PartKind::Planes) / 8;
        FrameError::check_equal("ids", rows as u64, header.events.into())?;
        Ok(opened)
    }

    /// Its header.
    pub fn header(&self) -> &FrameHeader {
        &self.header
    }
    /// Spans.
    pub fn rows(&self) -> u32 {
        self.header.events
    }
    /// Its batches, in the order of its rows.
    pub fn sections(&self) -> &[SpanSection] {
        &self.sections
    }
    /// Least start and greatest end of its spans, Unix nanoseconds.
    pub fn time(&self) -> (u64, u64) {
        self.time
    }

    /// Its traces, in the order of its rows, each with its rows.
    pub fn traces(&self) -> Result<Vec<TraceRows>, FrameError> {
        let ids = self.parts.bytes(column::TRACE, PartKind::Planes)?;
        let n = ids.len() / 16;
        let counts = self.parts.indices(column::TRACE_ROWS, 0..n)?;
        let mut next = 0u32;
        let mut traces = Vec::with_capacity(n);
        for (id, count) in ids.chunks_exact(16).zip(counts) {
            let trace = id.first_chunk().map(|id| TraceId(u128::from_le_bytes(*id)));
            let end = next.saturating_add(count);
            traces.push(TraceRows {
                trace: trace.unwrap_or_default(),
                rows: next..end,
            });
            next = end;
        }
        FrameError::check_equal("rows of all traces", next.into(), self.header.events.into())?;
        let of_sections: u64 = self.sections.iter().map(|s| u64::from(s.traces)).sum();
        FrameError::check_equal("traces of all sections", traces.len() as u64, of_sections)?;
        Ok(traces)
    }

    /// What each column takes: its name, its bytes here and decompressed.
    pub fn sizes(&self) -> Vec<(String, usize, usize)> {
        let name = |part: u16, kind: PartKind| match part.checked_sub(column::ATTRIBUTES) {
            Some(attribute) => {
                let key = self
                    .attributes
                    .get(usize::from(attribute))
                    .map(|a| String::from_utf8_lossy(a.key));
                format!("{} {kind}", key.unwrap_or_default())
            }
            None => format!("{} {kind}", column::name(part)),
        };
        self.parts
            .sizes()
            .map(|(column, kind, stored, raw)| (name(column, kind), stored, raw))
            .collect()
    }

    /// What a column follows from, if it does not stand for itself.
    pub(super) fn follows(&self, column: u16) -> Result<Option<Follows>, FrameError> {
        for kind in [PartKind::ByName, PartKind::ByResource] {
            let Some(cells) = self.parts.all(column, kind)? else {
                continue;
            };
            return Ok(Some(match kind {
                PartKind::ByName => Follows::Name(cells),
                _ => Follows::Resource(cells),
            }));
        }
        let unit = self.parts.width(column, PartKind::Duration).map(usize::from);
        Ok(unit.map(|unit| Follows::Duration(UNITS.get(unit).copied().unwrap_or(1))))
    }
}

fn read_sections(r: &mut Reader<'_>, header: &FrameHeader) -> Result<Vec<SpanSection>, FrameError> {
    let read = FrameError::read("sections");
    let n = r.u16().map_err(&read)?;
    FrameError::check_equal("sections", n.into(), header.sections.into())?;
    let n = r.count(n.into(), 20).map_err(&read)?;
    let mut sections = Vec::with_capacity(n);
    let mut rows = 0u64;
    for _ in 0..n {
        let shard = Shard(r.u16().map_err(&read)?);
        let flags = r.u16().map_err(&read)?;
        FrameError::check_equal("section flags", flags.into(), 0)?;
        let section = SpanSection {
            shard,
            seq: Seq(r.u64().map_err(&read)?),
            rows: r.u32().map_err(&read)?,
            traces: r.u32().map_err(&read)?,
        };
        rows += u64::from(section.rows);
        sections.push(section);
    }
    FrameError::check_equal("rows of all sections", rows, header.events.into())?;
    Ok(sections)
}

fn read_attributes<'a>(r: &mut Reader<'a>) -> Result<Vec<Attribute<'a>>, FrameError> {
    let read = FrameError::read("attributes");
    let n = r.u16().map_err(&read)?;
    let n = r.count(n.into(), 5).map_err(&read)?;
    (0..n)
        .map(|_| {
            let kind = r.u8().map_err(&read)?;
            let kind = CellKind::try_from(kind).map_err(|_| FrameError::Disagree {
                what: "attribute type",
                found: kind.into(),
                expected: CellKind::Other.code().into(),
            })?;
            let length = r.u32().map_err(&read)? as usize;
            let key = r.bytes(length).map_err(&read)?;
            Ok(Attribute { kind, key })
        })
        .collect()
}

fn read_shapes(r: &mut Reader<'_>, attributes: usize) -> Result<Vec<Vec<u16>>, FrameError> {
    let read = FrameError::read("shapes");
    let n = r.u16().map_err(&read)?;
    let n = r.count(n.into(), 2).map_err(&read)?;
    let mut shapes = Vec::with_capacity(n);
    for _ in 0..n {
        let len = usize::from(r.u16().map_err(&read)?);
        if len > SHAPE_COLUMNS_MAX {
            return Err(missing(len, SHAPE_COLUMNS_MAX));
        }
        let len = r.count(len, 2).map_err(&read)?;
        let mut shape = Vec::with_capacity(len);
        for _ in 0..len {
            let column = r.u16().map_err(&read)?;
            if usize::from(column) >= attributes {
                return Err(missing(column.into(), attributes));
            }
            shape.push(column);
        }
        shapes.push(shape);
    }
    Ok(shapes)
}
