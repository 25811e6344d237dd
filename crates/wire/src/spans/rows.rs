//! Rows of a span frame, decoded; and whole frames taken into a builder, texts by number and not one by one.

use std::ops::Range;

use super::build::{Row, SpanBuilder};
use super::encode::{PARENT_ELSEWHERE, PARENT_HERE};
use super::intern::Interner;
use super::parts::column;
use super::read::{SpanFrame, Texts, TraceRows};
use super::shape::CellKind;
use crate::bytes::unzigzag;
use crate::frame::FrameError;

/// Decoded rows. Texts are numbers of the frame's dictionaries, `Row::trace` is the index of the trace, `Row::cells` the
/// index of the row's first cell.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) cells: Vec<u64>,
}

impl SpanFrame<'_> {
    /// The rows of some adjacent traces, which are `traces`, the first being the frame's `first`th.
    pub(super) fn decode(&self, traces: &[TraceRows], first: u32) -> Result<Rows, FrameError> {
        let range = match (traces.first(), traces.last()) {
            (Some(first), Some(last)) => first.rows.start as usize..last.rows.end as usize,
            _ => 0..0,
        };
        let mut rows = vec![Row::default(); range.len()];
        fill(&mut rows, self.wide(column::ID, range.clone())?, |row, v| row.id = v);
        let of = |column| self.indices(column, range.clone());
        fill(&mut rows, of(column::KIND)?, |row, v| row.kind = v as u8);
        fill(&mut rows, of(column::STATUS)?, |row, v| row.status = v as u8);
        fill(&mut rows, of(column::NAME)?, |row, v| row.name = v);
        fill(&mut rows, of(column::MESSAGE)?, |row, v| row.message = v);
        fill(&mut rows, of(column::RESOURCE)?, |row, v| row.resource = v);
        fill(&mut rows, of(column::SCOPE)?, |row, v| row.scope = v);
        fill(&mut rows, of(column::REST)?, |row, v| row.rest = v);
        fill(&mut rows, self.numbers(column::FLAGS, range.clone())?, |row, v| row.flags = v as u32);
        self.decode_times(traces, &mut rows, &range)?;
        self.decode_parents(traces, &mut rows, &range, first)?;
        let cells = self.decode_cells(&mut rows, &range)?;
        Ok(Rows { rows, cells })
    }

    fn decode_times(
        &self,
        traces: &[TraceRows],
        rows: &mut [Row],
        range: &Range<usize>,
    ) -> Result<(), FrameError> {
        // A trace's first start is told from that of the trace before, a chain over the whole frame.
        let starts = self.spread(column::START, 0..range.end)?;
        let durations = self.spread(column::DURATION, range.clone())?;
        let mut first_start = 0u64;
        if range.start > 0 {
            for before in self.traces()? {
                if before.rows.start as usize >= range.start {
                    break;
                }
                let delta = starts.get(before.rows.start as usize).copied().unwrap_or_default();
                first_start = first_start.wrapping_add(unzigzag(delta) as u64);
            }
        }
        let mut each = rows.iter_mut().zip(starts.into_iter().skip(range.start).zip(durations));
        for trace in traces {
            let mut start = first_start;
            for at in trace.rows.clone() {
                let Some((row, (delta, duration))) = each.next() else {
                    return Ok(());
                };
                start = start.wrapping_add(unzigzag(delta) as u64);
                row.start = start;
                row.end = start.wrapping_add(unzigzag(duration) as u64);
                if at == trace.rows.start {
                    first_start = start;
                }
            }
        }
        Ok(())
    }

    fn decode_parents(
        &self,
        traces: &[TraceRows],
        rows: &mut [Row],
        range: &Range<usize>,
        first: u32,
    ) -> Result<(), FrameError> {
        let parent_rows = self.indices(column::PARENT_ROW, 0..range.end)?;
        let elsewhere = |rows: &[u32]| rows.iter().filter(|row| **row == PARENT_ELSEWHERE).count();
        let before = elsewhere(parent_rows.get(..range.start).unwrap_or_default());
        let here = parent_rows.get(range.clone()).unwrap_or_default();
        let parents = self.wide(column::PARENT, before..before + elsewhere(here))?;
        let mut parents = parents.into_iter();
        let mut next = 0usize;
        for (number, trace) in (first..).zip(traces) {
            let len = trace.rows.len();
            let Some(of_trace) = rows.get_mut(next..next + len) else {
                return Ok(());
            };
            let codes = here.get(next..next + len).unwrap_or_default();
            next += len;
            for (at, code) in codes.iter().enumerate() {
                let parent = match *code {
                    PARENT_ELSEWHERE => parents.next(),
                    code => {
                        let parent = code.checked_sub(PARENT_HERE);
                        parent.and_then(|row| of_trace.get(row as usize)).map(|row| row.id)
                    }
                };
                if let Some(row) = of_trace.get_mut(at) {
                    row.trace = number;
                    row.parent = parent.unwrap_or_default();
                }
            }
        }
        Ok(())
    }

    fn decode_cells(&self, rows: &mut [Row], range: &Range<usize>) -> Result<Vec<u64>, FrameError> {
        let shapes = self.indices(column::SHAPE, 0..range.end)?;
        let (before, here) = shapes.split_at_checked(range.start).unwrap_or((&[], &shapes));
        let skipped = self.uses(before);
        let used = self.uses(here);
        let mut columns = Vec::with_capacity(self.attributes.len());
        for (number, attribute) in (0u16..).zip(&self.attributes) {
            let from = skipped.get(usize::from(number)).copied().unwrap_or_default();
            let count = used.get(usize::from(number)).copied().unwrap_or_default();
            let column = column::ATTRIBUTES.saturating_add(number);
            let cells = if count == 0 {
                Vec::new()
            } else {
                self.cells(column, attribute.kind, from..from + count)?
            };
            columns.push(cells.into_iter());
        }
        let mut cells = Vec::new();
        for (row, shape) in rows.iter_mut().zip(here) {
            row.shape = *shape;
            row.cells = cells.len() as u32;
            let list = self.shapes.get(*shape as usize).map(Vec::as_slice).unwrap_or_default();
            for column in list {
                let cell = columns.get_mut(usize::from(*column)).and_then(Iterator::next);
                cells.push(cell.unwrap_or_default());
            }
        }
        Ok(cells)
    }

    fn cells(&self, column: u16, kind: CellKind, cells: Range<usize>) -> Result<Vec<u64>, FrameError> {
        match kind {
            CellKind::Empty => Ok(vec![0; cells.len()]),
            CellKind::Int | CellKind::Double => self.numbers(column, cells),
            CellKind::Bool | CellKind::Text | CellKind::Other => {
                Ok(self.indices(column, cells)?.into_iter().map(u64::from).collect())
            }
        }
    }

    /// How often each attribute column comes in rows of these shapes.
    fn uses(&self, shapes: &[u32]) -> Vec<usize> {
        let mut counts = vec![0usize; self.shapes.len()];
        for shape in shapes {
            if let Some(count) = counts.get_mut(*shape as usize) {
                *count += 1;
            }
        }
        let mut uses = vec![0usize; self.attributes.len()];
        for (list, count) in self.shapes.iter().zip(counts) {
            for column in list {
                if let Some(uses) = uses.get_mut(usize::from(*column)) {
                    *uses += count;
                }
            }
        }
        uses
    }
}

fn fill<T>(rows: &mut [Row], values: Vec<T>, mut set: impl FnMut(&mut Row, T)) {
    for (row, value) in rows.iter_mut().zip(values) {
        set(row, value);
    }
}

impl SpanBuilder {
    /// Takes all spans of a frame. After an error the builder has none of them.
    pub fn append(&mut self, frame: &SpanFrame<'_>) -> Result<(), FrameError> {
        let traces = frame.traces()?;
        let decoded = frame.decode(&traces, 0)?;
        let names = remap(&mut self.names, &frame.texts(column::NAME)?);
        let messages = remap(&mut self.messages, &frame.texts(column::MESSAGE)?);
        let resources = remap(&mut self.resources, &frame.texts(column::RESOURCE)?);
        let scopes = remap(&mut self.scopes, &frame.texts(column::SCOPE)?);
        let rests = remap(&mut self.rests, &frame.texts(column::REST)?);
        let (shapes, lists) = self.adopt(frame)?;
        let trace_numbers: Vec<u32> = traces.iter().map(|trace| self.trace(trace.trace.0)).collect();
        let at = |map: &[u32], number: u32| map.get(number as usize).copied().unwrap_or_default();
        self.cells.reserve(decoded.cells.len());
        self.rows.reserve(decoded.rows.len());
        for row in &decoded.rows {
            let first = self.cells.len() as u32;
            if let Some(list) = lists.get(row.shape as usize) {
                let from = row.cells as usize;
                let cells = decoded.cells.get(from..from + list.len()).unwrap_or_default();
                self.cells.extend(list.iter().zip(cells).map(|(texts, cell)| match texts {
                    Some(texts) => u64::from(at(texts, *cell as u32)),
                    None => *cell,
                }));
            }
            self.rows.push(Row {
                trace: at(&trace_numbers, row.trace),
                name: at(&names, row.name),
                message: at(&messages, row.message),
                resource: at(&resources, row.resource),
                scope: at(&scopes, row.scope),
                rest: at(&rests, row.rest),
                shape: at(&shapes, row.shape),
                cells: first,
                ..*row
            });
        }
        Ok(())
    }

    /// The frame's shapes and the texts of their columns in this builder's numbers: per shape its number, and per column
    /// of it the texts' numbers, if it has texts.
    #[expect(clippy::type_complexity, reason = "two lists by shape")]
    fn adopt(&mut self, frame: &SpanFrame<'_>) -> Result<(Vec<u32>, Vec<Vec<Option<std::rc::Rc<[u32]>>>>), FrameError> {
        let mut maps: Vec<Option<std::rc::Rc<[u32]>>> = vec![None; frame.attributes.len()];
        let mut numbers = Vec::with_capacity(frame.shapes.len());
        let mut lists = Vec::with_capacity(frame.shapes.len());
        for shape in &frame.shapes {
            self.shapes.begin();
            let mut list = Vec::with_capacity(shape.len());
            for column in shape {
                let Some(attribute) = frame.attributes.get(usize::from(*column)) else {
                    continue;
                };
                let Some(own) = self.shapes.column(attribute.key, attribute.kind) else {
                    return Err(FrameError::Disagree {
                        what: "a column twice in a shape",
                        found: (*column).into(),
                        expected: 0,
                    });
                };
                let texts = matches!(attribute.kind, CellKind::Text | CellKind::Other);
                let map = maps.get_mut(usize::from(*column));
                if let Some(map @ None) = map
                    && texts
                {
                    let dictionary = frame.texts(column::ATTRIBUTES.saturating_add(*column))?;
                    *map = Some(remap(&mut own.texts, &dictionary).into());
                }
                list.push(maps.get(usize::from(*column)).cloned().flatten());
            }
            numbers.push(self.shapes.end());
            lists.push(list);
        }
        Ok((numbers, lists))
    }
}

/// The numbers of a frame's texts in a builder's dictionary. A frame without texts has empty ones alone.
fn remap(own: &mut Interner, texts: &Texts<'_>) -> Vec<u32> {
    if texts.is_empty() {
        return vec![own.intern(&[]).0];
    }
    (0..texts.len() as u32).map(|number| own.intern(texts.get(number)).0).collect()
}
