//! A span frame opened: its directory read and checked, its parts decompressed when they are asked for.

use std::cell::RefCell;
use std::ops::{BitOrAssign, Range, Shl};
use std::sync::OnceLock;

use event::{Seq, Shard, TraceId};

use super::bits::{BitReader, join, stream_bits};
use super::parts::{PartKind, UNITS, column};
use super::shape::{CellKind, SHAPE_COLUMNS_MAX};
use zstd::bulk::Decompressor;

use crate::bytes::{Reader, unzigzag};
use crate::frame::{
    self, FrameError, FrameHeader, HEADER_BYTES, Layout, PAYLOAD_BYTES_MAX, peek_header, verify_crc,
};

const PART_BYTES: usize = 12;

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

#[derive(Clone, Debug)]
struct Part<'a> {
    column: u16,
    kind: PartKind,
    width: u8,
    raw_len: usize,
    stored: &'a [u8],
    /// Decompressed, once somebody asked.
    raw: OnceLock<Box<[u8]>>,
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
    parts: Vec<Part<'a>>,
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

/// A dictionary of texts.
#[derive(Clone, Debug, Default)]
pub struct Texts<'a> {
    bytes: &'a [u8],
    ends: Vec<u32>,
}

impl Texts<'_> {
    /// A text, by number; empty beyond the last.
    #[inline]
    pub fn get(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let Some(end) = self.ends.get(at) else {
            return &[];
        };
        let start = at
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied();
        let range = start.unwrap_or_default() as usize..*end as usize;
        self.bytes.get(range).unwrap_or_default()
    }
    /// Texts in it.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    /// None?
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
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
        let parts = read_parts(&mut r)?;
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
        let ids = opened.part(column::ID, PartKind::Planes);
        let rows = ids.map_or(0, |part| part.raw_len / 8);
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
        let ids = self.bytes(column::TRACE, PartKind::Planes)?;
        let n = ids.len() / 16;
        let counts = self.indices(column::TRACE_ROWS, 0..n)?;
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
        let name = |part: &Part<'_>| match part.column.checked_sub(column::ATTRIBUTES) {
            Some(attribute) => {
                let key = self
                    .attributes
                    .get(usize::from(attribute))
                    .map(|a| String::from_utf8_lossy(a.key));
                format!("{} {}", key.unwrap_or_default(), part.kind)
            }
            None => format!("{} {}", column::name(part.column), part.kind),
        };
        self.parts
            .iter()
            .map(|part| (name(part), part.stored.len(), part.raw_len))
            .collect()
    }

    fn part(&self, column: u16, kind: PartKind) -> Option<&Part<'a>> {
        let first = self.parts.partition_point(|part| part.column < column);
        let of_column = self
            .parts
            .iter()
            .skip(first)
            .take_while(|part| part.column == column);
        of_column.into_iter().find(|part| part.kind == kind)
    }

    /// The bytes of a part; none of one that is left out.
    pub(super) fn bytes(&self, column: u16, kind: PartKind) -> Result<&[u8], FrameError> {
        let Some(part) = self.part(column, kind) else {
            return Ok(&[]);
        };
        if part.stored.len() == part.raw_len {
            return Ok(part.stored);
        }
        if let Some(raw) = part.raw.get() {
            return Ok(raw);
        }
        let raw = decompress(part.stored, part.raw_len)?;
        FrameError::check_equal("length of a part", raw.len() as u64, part.raw_len as u64)?;
        Ok(part.raw.get_or_init(|| raw.into()))
    }

    /// Indices of some rows; zeros if the column is left out.
    pub(super) fn indices(&self, column: u16, rows: Range<usize>) -> Result<Vec<u32>, FrameError> {
        self.planes(column, PartKind::Planes, rows)
    }

    /// Numbers of a part that has them by plane; zeros if it is left out.
    fn planes<T>(&self, column: u16, kind: PartKind, rows: Range<usize>) -> Result<Vec<T>, FrameError>
    where
        T: Copy + Default + From<u8> + BitOrAssign + Shl<u32, Output = T>,
    {
        match self.part(column, kind) {
            Some(part) => unplane(self.bytes(column, kind)?, part.width, rows),
            None => Ok(vec![T::default(); rows.len()]),
        }
    }

    /// How many numbers a part has by plane.
    fn count(part: &Part<'_>) -> usize {
        part.raw_len / usize::from(part.width.max(1))
    }

    /// Numbers of some rows, as they are or by dictionary, by planes, or by width and bits.
    pub(super) fn numbers(&self, column: u16, rows: Range<usize>) -> Result<Vec<u64>, FrameError> {
        if self.part(column, PartKind::Widths).is_some() {
            return Ok(self
                .spread(column, rows)?
                .into_iter()
                .map(|value| value as u64)
                .collect());
        }
        if self.part(column, PartKind::Numbers).is_some() {
            let distinct = self.bytes(column, PartKind::Numbers)?;
            let (distinct, _) = distinct.as_chunks::<8>();
            let indices = self.indices(column, rows)?;
            let number = |index: u32| {
                distinct
                    .get(index as usize)
                    .map(|bytes| u64::from_le_bytes(*bytes))
            };
            return Ok(indices
                .into_iter()
                .map(|index| number(index).unwrap_or_default())
                .collect());
        }
        self.planes(column, PartKind::Planes, rows)
    }

    /// Signed numbers of some rows by width and bits.
    pub(super) fn spread(&self, column: u16, rows: Range<usize>) -> Result<Vec<i64>, FrameError> {
        let Some(part) = self.part(column, PartKind::Widths) else {
            return Ok(vec![0; rows.len()]);
        };
        let unit = UNITS.get(usize::from(part.width)).copied().unwrap_or(1);
        let widths = self.bytes(column, PartKind::Widths)?;
        let bits = self.bytes(column, PartKind::Bits)?;
        let before = widths.get(..rows.start).unwrap_or_default();
        let first: usize = before.iter().map(|width| stream_bits(*width) as usize).sum();
        let mut reader = BitReader::new(bits, first);
        let Some(widths) = widths.get(rows.clone()) else {
            return Err(missing(widths.len(), rows.end));
        };
        let number = |width: &u8| unzigzag(join(*width, &mut reader)).wrapping_mul(unit);
        Ok(widths.iter().map(number).collect())
    }

    /// What a column follows from, if it does not stand for itself.
    pub(super) fn follows(&self, column: u16) -> Result<Option<Follows>, FrameError> {
        for kind in [PartKind::ByName, PartKind::ByResource] {
            let Some(part) = self.part(column, kind) else {
                continue;
            };
            let cells = self.planes(column, kind, 0..Self::count(part))?;
            return Ok(Some(match kind {
                PartKind::ByName => Follows::Name(cells),
                _ => Follows::Resource(cells),
            }));
        }
        let unit = self
            .part(column, PartKind::Duration)
            .map(|part| usize::from(part.width));
        Ok(unit.map(|unit| Follows::Duration(UNITS.get(unit).copied().unwrap_or(1))))
    }

    /// Numbers of eight bytes each, as they are.
    pub(super) fn wide(&self, column: u16, rows: Range<usize>) -> Result<Vec<u64>, FrameError> {
        let raw = self.bytes(column, PartKind::Planes)?;
        let (all, _) = raw.as_chunks::<8>();
        let some = all
            .get(rows.clone())
            .ok_or_else(|| missing(all.len(), rows.end))?;
        Ok(some.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
    }

    /// A dictionary.
    pub(super) fn texts(&self, column: u16) -> Result<Texts<'_>, FrameError> {
        let Some(part) = self.part(column, PartKind::Lengths) else {
            return Ok(Texts::default());
        };
        let lengths: Vec<u32> = self.planes(column, PartKind::Lengths, 0..Self::count(part))?;
        let bytes = self.bytes(column, PartKind::Texts)?;
        let mut end = 0u32;
        let ends: Vec<u32> = lengths
            .into_iter()
            .map(|length| {
                end = end.saturating_add(length);
                end
            })
            .collect();
        FrameError::check_equal("bytes of all texts", bytes.len() as u64, end.into())?;
        Ok(Texts { bytes, ends })
    }
}

/// With a context that a thread keeps: making one costs more than most parts.
fn decompress(stored: &[u8], raw_len: usize) -> Result<Vec<u8>, FrameError> {
    thread_local! {
        static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let error = |_| FrameError::Zstd("a part does not decompress within its declared length");
    ZSTD.with_borrow_mut(|zstd| {
        if zstd.is_none() {
            *zstd = Some(Decompressor::new().map_err(error)?);
        }
        match zstd {
            Some(zstd) => zstd.decompress(stored, raw_len).map_err(error),
            None => Err(FrameError::Zstd("no memory for a part")),
        }
    })
}

/// Numbers of some rows out of their planes; planes beyond the number's size count for nothing.
fn unplane<T>(raw: &[u8], width: u8, rows: Range<usize>) -> Result<Vec<T>, FrameError>
where
    T: Copy + Default + From<u8> + BitOrAssign + Shl<u32, Output = T>,
{
    let mut values = vec![T::default(); rows.len()];
    let n = raw.len() / usize::from(width.max(1));
    for (plane, bytes) in (0u32..).zip(raw.chunks_exact(n.max(1))) {
        let bytes = bytes.get(rows.clone()).ok_or_else(|| missing(n, rows.end))?;
        if plane as usize >= size_of::<T>() {
            continue;
        }
        for (value, byte) in values.iter_mut().zip(bytes) {
            *value |= T::from(*byte) << (plane * 8);
        }
    }
    Ok(values)
}

#[cold]
fn missing(found: usize, expected: usize) -> FrameError {
    FrameError::Disagree {
        what: "values of a column",
        found: found as u64,
        expected: expected as u64,
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

fn read_parts<'a>(r: &mut Reader<'a>) -> Result<Vec<Part<'a>>, FrameError> {
    let read = FrameError::read("parts");
    let n = r.u32().map_err(&read)? as usize;
    let n = r.count(n, PART_BYTES).map_err(&read)?;
    let directory = r.bytes(n * PART_BYTES).map_err(&read)?;
    let mut d = Reader::new(directory);
    let mut parts = Vec::with_capacity(n);
    let mut total = 0usize;
    for _ in 0..n {
        let (column, kind, width) = (d.u16(), d.u8(), d.u8());
        let (raw_len, stored_len) = (d.u32(), d.u32());
        let kind = kind.map_err(&read)?;
        let kind = PartKind::try_from(kind).map_err(|_| FrameError::Disagree {
            what: "part kind",
            found: kind.into(),
            expected: PartKind::Texts.code().into(),
        })?;
        let raw_len = raw_len.map_err(&read)? as usize;
        let stored = r.bytes(stored_len.map_err(&read)? as usize).map_err(&read)?;
        total = total.saturating_add(raw_len);
        if total > PAYLOAD_BYTES_MAX || stored.len() > raw_len {
            return Err(FrameError::PayloadTooLarge(raw_len as u32));
        }
        parts.push(Part {
            column: column.map_err(&read)?,
            kind,
            width: width.map_err(&read)?,
            raw_len,
            stored,
            raw: OnceLock::new(),
        });
    }
    parts.sort_by_key(|part| part.column);
    Ok(parts)
}
