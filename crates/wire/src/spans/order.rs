//! The order of a frame: rows by shard, trace and start, what is there twice once.

use std::ops::Range;

use event::{Shard, TraceId};

use super::build::{Row, SpanBuilder};

/// Rows by shard, trace and start. Keeps its memory from builder to builder.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// By (shard, trace): also where its rows end.
    pub(super) traces: Vec<(Shard, TraceId, u32)>,
    /// Numbers of the builder's rows.
    rows: Vec<u32>,
    counts: Vec<u32>,
    sorted: Vec<(Shard, TraceId, u32, u32)>,
    /// Of the rows of one trace: start, id, number.
    keys: Vec<(u64, u64, u32)>,
}

impl Order {
    /// The order of this builder's rows.
    pub(super) fn of(mut self, builder: &SpanBuilder, shard_of: impl Fn(TraceId) -> Shard) -> Self {
        let counts = &mut self.counts;
        counts.clear();
        counts.resize(builder.traces.len(), 0);
        for row in &builder.rows {
            if let Some(count) = counts.get_mut(row.trace as usize) {
                *count += 1;
            }
        }
        let named = (0u32..).zip(builder.traces.iter().zip(&*counts));
        self.sorted.clear();
        self.sorted.extend(
            named
                .filter(|(_, (_, count))| **count > 0)
                .map(|(number, (trace, count))| (shard_of(TraceId(*trace)), TraceId(*trace), number, *count)),
        );
        self.sorted.sort_unstable();
        let mut next = 0;
        self.traces.clear();
        for (shard, trace, number, count) in &self.sorted {
            // From here on: where the trace's next row goes.
            if let Some(at) = counts.get_mut(*number as usize) {
                *at = next;
            }
            next += count;
            self.traces.push((*shard, *trace, next));
        }
        self.rows.clear();
        self.rows.resize(builder.rows.len(), 0);
        for (number, row) in (0u32..).zip(&builder.rows) {
            if let Some(at) = counts.get_mut(row.trace as usize) {
                if let Some(place) = self.rows.get_mut(*at as usize) {
                    *place = number;
                }
                *at += 1;
            }
        }
        self.sort_and_drop_repeats(builder);
        self
    }

    /// Rows of a trace by start and id, in the order they came if these are equal. A row that is the same in all is there once: a
    /// sender that got no answer sends again.
    fn sort_and_drop_repeats(&mut self, builder: &SpanBuilder) {
        let row = |number: u32| builder.rows.get(number as usize);
        let keys = &mut self.keys;
        let (mut first, mut kept) = (0usize, 0usize);
        for (_, _, end) in &mut self.traces {
            let last = *end as usize;
            keys.clear();
            let of_trace = self.rows.get(first..last).unwrap_or_default();
            keys.extend(
                of_trace
                    .iter()
                    .filter_map(|at| row(*at).map(|row| (row.start, row.id, *at))),
            );
            if !keys.is_sorted() {
                keys.sort_unstable();
            }
            let mut before: &[(u64, u64, u32)] = &[];
            for (at, (start, id, number)) in keys.iter().enumerate() {
                let mut alike = before
                    .iter()
                    .rev()
                    .take_while(|known| (known.0, known.1) == (*start, *id));
                let same = |known: &(u64, u64, u32)| match (row(known.2), row(*number)) {
                    (Some(known), Some(row)) => builder.same(known, row),
                    _ => false,
                };
                let repeated = alike.any(same);
                before = keys.get(..=at).unwrap_or_default();
                if repeated {
                    continue;
                }
                if let Some(place) = self.rows.get_mut(kept) {
                    *place = *number;
                }
                kept += 1;
            }
            first = last;
            *end = kept as u32;
        }
        self.rows.truncate(kept);
    }

    /// Where the rows of adjacent traces are among all rows.
    fn range(&self, some: &Range<usize>) -> Range<usize> {
        let end = |traces: usize| {
            let last = traces.checked_sub(1).and_then(|last| self.traces.get(last));
            last.map_or(0, |(_, _, end)| *end as usize)
        };
        end(some.start)..end(some.end)
    }

    /// The rows of adjacent traces.
    pub(super) fn rows<'o>(
        &'o self,
        builder: &'o SpanBuilder,
        some: &Range<usize>,
    ) -> impl Iterator<Item = Row> + 'o {
        let numbers = self.rows.get(self.range(some)).unwrap_or_default();
        numbers
            .iter()
            .filter_map(|number| builder.rows.get(*number as usize).copied())
    }

    /// Adjacent traces, each with the number of its rows.
    pub(super) fn traces(&self, some: Range<usize>) -> impl Iterator<Item = (Shard, TraceId, usize)> {
        let mut first = self.range(&some).start;
        let some = self.traces.get(some).unwrap_or_default();
        some.iter().map(move |(shard, trace, end)| {
            let rows = *end as usize - first;
            first = *end as usize;
            (*shard, *trace, rows)
        })
    }
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
