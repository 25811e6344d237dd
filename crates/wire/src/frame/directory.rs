//! What is in a frame, without its columns.

use std::borrow::Cow;

use event::{Event, NodeInfo, NodeKey};

use super::section::HEAD_BYTES;
use super::{
    FrameError, FrameHeader, HEADER_BYTES, Layout, SHAPE_BYTES_MAX, Section, SectionBody, SectionEntry,
    TraceRange, VERSION_SPANS, payload, peek_header, rows, verify_crc,
};
use crate::bytes::{ReadError, Reader};
use crate::events::{EventFrame, TraceRows};

/// Least length of a node in the dictionary, in bytes.
const NODE_BYTES_MIN: usize = 14;

/// A checked frame. Events are read a section at a time.
#[derive(Clone, Debug)]
pub struct Directory<'a> {
    header: FrameHeader,
    nodes: Vec<NodeInfo>,
    sections: Vec<SectionEntry>,
    body: Body<'a>,
}

#[derive(Clone, Debug)]
enum Body<'a> {
    /// Version 1, decompressed.
    Sections {
        payload: Cow<'a, [u8]>,
        shapes: Vec<String>,
    },
    /// Version 3.
    Columns(Box<EventFrame<'a>>),
}

/// Checks a frame (limits, checksum, dictionaries, section heads, trace lists). Columns are not decoded.
pub fn decode_directory(frame: &[u8]) -> Result<Directory<'_>, FrameError> {
    let header = peek_header(frame)?;
    match header.layout {
        Layout::Events => decode_sections(frame, header),
        Layout::Columns => decode_columns(frame, header),
        Layout::Spans => Err(FrameError::Version(VERSION_SPANS)),
    }
}

fn decode_columns(frame: &[u8], header: FrameHeader) -> Result<Directory<'_>, FrameError> {
    let opened = EventFrame::open(frame)?;
    let traces = opened.traces()?;
    let mut rest = traces.as_slice();
    let mut sections = Vec::with_capacity(opened.sections().len());
    let mut first = 0;
    for section in opened.sections() {
        let (these, others) = rest
            .split_at_checked(section.traces as usize)
            .unwrap_or((rest, &[]));
        rest = others;
        let range = |rows: &TraceRows| TraceRange {
            trace: rows.trace,
            first_row: rows.rows.start - first,
            rows: rows.rows.end - rows.rows.start,
        };
        let end = first + section.rows;
        sections.push(SectionEntry {
            shard: section.shard,
            seq: section.seq,
            gap: section.gap,
            rows: section.rows,
            traces: these.iter().map(range).collect(),
            columns: first as usize..end as usize,
        });
        first = end;
    }
    Ok(Directory {
        header,
        nodes: opened.nodes().to_vec(),
        sections,
        body: Body::Columns(Box::new(opened)),
    })
}

fn decode_sections(frame: &[u8], header: FrameHeader) -> Result<Directory<'_>, FrameError> {
    let body = frame.get(HEADER_BYTES..).unwrap_or_default();
    if body.len() != header.body_len as usize {
        return Err(FrameError::BodyLength {
            declared: header.body_len,
            actual: body.len(),
        });
    }
    verify_crc(frame)?;
    let payload = payload::open(&header, body)?;
    let mut r = Reader::new(&payload);
    let nodes = read_nodes(&mut r).map_err(FrameError::read("node dictionary"))?;
    let shapes = read_shapes(&mut r).map_err(FrameError::read("shape dictionary"))?;
    if let Some(long) = shapes.iter().map(String::len).find(|len| *len > SHAPE_BYTES_MAX) {
        let (found, expected) = (long as u64, SHAPE_BYTES_MAX as u64);
        return Err(FrameError::Disagree {
            what: "bytes of a shape",
            found,
            expected,
        });
    }
    let sections = read_sections(&mut r, &header)?;
    r.finish().map_err(FrameError::read("payload"))?;
    for entry in sections.iter().filter(|entry| entry.gap.is_none()) {
        rows::columns(&payload, entry)?;
    }
    Ok(Directory {
        header,
        nodes,
        sections,
        body: Body::Sections { payload, shapes },
    })
}

impl Directory<'_> {
    /// The frame's header.
    pub fn header(&self) -> &FrameHeader {
        &self.header
    }
    /// The node incarnations that its events name.
    pub fn nodes(&self) -> &[NodeInfo] {
        &self.nodes
    }
    /// The node incarnation with this key.
    pub fn node(&self, key: NodeKey) -> Option<&NodeInfo> {
        self.nodes.iter().find(|node| node.key == key)
    }
    /// Its sections, in order.
    pub fn sections(&self) -> &[SectionEntry] {
        &self.sections
    }
    /// The events of a section of this frame; none for a gap.
    pub fn rows(&self, entry: &SectionEntry) -> Result<Vec<Event>, FrameError> {
        if entry.gap.is_some() {
            return Ok(Vec::new());
        }
        match &self.body {
            Body::Sections { payload, shapes } => rows::read(payload, entry, &self.nodes, shapes),
            Body::Columns(frame) => frame.section_events(entry.columns.start as u32, &entry.traces),
        }
    }
    /// A section of this frame with its events.
    pub fn section(&self, entry: &SectionEntry) -> Result<Section, FrameError> {
        Ok(with_rows(entry, self.rows(entry)?))
    }

    /// All sections with their events.
    pub(super) fn all_sections(&self) -> Result<Vec<Section>, FrameError> {
        let Body::Columns(frame) = &self.body else {
            return self.sections.iter().map(|entry| self.section(entry)).collect();
        };
        let mut events = frame.events()?.into_iter();
        let section =
            |entry: &SectionEntry| with_rows(entry, events.by_ref().take(entry.rows as usize).collect());
        Ok(self.sections.iter().map(section).collect())
    }
}

fn with_rows(entry: &SectionEntry, rows: Vec<Event>) -> Section {
    Section {
        shard: entry.shard,
        seq: entry.seq,
        body: match entry.gap {
            Some(gap) => SectionBody::Gap(gap),
            None => SectionBody::Rows(rows),
        },
    }
}

fn read_nodes(r: &mut Reader<'_>) -> Result<Vec<NodeInfo>, ReadError> {
    let n = usize::from(r.u16()?);
    (0..r.count(n, NODE_BYTES_MIN)?)
        .map(|_| {
            Ok(NodeInfo {
                key: NodeKey(r.u64()?),
                creation: r.u32()?,
                name: r.string()?,
            })
        })
        .collect()
}

fn read_shapes(r: &mut Reader<'_>) -> Result<Vec<String>, ReadError> {
    let n = usize::from(r.u16()?);
    (0..r.count(n, 2)?).map(|_| r.string()).collect()
}

fn read_sections(r: &mut Reader<'_>, header: &FrameHeader) -> Result<Vec<SectionEntry>, FrameError> {
    let n = r
        .count(header.sections as usize, HEAD_BYTES)
        .map_err(FrameError::read("sections"))?;
    let mut sections = Vec::with_capacity(n);
    let mut events = 0u64;
    for _ in 0..n {
        let entry = SectionEntry::read(r)?;
        events += u64::from(entry.rows);
        sections.push(entry);
    }
    FrameError::check_equal("rows of all sections", events, header.events.into())?;
    Ok(sections)
}
