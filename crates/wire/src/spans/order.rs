//! The order of a frame: rows by shard, trace and start, what is there twice once.

use std::ops::Range;

use event::{Shard, TraceId};

use super::build::{Row, SpanBuilder};

/// Rows by shard, trace and start.
#[derive(Debug)]
pub(super) struct Order {
    /// By (shard, trace): also where its rows end.
    pub(super) traces: Vec<(Shard, TraceId, u32)>,
    rows: Vec<Row>,
}

impl Order {
    pub(super) fn new(builder: &SpanBuilder, shard_of: impl Fn(TraceId) -> Shard) -> Self {
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
        let (mut keys, mut sorted) = (Vec::new(), Vec::new());
        for (_, _, end) in &mut self.traces {
            let last = *end as usize;
            if let Some(rows) = self.rows.get_mut(first..last) {
                sort(rows, &mut keys, &mut sorted);
            }
            let from = kept;
            for at in first..last {
                let Some(row) = self.rows.get(at) else {
                    break;
                };
                let before = self.rows.get(from..kept).unwrap_or_default().iter().rev();
                let mut alike = before.take_while(|known| known.start == row.start && known.id == row.id);
                if alike.any(|known| builder.same(known, row)) {
                    continue;
                }
                if at != kept {
                    let row = *row;
                    if let Some(place) = self.rows.get_mut(kept) {
                        *place = row;
                    }
                }
                kept += 1;
            }
            first = last;
            *end = kept as u32;
        }
        self.rows.truncate(kept);
    }

    /// The rows of adjacent traces.
    pub(super) fn rows(&self, some: Range<usize>) -> &[Row] {
        let end = |traces: usize| {
            let last = traces.checked_sub(1).and_then(|last| self.traces.get(last));
            last.map_or(0, |(_, _, end)| *end as usize)
        };
        self.rows.get(end(some.start)..end(some.end)).unwrap_or_default()
    }

    pub(super) fn traces(&self, some: Range<usize>) -> impl Iterator<Item = (Shard, TraceId, &[Row])> {
        let before = some
            .start
            .checked_sub(1)
            .and_then(|before| self.traces.get(before));
        let mut first = before.map_or(0, |(_, _, end)| *end as usize);
        self.traces
            .get(some)
            .unwrap_or_default()
            .iter()
            .map(move |(shard, trace, end)| {
                let rows = self.rows.get(first..*end as usize).unwrap_or_default();
                first = *end as usize;
                (*shard, *trace, rows)
            })
    }
}

/// Sorts rows by start and id, in the order they came if these are equal; each is moved once, since a row is large.
fn sort(rows: &mut [Row], keys: &mut Vec<(u64, u64, u32)>, sorted: &mut Vec<Row>) {
    if rows.is_sorted_by_key(|row| (row.start, row.id)) {
        return;
    }
    keys.clear();
    keys.extend((0u32..).zip(&*rows).map(|(at, row)| (row.start, row.id, at)));
    keys.sort_unstable();
    sorted.clear();
    sorted.extend(
        keys.iter()
            .filter_map(|(_, _, at)| rows.get(*at as usize).copied()),
    );
    rows.copy_from_slice(sorted);
}

impl SpanBuilder {
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
}
