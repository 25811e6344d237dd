//! Making frames of version 1, as agents did: for tests of what reads them.

use std::collections::BTreeMap;

use event::{Bucket, Epoch, Event, Hlc, Micros, NodeInfo, NodeKey, Producer, Seq, Shard, TraceId};

use super::super::column::{BYTES, DELTA, DICT64, DICT128, RAW, VARINT, id};
use super::super::section::{FLAG_GAP, Gap, HEAD_BYTES, TraceRange};
use super::super::{
    BODY_BYTES_MAX, Compression, EVENTS_MAX, FrameHeader, FrameTooLarge, Layout, PAYLOAD_BYTES_MAX,
    RATIO_MAX, RATIO_SLACK_BYTES, SECTIONS_MAX, SHAPE_BYTES_MAX, seal,
};

const ZSTD_LEVEL: i32 = 1;

use crate::bytes::{Put, zigzag};

/// Collects sections and makes one frame of them.
#[derive(Debug)]
pub(super) struct FrameBuilder1 {
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

impl FrameBuilder1 {
    /// An empty frame, cut now.
    pub(super) fn new(producer: Producer, epoch: Epoch, hlc: Hlc, bucket: Bucket) -> Self {
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
    pub(super) fn node(&mut self, node: NodeInfo) -> &mut Self {
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
    pub(super) fn section(&mut self, shard: Shard, seq: Seq, events: &[Event]) -> &mut Self {
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
    pub(super) fn gap(&mut self, shard: Shard, seq: Seq, gap: Gap) -> &mut Self {
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

    /// Length of the payload so far, in bytes.
    pub(super) fn payload_len(&self) -> usize {
        4 + self.dictionary_len + self.encoded.len()
    }

    /// The frame's bytes.
    pub(super) fn finish(self, compression: Compression) -> Result<Vec<u8>, FrameTooLarge> {
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
        let (compression, body) = close(payload, compression)?;
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

/// What a section's head says, when it is written.
pub(super) struct Head {
    pub(super) shard: Shard,
    pub(super) seq: Seq,
    pub(super) gap: bool,
    pub(super) rows: u32,
    pub(super) traces: u32,
    pub(super) hlc: (Hlc, Hlc),
    pub(super) time: (Micros, Micros),
    pub(super) len: u32,
}

impl Head {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.put_u16(self.shard.0);
        out.put_u16(if self.gap { FLAG_GAP } else { 0 });
        out.put_u64(self.seq.0);
        out.put_u32(self.rows);
        out.put_u32(self.traces);
        out.put_u64(self.hlc.0.0);
        out.put_u64(self.hlc.1.0);
        out.put_u64(self.time.0.0);
        out.put_u64(self.time.1.0);
        out.put_u32(self.len);
    }
}

/// Least and greatest; zeros of nothing.
fn bounds<T: Ord + Copy + Default>(values: impl Iterator<Item = T> + Clone) -> (T, T) {
    (
        values.clone().min().unwrap_or_default(),
        values.max().unwrap_or_default(),
    )
}

/// Columns of one section while they are written. A column that is all zeros is left out.
#[derive(Debug, Default)]
pub(super) struct ColumnWriter {
    count: u16,
    directory: Vec<u8>,
    data: Vec<u8>,
}

impl ColumnWriter {
    /// One byte a row.
    pub(super) fn bytes(&mut self, column: u8, values: impl Iterator<Item = u8> + Clone) {
        if values.clone().any(|v| v != 0) {
            let start = self.data.len();
            self.data.extend(values);
            self.end(column, BYTES, start);
        }
    }
    /// For numbers that are small.
    pub(super) fn varint(&mut self, column: u8, values: impl Iterator<Item = u64> + Clone) {
        if values.clone().any(|v| v != 0) {
            let start = self.data.len();
            values.for_each(|v| self.data.put_varint(v));
            self.end(column, VARINT, start);
        }
    }
    /// For numbers that are near the one before.
    pub(super) fn delta(&mut self, column: u8, values: impl Iterator<Item = u64> + Clone) {
        if values.clone().any(|v| v != 0) {
            let start = self.data.len();
            let mut last = 0u64;
            for v in values {
                self.data.put_varint(zigzag(v.wrapping_sub(last) as i64));
                last = v;
            }
            self.end(column, DELTA, start);
        }
    }
    /// For wide numbers that are few.
    pub(super) fn dict64(&mut self, column: u8, values: impl Iterator<Item = u64> + Clone) {
        if values.clone().any(|v| v != 0) {
            let start = self.data.len();
            dict(&mut self.data, values, Vec::put_u64);
            self.end(column, DICT64, start);
        }
    }
    /// The same for wider ones.
    pub(super) fn dict128(&mut self, column: u8, values: impl Iterator<Item = u128> + Clone) {
        if values.clone().any(|v| v != 0) {
            let start = self.data.len();
            dict(&mut self.data, values, Vec::put_u128);
            self.end(column, DICT128, start);
        }
    }
    /// Bytes whose lengths are in another column.
    pub(super) fn raw<'a>(&mut self, column: u8, values: impl Iterator<Item = &'a [u8]>) {
        let start = self.data.len();
        values.for_each(|v| self.data.put(v));
        if self.data.len() > start {
            self.end(column, RAW, start);
        }
    }
    fn end(&mut self, column: u8, encoding: u8, start: usize) {
        self.count += 1;
        self.directory.put_u8(column);
        self.directory.put_u8(encoding);
        self.directory.put_u32((self.data.len() - start) as u32);
    }
    /// Length of what [`Self::write`] will append, in bytes.
    pub(super) fn len(&self) -> usize {
        2 + self.directory.len() + self.data.len()
    }
    /// Appends directory and columns, and forgets them.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        out.put_u16(self.count);
        out.append(&mut self.directory);
        out.append(&mut self.data);
        self.count = 0;
    }
}

/// Distinct values in order of first appearance, then an index a row.
fn dict<K: Ord + Copy>(
    out: &mut Vec<u8>,
    values: impl Iterator<Item = K> + Clone,
    put: impl Fn(&mut Vec<u8>, K),
) {
    let mut distinct = Vec::new();
    let mut index = BTreeMap::new();
    for v in values.clone() {
        if distinct.last() != Some(&v) {
            index.entry(v).or_insert_with(|| {
                distinct.push(v);
                distinct.len() as u64 - 1
            });
        }
    }
    out.put_varint(distinct.len() as u64);
    for v in distinct {
        put(out, v);
    }
    let mut last: Option<(K, u64)> = None;
    for v in values {
        let i = match last {
            Some((key, i)) if key == v => i,
            _ => index.get(&v).copied().unwrap_or_default(),
        };
        last = Some((v, i));
        out.put_varint(i);
    }
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

/// The body of a payload, and how it was made: what does not shrink, or shrinks beyond the ratio that readers accept,
/// goes uncompressed.
fn close(payload: Vec<u8>, wish: Compression) -> Result<(Compression, Vec<u8>), FrameTooLarge> {
    let packed = match wish {
        Compression::None => None,
        Compression::Zstd => zstd::bulk::compress(&payload, ZSTD_LEVEL).ok().filter(|packed| {
            packed.len() < payload.len() && payload.len() <= RATIO_MAX * packed.len() + RATIO_SLACK_BYTES
        }),
    };
    let (made, body) = match packed {
        Some(packed) => (Compression::Zstd, packed),
        None => (Compression::None, payload),
    };
    if body.len() > BODY_BYTES_MAX {
        return Err(FrameTooLarge::Bytes {
            what: "body",
            found: body.len(),
            max: BODY_BYTES_MAX,
        });
    }
    Ok((made, body))
}
