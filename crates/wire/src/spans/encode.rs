//! From a builder to a frame: spans by shard and trace, those of one trace adjacent and by start, columns over all of them.

use std::ops::Range;

use event::{Seq, Shard, TraceId};

use super::build::{Row, SpanBuilder};
use super::order::Order;
use super::parts::{Packer, column};
use super::shape::CellKind;
use crate::bytes::Put;
use crate::columns::{Interner, PartKind, PartWriter, UNITS};
use crate::frame::{Cut, FrameTooLarge, HEADER_BYTES, Layout, finish_frame};

/// Parents in the same trace and frame are named by row: 0 none, 1 see the column of parents, else 2 + row in the trace.
pub(super) const PARENT_NONE: u32 = 0;
pub(super) const PARENT_ELSEWHERE: u32 = 1;
pub(super) const PARENT_HERE: u32 = 2;

/// In traces of more spans, parents are looked up in an index instead of one by one.
const LINEAR_MAX: usize = 32;

/// Rows whose columns are filled one after the other.
const CHUNK_ROWS: usize = 256;

/// Columns while they are filled.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// The rows, in order.
    gathered: Vec<Row>,
    slots: Slots,
    name_texts: Local,
    message_texts: Local,
    resource_texts: Local,
    scope_texts: Local,
    rest_texts: Local,
    /// By the builder's columns; of those without texts unused.
    cell_texts: Vec<Local>,
    ids: Vec<u8>,
    parent_rows: Vec<u32>,
    parents: Vec<u8>,
    starts: Vec<i64>,
    durations: Vec<i64>,
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
        seq_of: impl FnMut(Shard) -> Seq,
        packer: &mut Packer,
    ) -> Result<Vec<u8>, FrameTooLarge> {
        let sorted = self.sorted(shard_of, packer);
        let encoded = sorted.encode(0..sorted.order.traces.len(), cut, seq_of, packer);
        sorted.give_back(packer);
        encoded
    }

    /// Its spans in the order of frames, to make one frame of them or several. Takes memory of the packer:
    /// [`Sorted::give_back`] gives it back.
    pub fn sorted(&self, shard_of: impl Fn(TraceId) -> Shard, packer: &mut Packer) -> Sorted<'_> {
        let order = std::mem::take(&mut packer.order);
        Sorted {
            builder: self,
            order: order.of(self, shard_of),
            by_shard: true,
        }
    }

    /// Its spans by a place that each trace is given, then by trace: the order of blocks, which have one section.
    pub fn sorted_by(&self, place_of: impl Fn(TraceId) -> u16, packer: &mut Packer) -> Sorted<'_> {
        let order = std::mem::take(&mut packer.order);
        Sorted {
            builder: self,
            order: order.of(self, |trace| Shard(place_of(trace))),
            by_shard: false,
        }
    }
}

/// The spans of a builder in the order of frames, repeats dropped.
#[derive(Debug)]
pub struct Sorted<'b> {
    builder: &'b SpanBuilder,
    order: Order,
    /// A section a shard, or one for all.
    by_shard: bool,
}

impl Sorted<'_> {
    /// Its traces, each with the number of its spans.
    pub fn traces(&self) -> Vec<(TraceId, u32)> {
        self.order
            .traces(0..self.order.traces.len())
            .map(|(_, trace, rows)| (trace, rows as u32))
            .collect()
    }

    /// Gives the packer back what it took of its memory.
    pub fn give_back(self, packer: &mut Packer) {
        packer.order = self.order;
    }

    /// The frame of some adjacent traces. Its dictionaries have their texts alone.
    pub fn encode(
        &self,
        traces: Range<usize>,
        cut: Cut,
        seq_of: impl FnMut(Shard) -> Seq,
        packer: &mut Packer,
    ) -> Result<Vec<u8>, FrameTooLarge> {
        let rows = self.order.rows(self.builder, &traces);
        self.write(rows, self.order.traces(traces), cut, seq_of, packer)
    }

    /// The frame of some adjacent spans of one trace, for traces that are too large for a frame; `trace` is its position in
    /// [`Self::traces`].
    pub fn encode_part(
        &self,
        trace: usize,
        spans: Range<usize>,
        cut: Cut,
        seq_of: impl FnMut(Shard) -> Seq,
        packer: &mut Packer,
    ) -> Result<Vec<u8>, FrameTooLarge> {
        let this = trace..trace.saturating_add(1);
        let part = self.order.traces(this.clone()).next();
        let part = part.map(|(shard, trace, rows)| {
            let rows = rows.min(spans.end).saturating_sub(spans.start);
            (shard, trace, rows)
        });
        let rows = self.order.rows(self.builder, &this).skip(spans.start);
        let len = part.map_or(0, |(_, _, rows)| rows);
        self.write(rows.take(len), part.into_iter(), cut, seq_of, packer)
    }

    /// The frame of these rows, which are those of the traces: each with the number of its rows.
    fn write(
        &self,
        rows: impl Iterator<Item = Row>,
        traces: impl Iterator<Item = (Shard, TraceId, usize)>,
        cut: Cut,
        mut seq_of: impl FnMut(Shard) -> Seq,
        packer: &mut Packer,
    ) -> Result<Vec<u8>, FrameTooLarge> {
        let builder = self.builder;
        let mut columns = packer.columns.take().unwrap_or_default();
        columns.reset(builder);
        let mut sections: Vec<(Shard, u32, u32)> = Vec::new();
        let (mut last_start, mut count) = (0, 0u32);
        let mut time = (u64::MAX, 0);
        let mut all = std::mem::take(&mut columns.gathered);
        all.clear();
        all.extend(rows);
        columns.rows(builder, &all);
        let mut rest = all.as_slice();
        for (shard, trace, rows) in traces {
            let Some((rows, others)) = rest.split_at_checked(rows) else {
                break;
            };
            rest = others;
            let shard = if self.by_shard { shard } else { Shard(0) };
            columns.traces.put_u128(trace.0);
            columns.trace_rows.push(rows.len() as u32);
            columns.trace(rows, &mut last_start);
            count += rows.len() as u32;
            for row in rows {
                time = (
                    row.start.min(row.end).min(time.0),
                    row.end.max(row.start).max(time.1),
                );
            }
            match sections.last_mut() {
                Some(last) if last.0 == shard => {
                    last.1 += rows.len() as u32;
                    last.2 += 1;
                }
                _ => sections.push((shard, rows.len() as u32, 1)),
            }
        }
        columns.gathered = all;
        let mut parts = PartWriter::new(&mut packer.squeezer);
        columns.write(builder, &mut parts);
        parts.check()?;
        let mut payload = Vec::with_capacity(HEADER_BYTES + parts.data.len() + parts.directory.len() + 4096);
        payload.resize(HEADER_BYTES, 0);
        payload.put_u16(sections.len() as u16);
        for (shard, rows, traces) in &sections {
            payload.put_u16(shard.0);
            payload.put_u16(0);
            payload.put_u64(seq_of(*shard).0);
            payload.put_u32(*rows);
            payload.put_u32(*traces);
        }
        payload.put_u64(time.0.min(time.1));
        payload.put_u64(time.1);
        columns.slots.write(builder, &mut payload);
        payload.put_u32(parts.count);
        payload.put(&parts.directory);
        payload.put(&parts.data);
        parts.give_back();
        packer.columns = Some(columns);
        finish_frame(Layout::Spans, cut, sections.len() as u32, count, payload)
    }
}

/// The texts of a frame out of a builder's, numbered anew by first use.
#[derive(Debug, Default)]
struct Local {
    numbers: Vec<u32>,
    texts: Interner,
}

impl Local {
    const UNUSED: u32 = u32::MAX;

    fn reset(&mut self, all: &Interner) {
        self.numbers.clear();
        self.numbers.resize(all.len(), Self::UNUSED);
        self.texts.clear();
    }

    #[inline]
    fn number(&mut self, number: u32, all: &Interner) -> u32 {
        match self.numbers.get_mut(number as usize) {
            Some(known) if *known != Self::UNUSED => *known,
            Some(unused) => {
                *unused = self.texts.push(all.get(number).unwrap_or_default());
                *unused
            }
            None => 0,
        }
    }
}

/// Shapes and columns that the frame's rows use, numbered anew by first use.
#[derive(Debug, Default)]
struct Slots {
    shapes: Vec<Option<u32>>,
    shape_list: Vec<u32>,
    columns: Vec<Option<u32>>,
    column_list: Vec<u32>,
}

impl Slots {
    fn reset(&mut self, builder: &SpanBuilder) {
        self.shapes.clear();
        self.shapes.resize(builder.shapes.lists.len(), None);
        self.shape_list.clear();
        self.columns.clear();
        self.columns.resize(builder.shapes.columns.len(), None);
        self.column_list.clear();
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
    /// Empties all and keeps the room.
    fn reset(&mut self, builder: &SpanBuilder) {
        self.slots.reset(builder);
        self.name_texts.reset(&builder.names);
        self.message_texts.reset(&builder.messages);
        self.resource_texts.reset(&builder.resources);
        self.scope_texts.reset(&builder.scopes);
        self.rest_texts.reset(&builder.rests);
        let columns = &builder.shapes.columns;
        self.cell_texts.resize_with(columns.len(), Local::default);
        for (local, column) in self.cell_texts.iter_mut().zip(columns) {
            local.reset(&column.texts);
        }
        self.cells.resize_with(columns.len(), Vec::new);
        self.cells.iter_mut().for_each(Vec::clear);
        for bytes in [&mut self.ids, &mut self.parents, &mut self.traces] {
            bytes.clear();
        }
        self.starts.clear();
        self.durations.clear();
        self.flags.clear();
        for numbers in [
            &mut self.parent_rows,
            &mut self.kinds,
            &mut self.statuses,
            &mut self.names,
            &mut self.messages,
            &mut self.resources,
            &mut self.scopes,
            &mut self.shapes,
            &mut self.rests,
            &mut self.trace_rows,
        ] {
            numbers.clear();
        }
    }

    /// What rows of a trace say of one another.
    fn trace(&mut self, rows: &[Row], last_start: &mut u64) {
        let mut index: Vec<(u64, u32)> = Vec::new();
        if rows.len() > LINEAR_MAX {
            index.extend(rows.iter().map(|row| row.id).zip(0..));
            index.sort_unstable();
        }
        // Side by side: a row is longer than a cache line.
        let mut ids = [0; LINEAR_MAX];
        for (id, row) in ids.iter_mut().zip(rows) {
            *id = row.id;
        }
        let find = |id: u64| -> Option<u32> {
            if index.is_empty() {
                let ids = ids.get(..rows.len()).unwrap_or_default();
                return ids.iter().position(|known| *known == id).map(|at| at as u32);
            }
            let at = index.partition_point(|entry| entry.0 < id);
            index.get(at).filter(|entry| entry.0 == id).map(|entry| entry.1)
        };
        let mut before = *last_start;
        *last_start = rows.first().map_or(before, |row| row.start);
        for row in rows {
            let parent_row = match row.parent {
                0 => PARENT_NONE,
                id => find(id).map_or(PARENT_ELSEWHERE, |at| PARENT_HERE + at),
            };
            if parent_row == PARENT_ELSEWHERE {
                self.parents.put_u64(row.parent);
            }
            self.parent_rows.push(parent_row);
            self.starts.push(row.start.wrapping_sub(before) as i64);
            before = row.start;
        }
    }

    /// What rows say of themselves: column after column over some that the fastest memory holds.
    fn rows(&mut self, builder: &SpanBuilder, rows: &[Row]) {
        for some in rows.chunks(CHUNK_ROWS) {
            self.ids.reserve(some.len() * 8);
            for row in some {
                self.ids.put_u64(row.id);
            }
            self.durations
                .extend(some.iter().map(|row| row.end.wrapping_sub(row.start) as i64));
            self.kinds.extend(some.iter().map(|row| u32::from(row.kind)));
            self.statuses.extend(some.iter().map(|row| u32::from(row.status)));
            self.flags.extend(some.iter().map(|row| u64::from(row.flags)));
            let texts = &mut self.name_texts;
            self.names
                .extend(some.iter().map(|row| texts.number(row.name, &builder.names)));
            let texts = &mut self.message_texts;
            self.messages.extend(
                some.iter()
                    .map(|row| texts.number(row.message, &builder.messages)),
            );
            let texts = &mut self.resource_texts;
            self.resources.extend(
                some.iter()
                    .map(|row| texts.number(row.resource, &builder.resources)),
            );
            let texts = &mut self.scope_texts;
            self.scopes
                .extend(some.iter().map(|row| texts.number(row.scope, &builder.scopes)));
            let texts = &mut self.rest_texts;
            self.rests
                .extend(some.iter().map(|row| texts.number(row.rest, &builder.rests)));
            for alike in some.chunk_by(|one, other| one.shape == other.shape) {
                self.shaped(builder, alike);
            }
        }
    }

    /// The attributes of rows of one shape.
    fn shaped(&mut self, builder: &SpanBuilder, rows: &[Row]) {
        let Some(shape) = rows.first().map(|row| row.shape) else {
            return;
        };
        let slot = self.slots.shape(builder, shape);
        self.shapes.extend(rows.iter().map(|_| slot));
        for (place, column) in builder.shapes.list(shape).iter().enumerate() {
            let at = *column as usize;
            let (Some(into), Some(described)) = (self.cells.get_mut(at), builder.shapes.columns.get(at))
            else {
                continue;
            };
            let cell = |row: &Row| {
                let cell = builder.cells.get(row.cells as usize + place);
                cell.copied().unwrap_or_default()
            };
            let texts = matches!(described.kind, CellKind::Text | CellKind::Other);
            match self.cell_texts.get_mut(at) {
                Some(local) if texts => into.extend(
                    rows.iter()
                        .map(|row| u64::from(local.number(cell(row) as u32, &described.texts))),
                ),
                _ => into.extend(rows.iter().map(cell)),
            }
        }
    }

    fn write(&self, builder: &SpanBuilder, parts: &mut PartWriter<'_>) {
        use PartKind::Planes;
        parts.part(column::TRACE, Planes, 16, &self.traces, false);
        parts.indices(column::TRACE_ROWS, &self.trace_rows);
        parts.part(column::ID, Planes, 8, &self.ids, false);
        parts.indices(column::PARENT_ROW, &self.parent_rows);
        parts.part(column::PARENT, Planes, 8, &self.parents, false);
        parts.spread(column::START, &self.starts);
        parts.spread(column::DURATION, &self.durations);
        parts.indices(column::KIND, &self.kinds);
        parts.indices(column::STATUS, &self.statuses);
        parts.numbers(column::FLAGS, &self.flags);
        parts.indices(column::SHAPE, &self.shapes);
        let texts = [
            (column::NAME, &self.names, &self.name_texts.texts),
            (column::MESSAGE, &self.messages, &self.message_texts.texts),
            (column::RESOURCE, &self.resources, &self.resource_texts.texts),
            (column::SCOPE, &self.scopes, &self.scope_texts.texts),
            (column::REST, &self.rests, &self.rest_texts.texts),
        ];
        for (column, indices, dictionary) in texts {
            parts.indices(column, indices);
            parts.texts(column, dictionary);
        }
        for (slot, number) in (0u16..).zip(&self.slots.column_list) {
            let column = column::ATTRIBUTES + slot;
            let cells = self
                .cells
                .get(*number as usize)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let Some(described) = builder.shapes.columns.get(*number as usize) else {
                continue;
            };
            let texts = matches!(described.kind, CellKind::Text | CellKind::Other);
            if let Some(local) = self.cell_texts.get(*number as usize)
                && texts
            {
                parts.texts(column, &local.texts);
            }
            if parts.is_thorough() && self.follows(builder, *number, described.kind, cells, column, parts) {
                continue;
            }
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
                }
            }
        }
    }

    /// Writes a column as what it follows from, if it does.
    fn follows(
        &self,
        builder: &SpanBuilder,
        number: u32,
        kind: CellKind,
        cells: &[u64],
        column: u16,
        parts: &mut PartWriter<'_>,
    ) -> bool {
        use PartKind::{ByName, ByResource, Duration};
        let with: Vec<bool> = self
            .slots
            .shape_list
            .iter()
            .map(|s| builder.shapes.list(*s).contains(&number))
            .collect();
        let has = |shape: &u32| with.get(*shape as usize).copied().unwrap_or_default();
        let rows = || {
            self.shapes
                .iter()
                .enumerate()
                .filter(|(_, shape)| has(shape))
                .map(|(row, _)| row)
        };
        for (follows, of, texts) in [
            (ByName, &self.names, &self.name_texts.texts),
            (ByResource, &self.resources, &self.resource_texts.texts),
        ] {
            if let Some(found) = function(rows(), cells, of, texts.len()) {
                parts.follows(column, follows, &found);
                return true;
            }
        }
        if kind != CellKind::Int {
            return false;
        }
        let unit = UNITS.iter().position(|unit| {
            let duration = |row: usize| self.durations.get(row).copied().unwrap_or_default() / unit;
            rows().zip(cells).all(|(row, cell)| duration(row) == *cell as i64)
        });
        if let Some(unit) = unit {
            parts.part(column, Duration, unit as u8, &[1], false);
        }
        unit.is_some()
    }
}

/// By number of something else, the cell that all rows with this number have; none if they differ, or if it is no shorter.
fn function(
    rows: impl Iterator<Item = usize>,
    cells: &[u64],
    of: &[u32],
    numbers: usize,
) -> Option<Vec<u64>> {
    if cells.len() < numbers * 4 {
        return None;
    }
    let mut found: Vec<Option<u64>> = vec![None; numbers];
    for (row, cell) in rows.zip(cells) {
        let known = found.get_mut(*of.get(row)? as usize)?;
        if *known.get_or_insert(*cell) != *cell {
            return None;
        }
    }
    Some(found.into_iter().map(Option::unwrap_or_default).collect())
}
