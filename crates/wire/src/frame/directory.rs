//! What is in a frame, without its columns.

use std::borrow::Cow;

use event::{Event, NodeInfo, NodeKey};

use super::section::HEAD_BYTES;
use super::{
    FrameError, FrameHeader, HEADER_BYTES, Layout, SHAPE_BYTES_MAX, Section, SectionBody, SectionEntry,
    VERSION_SPANS, payload, peek_header, rows, verify_crc,
};
use crate::bytes::{ReadError, Reader};

/// Least length of a node in the dictionary, in bytes.
const NODE_BYTES_MIN: usize = 14;

/// A checked and decompressed frame. Events are read a section at a time.
#[derive(Clone, Debug)]
pub struct Directory<'a> {
    header: FrameHeader,
    nodes: Vec<NodeInfo>,
    shapes: Vec<String>,
    sections: Vec<SectionEntry>,
    payload: Cow<'a, [u8]>,
}

/// Checks a frame (limits, checksum, dictionaries, section heads, trace lists, column lengths) and decompresses it
/// once. Columns are not decoded.
pub fn decode_directory(frame: &[u8]) -> Result<Directory<'_>, FrameError> {
    let header = peek_header(frame)?;
    if header.layout != Layout::Events {
        return Err(FrameError::Version(VERSION_SPANS));
    }
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
        shapes,
        sections,
        payload,
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
    /// Shapes of messages.
    pub fn shapes(&self) -> &[String] {
        &self.shapes
    }
    /// Its sections, in order.
    pub fn sections(&self) -> &[SectionEntry] {
        &self.sections
    }
    /// The events of a section of this frame; none for a gap.
    pub fn rows(&self, entry: &SectionEntry) -> Result<Vec<Event>, FrameError> {
        match entry.gap {
            Some(_) => Ok(Vec::new()),
            None => rows::read(&self.payload, entry, &self.nodes, &self.shapes),
        }
    }
    /// A section of this frame with its events.
    pub fn section(&self, entry: &SectionEntry) -> Result<Section, FrameError> {
        let body = match entry.gap {
            Some(gap) => SectionBody::Gap(gap),
            None => SectionBody::Rows(self.rows(entry)?),
        };
        let SectionEntry {
            shard,
            seq,
            hlc_min,
            hlc_max,
            time_min,
            time_max,
            ..
        } = *entry;
        Ok(Section {
            shard,
            seq,
            hlc_min,
            hlc_max,
            time_min,
            time_max,
            body,
        })
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
