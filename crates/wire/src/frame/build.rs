//! Making frames.

use std::collections::BTreeMap;

use event::{Bucket, Epoch, Event, Hlc, Micros, NodeInfo, NodeKey, Producer, Seq, Shard, TraceId};

use super::column::{ColumnWriter, id};
use super::section::{Gap, HEAD_BYTES, Head, TraceRange};
use super::{
    Compression, EVENTS_MAX, FrameHeader, FrameTooLarge, Layout, PAYLOAD_BYTES_MAX, SECTIONS_MAX,
    SHAPE_BYTES_MAX, payload, seal,
};
use crate::bytes::Put;

/// Collects sections and makes one frame of them.
#[derive(Debug)]
pub struct FrameBuilder {
    producer: Producer,
    epoch: Epoch,
    hlc: Hlc,
    bucket: Bucket,
    nodes: Vec<NodeInfo>,
    shapes: Vec<String>,
    shape_index: BTreeMap<String, u64>,
    dictionary_len: usize,
    sections: usize,
    events: usize,
    encoded: Vec<u8>,
    columns: ColumnWriter,
}

impl FrameBuilder {
    /// An empty frame, cut now.
    pub fn new(producer: Producer, epoch: Epoch, hlc: Hlc, bucket: Bucket) -> Self {
        Self {
            producer,
            epoch,
            hlc,
            bucket,
            nodes: Vec::new(),
            shapes: Vec::new(),
            shape_index: BTreeMap::new(),
            dictionary_len: 0,
            sections: 0,
            events: 0,
            encoded: Vec::new(),
            columns: ColumnWriter::default(),
        }
    }

    /// Names a node incarnation; what is known of it already is replaced.
    pub fn node(&mut self, node: NodeInfo) -> &mut Self {
        let known = self.nodes.iter_mut().find(|known| known.key == node.key);
        self.dictionary_len += 14 + node.name.len();
        match known {
            Some(known) => {
                self.dictionary_len -= 14 + known.name.len();
                *known = node;
            }
            None => self.nodes.push(node),
        }
        self
    }

    /// A batch. Events of one trace are made adjacent, traces in order of first appearance, events of a trace in
    /// their order here. A node that [`Self::node`] has not named goes without a name.
    pub fn section(&mut self, shard: Shard, seq: Seq, events: &[Event]) -> &mut Self {
        let (rows, traces) = group(events);
        self.learn(&rows);
        self.write_columns(&rows);
        let len = traces.len() * 24 + self.columns.len();
        let head = Head {
            shard,
            seq,
            gap: false,
            rows: rows.len() as u32,
            traces: traces.len() as u32,
            hlc: bounds(rows.iter().map(|e| e.hlc)),
            time: bounds(rows.iter().map(|e| e.time)),
            len: len as u32,
        };
        self.encoded.reserve(HEAD_BYTES + len);
        head.write(&mut self.encoded);
        for range in &traces {
            self.encoded.put_u128(range.trace.0);
            self.encoded.put_u32(range.first_row);
            self.encoded.put_u32(range.rows);
        }
        self.columns.write(&mut self.encoded);
        self.sections += 1;
        self.events += rows.len();
        self
    }

    /// A gap: `seq..=gap.last_seq` are given up.
    pub fn gap(&mut self, shard: Shard, seq: Seq, gap: Gap) -> &mut Self {
        let zero = (Hlc(0), Hlc(0));
        let head = Head {
            shard,
            seq,
            gap: true,
            rows: 0,
            traces: 0,
            hlc: zero,
            time: (Micros(0), Micros(0)),
            len: 17,
        };
        head.write(&mut self.encoded);
        self.encoded.put_u64(gap.last_seq.0);
        self.encoded.put_u8(gap.reason.code());
        self.encoded.put_u64(gap.events);
        self.sections += 1;
        self
    }

    /// Nothing in it yet?
    pub fn is_empty(&self) -> bool {
        self.sections == 0
    }
    /// Events so far.
    pub fn events(&self) -> usize {
        self.events
    }
    /// Length of the payload so far, in bytes.
    pub fn payload_len(&self) -> usize {
        4 + self.dictionary_len + self.encoded.len()
    }

    /// The frame's bytes.
    pub fn finish(self, compression: Compression) -> Result<Vec<u8>, FrameTooLarge> {
        self.check_limits()?;
        let mut payload = Vec::with_capacity(self.payload_len());
        payload.put_u16(self.nodes.len() as u16);
        for node in &self.nodes {
            payload.put_u64(node.key.0);
            payload.put_u32(node.creation);
            payload.put_str(&node.name);
        }
        payload.put_u16(self.shapes.len() as u16);
        for shape in &self.shapes {
            payload.put_str(shape);
        }
        payload.put(&self.encoded);
        let payload_len = payload.len() as u32;
        let (compression, body) = payload::close(payload, compression)?;
        let header = FrameHeader {
            layout: Layout::Events,
            compression,
            producer: self.producer,
            epoch: self.epoch,
            sections: self.sections as u32,
            events: self.events as u32,
            payload_len,
            body_len: body.len() as u32,
            hlc: self.hlc,
            bucket: self.bucket,
            crc: 0,
        };
        let mut frame = header.encode();
        frame.put(&body);
        // The frame is longer than its header, the only thing that sealing checks.
        let _ = seal(&mut frame);
        Ok(frame)
    }

    fn check_limits(&self) -> Result<(), FrameTooLarge> {
        let counts = [
            ("nodes", self.nodes.len(), usize::from(u16::MAX)),
            ("shapes", self.shapes.len(), usize::from(u16::MAX)),
            ("sections", self.sections, SECTIONS_MAX),
            ("events", self.events, EVENTS_MAX),
        ];
        for (what, found, max) in counts {
            if found > max {
                return Err(FrameTooLarge::Count { what, found, max });
            }
        }
        if self.payload_len() > PAYLOAD_BYTES_MAX {
            return Err(FrameTooLarge::Bytes {
                what: "payload",
                found: self.payload_len(),
                max: PAYLOAD_BYTES_MAX,
            });
        }
        Ok(())
    }

    /// Puts nodes and shapes of the rows into the dictionaries.
    fn learn(&mut self, rows: &[&Event]) {
        let mut last: Option<NodeKey> = None;
        for e in rows {
            if last != Some(e.node) {
                last = Some(e.node);
                if !self.nodes.iter().any(|n| n.key == e.node) {
                    self.node(NodeInfo {
                        key: e.node,
                        creation: 0,
                        name: String::new(),
                    });
                }
            }
            if !e.shape.is_empty() && !self.shape_index.contains_key(&e.shape) {
                let cut = e.shape.floor_char_boundary(SHAPE_BYTES_MAX);
                let text = e.shape.get(..cut).unwrap_or_default();
                self.dictionary_len += 2 + text.len();
                self.shapes.push(text.to_owned());
                self.shape_index.insert(e.shape.clone(), self.shapes.len() as u64);
            }
        }
    }

    fn write_columns(&mut self, rows: &[&Event]) {
        let (columns, nodes, shapes) = (&mut self.columns, &self.nodes, &self.shape_index);
        let rows = || rows.iter().copied();
        let node = |key| nodes.iter().position(|n| n.key == key).unwrap_or_default() as u64;
        let shape = |e: &Event| match e.shape.as_str() {
            "" => 0,
            text => shapes.get(text).copied().unwrap_or_default(),
        };
        columns.delta(id::ID, rows().map(|e| e.id.0));
        columns.bytes(id::KIND, rows().map(|e| e.kind.code()));
        columns.bytes(id::CLASS, rows().map(|e| e.class.code()));
        columns.bytes(id::FLAGS, rows().map(|e| e.flags.0));
        columns.dict64(id::MODULE, rows().map(|e| e.module.0));
        columns.varint(id::SITE, rows().map(|e| u64::from(e.site.0)));
        columns.varint(id::NODE, rows().map(|e| node(e.node)));
        columns.dict64(id::PID, rows().map(|e| e.pid.0));
        columns.delta(id::PARENT, rows().map(|e| e.parent.0));
        columns.delta(id::HLC, rows().map(|e| e.hlc.0));
        columns.delta(id::TIME, rows().map(|e| e.time.0));
        columns.delta(id::ORDINAL, rows().map(|e| u64::from(e.ordinal)));
        columns.varint(id::SHAPE, rows().map(shape));
        columns.dict64(id::REMOTE_NODE, rows().map(|e| e.remote_node.0));
        columns.delta(id::REMOTE_TIME, rows().map(|e| e.remote_time.0));
        columns.dict128(id::LINKED, rows().map(|e| e.linked.0));
        columns.varint(id::PAYLOAD_LEN, rows().map(|e| e.payload.len() as u64));
        columns.raw(id::PAYLOAD, rows().map(|e| e.payload.as_slice()));
    }
}

/// Least and greatest; zeros of nothing.
fn bounds<T: Ord + Copy + Default>(values: impl Iterator<Item = T> + Clone) -> (T, T) {
    (
        values.clone().min().unwrap_or_default(),
        values.max().unwrap_or_default(),
    )
}

/// The events with those of one trace adjacent, and where each trace is.
fn group(events: &[Event]) -> (Vec<&Event>, Vec<TraceRange>) {
    let mut traces: Vec<TraceRange> = Vec::new();
    let mut index: BTreeMap<TraceId, usize> = BTreeMap::new();
    let mut runs: Vec<(usize, &[Event])> = Vec::new();
    for run in events.chunk_by(|a, b| a.trace == b.trace) {
        let Some(first) = run.first() else { continue };
        let next = traces.len();
        let i = *index.entry(first.trace).or_insert(next);
        if i == next {
            traces.push(TraceRange {
                trace: first.trace,
                first_row: 0,
                rows: 0,
            });
        }
        if let Some(range) = traces.get_mut(i) {
            range.rows += run.len() as u32;
        }
        runs.push((i, run));
    }
    let mut next = 0;
    for range in &mut traces {
        range.first_row = next;
        next += range.rows;
    }
    runs.sort_by_key(|(i, _)| *i);
    (runs.iter().flat_map(|(_, run)| run.iter()).collect(), traces)
}
