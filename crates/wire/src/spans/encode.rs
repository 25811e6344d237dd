//! From a builder to a frame: spans by shard and trace, those of one trace adjacent and by start, columns over all of them.

use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard, TraceId};

use super::build::{Row, SpanBuilder};
use super::parts::{Packer, PartWriter, column};
use super::shape::CellKind;
use crate::bytes::{Put, zigzag};
use crate::frame::{self, Compression, FrameHeader, FrameTooLarge, Layout};

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Who cuts it.
    pub producer: Producer,
    /// In which of its lives.
    pub epoch: Epoch,
    /// When.
    pub hlc: Hlc,
    /// For which bucket.
    pub bucket: Bucket,
}

/// Parents in the same trace and frame are named by row: 0 none, 1 see the column of parents, else 2 + row in the trace.
pub(super) const PARENT_NONE: u32 = 0;
pub(super) const PARENT_ELSEWHERE: u32 = 1;
pub(super) const PARENT_HERE: u32 = 2;

/// In traces of more spans, parents are looked up in an index instead of one by one.
const LINEAR_MAX: usize = 32;

/// Columns while they are filled.
#[derive(Default)]
struct Columns {
    ids: Vec<u8>,
    parent_rows: Vec<u32>,
    parents: Vec<u8>,
    starts: Vec<u64>,
    durations: Vec<u64>,
    kinds: Vec<u32>,
    statuses: Vec<u32>,
    names: Vec<u32>,
    messages: Vec<u32>,
    resources: Vec<u32>,
    scopes: Vec<u32>,
    shapes: Vec<u32>,
    rests: Vec<u32>,
    flags: Vec<u64>,
    traces: Vec<u8>,
    trace_rows: Vec<u32>,
    cells: Vec<Vec<u64>>,
}

impl SpanBuilder {
    /// The frame of all spans. `shard_of` places traces, `seq_of` numbers the batch of each shard, ascending by shard.
    /// The builder keeps its spans: [`Self::clear`] it.
    pub fn finish(
        &self,
        cut: Cut,
        shard_of: impl Fn(TraceId) -> Shard,
        mut seq_of: impl FnMut(Shard) -> Seq,
        packer: &mut Packer,
    ) -> Result<Vec<u8>, FrameTooLarge> {
        let order = Order::new(self, shard_of);
        let mut columns = Columns {
            cells: vec![Vec::new(); self.shapes.columns.len()],
            ..Columns::default()
        };
        let mut last_start = 0;
        let mut slots = Slots::new(self);
        for (_, trace, rows) in order.traces() {
            columns.traces.put_u128(trace.0);
            columns.trace_rows.push(rows.len() as u32);
            columns.trace(self, rows, &mut last_start, &mut slots);
        }
        let mut parts = PartWriter::new(packer);
        columns.write(self, &slots, &mut parts);
        parts.check()?;

        let sections = order.sections();
        let mut payload = Vec::with_capacity(parts.data.len() + parts.directory.len() + 4096);
        payload.put_u16(sections.len() as u16);
        for (shard, rows, traces) in &sections {
            payload.put_u16(shard.0);
            payload.put_u16(0);
            payload.put_u64(seq_of(*shard).0);
            payload.put_u32(*rows);
            payload.put_u32(*traces);
        }
        let (min, max) = self.bounds();
        payload.put_u64(min);
        payload.put_u64(max);
        slots.write(self, &mut payload);
        payload.put_u32(parts.count);
        payload.put(&parts.directory);
        payload.put(&parts.data);
        if payload.len() > frame::BODY_BYTES_MAX {
            return Err(FrameTooLarge::Bytes {
                what: "body",
                found: payload.len(),
                max: frame::BODY_BYTES_MAX,
            });
        }
        let header = FrameHeader {
            layout: Layout::Spans,
            compression: Compression::None,
            producer: cut.producer,
            epoch: cut.epoch,
            sections: sections.len() as u32,
            events: order.rows.len() as u32,
            payload_len: payload.len() as u32,
            body_len: payload.len() as u32,
            hlc: cut.hlc,
            bucket: cut.bucket,
            crc: 0,
        };
        let mut frame = header.encode();
        frame.put(&payload);
        // The frame is longer than its header, the only thing that sealing checks.
        let _ = frame::seal(&mut frame);
        Ok(frame)
    }

    /// Do two rows of one trace say the same?
    fn same(&self, one: &Row, other: &Row) -> bool {
        let cells = |row: &Row| {
            let first = row.cells as usize;
            self.cells.get(first..first + self.shapes.list(row.shape).len())
        };
        let texts = |row: &Row| {
            (
                row.name,
                row.message,
                row.resource,
                row.scope,
                row.rest,
                row.shape,
            )
        };
        let numbers = |row: &Row| {
            (
                row.id, row.parent, row.start, row.end, row.flags, row.kind, row.status,
            )
        };
        numbers(one) == numbers(other) && texts(one) == texts(other) && cells(one) == cells(other)
    }

    /// Least start and greatest end; zeros of nothing.
    fn bounds(&self) -> (u64, u64) {
        let min = self.rows.iter().map(|row| row.start.min(row.end)).min();
        let max = self.rows.iter().map(|row| row.end.max(row.start)).max();
        (min.unwrap_or_default(), max.unwrap_or_default())
    }
}

/// Rows by shard, trace and start.
struct Order {
    /// By (shard, trace): also where its rows end.
    traces: Vec<(Shard, TraceId, u32)>,
    rows: Vec<Row>,
}

impl Order {
    fn new(builder: &SpanBuilder, shard_of: impl Fn(TraceId) -> Shard) -> Self {
        let mut counts = vec![0u32; builder.traces.len()];
        for row in &builder.rows {
            if let Some(count) = counts.get_mut(row.trace as usize) {
                *count += 1;
            }
        }
        let named = (0u32..).zip(builder.traces.iter().zip(&counts));
        let mut sorted: Vec<(Shard, TraceId, u32, u32)> = named
            .filter(|(_, (_, count))| **count > 0)
            .map(|(number, (trace, count))| (shard_of(TraceId(*trace)), TraceId(*trace), number, *count))
            .collect();
        sorted.sort_unstable();
        let mut next = 0;
        let mut traces = Vec::with_capacity(sorted.len());
        for (shard, trace, number, count) in sorted {
            // From here on: where the trace's next row goes.
            if let Some(at) = counts.get_mut(number as usize) {
                *at = next;
            }
            next += count;
            traces.push((shard, trace, next));
        }
        let mut rows = vec![Row::default(); builder.rows.len()];
        for row in &builder.rows {
            if let Some(at) = counts.get_mut(row.trace as usize) {
                if let Some(place) = rows.get_mut(*at as usize) {
                    *place = *row;
                }
                *at += 1;
            }
        }
        let mut order = Self { traces, rows };
        order.sort_and_drop_repeats(builder);
        order
    }

    /// Rows of a trace by start. A row that is the same in all is there once: a sender that got no answer sends again.
    fn sort_and_drop_repeats(&mut self, builder: &SpanBuilder) {
        let (mut first, mut kept) = (0usize, 0usize);
        for (_, _, end) in &mut self.traces {
            let last = *end as usize;
            if let Some(rows) = self.rows.get_mut(first..last) {
                rows.sort_by_key(|row| (row.start, row.id));
            }
            let from = kept;
            for at in first..last {
                let Some(row) = self.rows.get(at).copied() else {
                    break;
                };
                let before = self.rows.get(from..kept).unwrap_or_default().iter().rev();
                let mut alike = before.take_while(|known| known.start == row.start && known.id == row.id);
                if alike.any(|known| builder.same(known, &row)) {
                    continue;
                }
                if let Some(place) = self.rows.get_mut(kept) {
                    *place = row;
                }
                kept += 1;
            }
            first = last;
            *end = kept as u32;
        }
        self.rows.truncate(kept);
    }

    fn traces(&self) -> impl Iterator<Item = (Shard, TraceId, &[Row])> {
        let mut first = 0;
        self.traces.iter().map(move |(shard, trace, end)| {
            let rows = self.rows.get(first..*end as usize).unwrap_or_default();
            first = *end as usize;
            (*shard, *trace, rows)
        })
    }

    /// Per shard: rows and traces.
    fn sections(&self) -> Vec<(Shard, u32, u32)> {
        let mut sections: Vec<(Shard, u32, u32)> = Vec::new();
        for (shard, _, rows) in self.traces() {
            match sections.last_mut() {
                Some(last) if last.0 == shard => {
                    last.1 += rows.len() as u32;
                    last.2 += 1;
                }
                _ => sections.push((shard, rows.len() as u32, 1)),
            }
        }
        sections
    }
}

/// Shapes and columns that the frame's rows use, numbered anew by first use.
struct Slots {
    shapes: Vec<Option<u32>>,
    shape_list: Vec<u32>,
    columns: Vec<Option<u32>>,
    column_list: Vec<u32>,
}

impl Slots {
    fn new(builder: &SpanBuilder) -> Self {
        Self {
            shapes: vec![None; builder.shapes.lists.len()],
            shape_list: Vec::new(),
            columns: vec![None; builder.shapes.columns.len()],
            column_list: Vec::new(),
        }
    }

    #[inline]
    fn shape(&mut self, builder: &SpanBuilder, shape: u32) -> u32 {
        match self.shapes.get(shape as usize) {
            Some(Some(slot)) => *slot,
            _ => self.new_shape(builder, shape),
        }
    }

    #[cold]
    fn new_shape(&mut self, builder: &SpanBuilder, shape: u32) -> u32 {
        let slot = self.shape_list.len() as u32;
        self.shape_list.push(shape);
        if let Some(entry) = self.shapes.get_mut(shape as usize) {
            *entry = Some(slot);
        }
        for column in builder.shapes.list(shape) {
            if let Some(entry @ None) = self.columns.get_mut(*column as usize) {
                *entry = Some(self.column_list.len() as u32);
                self.column_list.push(*column);
            }
        }
        slot
    }

    fn slot_of(&self, column: u32) -> u32 {
        self.columns
            .get(column as usize)
            .copied()
            .flatten()
            .unwrap_or_default()
    }

    /// Columns (type, key) and shapes (their columns in order).
    fn write(&self, builder: &SpanBuilder, out: &mut Vec<u8>) {
        out.put_u16(self.column_list.len() as u16);
        for column in &self.column_list {
            if let Some(column) = builder.shapes.columns.get(*column as usize) {
                out.put_u8(column.kind.code());
                out.put_u32(column.key.len() as u32);
                out.put(&column.key);
            }
        }
        out.put_u16(self.shape_list.len() as u16);
        for shape in &self.shape_list {
            let list = builder.shapes.list(*shape);
            out.put_u16(list.len() as u16);
            for column in list {
                out.put_u16(self.slot_of(*column) as u16);
            }
        }
    }
}

impl Columns {
    fn trace(&mut self, builder: &SpanBuilder, rows: &[Row], last_start: &mut u64, slots: &mut Slots) {
        let mut index: Vec<(u64, u32)> = Vec::new();
        if rows.len() > LINEAR_MAX {
            index.extend(rows.iter().map(|row| row.id).zip(0..));
            index.sort_unstable();
        }
        let find = |id: u64| -> Option<u32> {
            if index.is_empty() {
                return rows.iter().position(|row| row.id == id).map(|at| at as u32);
            }
            let at = index.partition_point(|entry| entry.0 < id);
            index.get(at).filter(|entry| entry.0 == id).map(|entry| entry.1)
        };
        let mut before = *last_start;
        *last_start = rows.first().map_or(before, |row| row.start);
        for row in rows {
            self.ids.put_u64(row.id);
            let parent_row = match row.parent {
                0 => PARENT_NONE,
                id => find(id).map_or(PARENT_ELSEWHERE, |at| PARENT_HERE + at),
            };
            if parent_row == PARENT_ELSEWHERE {
                self.parents.put_u64(row.parent);
            }
            self.parent_rows.push(parent_row);
            self.starts.push(zigzag(row.start.wrapping_sub(before) as i64));
            before = row.start;
            self.durations
                .push(zigzag(row.end.wrapping_sub(row.start) as i64));
            self.kinds.push(row.kind.into());
            self.statuses.push(row.status.into());
            self.names.push(row.name);
            self.messages.push(row.message);
            self.resources.push(row.resource);
            self.scopes.push(row.scope);
            self.rests.push(row.rest);
            self.flags.push(row.flags.into());
            self.shapes.push(slots.shape(builder, row.shape));
            let list = builder.shapes.list(row.shape);
            let first = row.cells as usize;
            let cells = builder.cells.get(first..first + list.len()).unwrap_or_default();
            for (column, cell) in list.iter().zip(cells) {
                if let Some(column) = self.cells.get_mut(*column as usize) {
                    column.push(*cell);
                }
            }
        }
    }

    fn write(&self, builder: &SpanBuilder, slots: &Slots, parts: &mut PartWriter<'_>) {
        use super::parts::PartKind::Planes;
        parts.part(column::TRACE, Planes, 16, &self.traces, false);
        parts.indices(column::TRACE_ROWS, &self.trace_rows);
        parts.part(column::ID, Planes, 8, &self.ids, false);
        parts.indices(column::PARENT_ROW, &self.parent_rows);
        parts.part(column::PARENT, Planes, 8, &self.parents, false);
        parts.spread(column::START, self.starts.iter().copied());
        parts.spread(column::DURATION, self.durations.iter().copied());
        parts.indices(column::KIND, &self.kinds);
        parts.indices(column::STATUS, &self.statuses);
        parts.numbers(column::FLAGS, &self.flags);
        parts.indices(column::SHAPE, &self.shapes);
        let texts = [
            (column::NAME, &self.names, &builder.names),
            (column::MESSAGE, &self.messages, &builder.messages),
            (column::RESOURCE, &self.resources, &builder.resources),
            (column::SCOPE, &self.scopes, &builder.scopes),
            (column::REST, &self.rests, &builder.rests),
        ];
        for (column, indices, dictionary) in texts {
            parts.indices(column, indices);
            parts.texts(column, dictionary);
        }
        for (slot, number) in (0u16..).zip(&slots.column_list) {
            let column = column::ATTRIBUTES + slot;
            let cells = self
                .cells
                .get(*number as usize)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let Some(described) = builder.shapes.columns.get(*number as usize) else {
                continue;
            };
            match described.kind {
                CellKind::Empty => {}
                CellKind::Bool => {
                    let truths: Vec<u32> = cells.iter().map(|cell| *cell as u32).collect();
                    parts.indices(column, &truths);
                }
                CellKind::Int => parts.numbers(column, cells),
                CellKind::Double => parts.doubles(column, cells),
                CellKind::Text | CellKind::Other => {
                    let indices: Vec<u32> = cells.iter().map(|cell| *cell as u32).collect();
                    parts.indices(column, &indices);
                    parts.texts(column, &described.texts);
                }
            }
        }
    }
}
