//! Rows of a span frame, decoded; and whole frames taken into a builder, texts by number and not one by one.

use std::ops::Range;

use event::{SpanId, TraceId};

use super::build::{Row, SpanBuilder};
use super::encode::{PARENT_ELSEWHERE, PARENT_HERE};
use super::parts::column;
use super::read::{Attribute, Follows, SpanFrame, TraceRows};
use super::shape::CellKind;
use crate::columns::{Interner, Texts};
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
        // Each row is written once, from all columns: a pass a column over rows of 72 bytes costs more than it does.
        let of = |column| Ok::<_, FrameError>(self.parts.indices(column, range.clone())?.into_iter());
        let (mut kinds, mut statuses, mut names) =
            (of(column::KIND)?, of(column::STATUS)?, of(column::NAME)?);
        let (mut messages, mut resources) = (of(column::MESSAGE)?, of(column::RESOURCE)?);
        let (mut scopes, mut rests) = (of(column::SCOPE)?, of(column::REST)?);
        let mut flags = self.parts.numbers(column::FLAGS, range.clone())?.into_iter();
        let ids = self.parts.wide(column::ID, range.clone())?;
        let row = |id: u64| Row {
            id,
            kind: kinds.next().unwrap_or_default() as u8,
            status: statuses.next().unwrap_or_default() as u8,
            name: names.next().unwrap_or_default(),
            message: messages.next().unwrap_or_default(),
            resource: resources.next().unwrap_or_default(),
            scope: scopes.next().unwrap_or_default(),
            rest: rests.next().unwrap_or_default(),
            flags: flags.next().unwrap_or_default() as u32,
            ..Row::default()
        };
        let mut rows: Vec<Row> = ids.into_iter().map(row).collect();
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
        let starts = self.parts.spread(column::START, 0..range.end)?;
        let durations = self.parts.spread(column::DURATION, range.clone())?;
        let mut first_start = 0u64;
        if range.start > 0 {
            for before in self.traces()? {
                if before.rows.start as usize >= range.start {
                    break;
                }
                let delta = starts
                    .get(before.rows.start as usize)
                    .copied()
                    .unwrap_or_default();
                first_start = first_start.wrapping_add(delta as u64);
            }
        }
        let mut each = rows
            .iter_mut()
            .zip(starts.into_iter().skip(range.start).zip(durations));
        for trace in traces {
            let mut start = first_start;
            for at in trace.rows.clone() {
                let Some((row, (delta, duration))) = each.next() else {
                    return Ok(());
                };
                start = start.wrapping_add(delta as u64);
                row.start = start;
                row.end = start.wrapping_add(duration as u64);
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
        let parent_rows = self.parts.indices(column::PARENT_ROW, 0..range.end)?;
        let elsewhere = |rows: &[u32]| rows.iter().filter(|row| **row == PARENT_ELSEWHERE).count();
        let before = elsewhere(parent_rows.get(..range.start).unwrap_or_default());
        let here = parent_rows.get(range.clone()).unwrap_or_default();
        let parents = self
            .parts
            .wide(column::PARENT, before..before + elsewhere(here))?;
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
                        parent
                            .and_then(|row| of_trace.get(row as usize))
                            .map(|row| row.id)
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
        let shapes = self.parts.indices(column::SHAPE, 0..range.end)?;
        let (before, here) = shapes.split_at_checked(range.start).unwrap_or((&[], &shapes));
        let skipped = self.uses(before);
        let used = self.uses(here);
        let mut columns = Vec::with_capacity(self.attributes.len());
        for (number, attribute) in (0u16..).zip(&self.attributes) {
            let from = skipped.get(usize::from(number)).copied().unwrap_or_default();
            let count = used.get(usize::from(number)).copied().unwrap_or_default();
            let column = column::ATTRIBUTES.saturating_add(number);
            columns.push(match self.follows(column)? {
                _ if count == 0 => Source::Cells(Vec::new().into_iter()),
                Some(follows) => Source::Follows(follows),
                None => Source::Cells(
                    self.cells(column, attribute.kind, from..from + count)?
                        .into_iter(),
                ),
            });
        }
        let mut cells = Vec::with_capacity(used.iter().sum());
        for (row, shape) in rows.iter_mut().zip(here) {
            row.shape = *shape;
            row.cells = cells.len() as u32;
            let list = self
                .shapes
                .get(*shape as usize)
                .map(Vec::as_slice)
                .unwrap_or_default();
            for column in list {
                let cell = match columns.get_mut(usize::from(*column)) {
                    Some(Source::Cells(cells)) => cells.next().unwrap_or_default(),
                    Some(Source::Follows(follows)) => {
                        let duration = row.end.wrapping_sub(row.start) as i64;
                        follows.cell(row.name, row.resource, duration)
                    }
                    None => 0,
                };
                cells.push(cell);
            }
        }
        Ok(cells)
    }

    pub(super) fn cells(
        &self,
        column: u16,
        kind: CellKind,
        cells: Range<usize>,
    ) -> Result<Vec<u64>, FrameError> {
        match kind {
            CellKind::Empty => Ok(vec![0; cells.len()]),
            CellKind::Int | CellKind::Double => self.parts.numbers(column, cells),
            CellKind::Bool | CellKind::Text | CellKind::Other => Ok(self
                .parts
                .indices(column, cells)?
                .into_iter()
                .map(u64::from)
                .collect()),
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

/// Where the cells of a column come from.
enum Source {
    Cells(std::vec::IntoIter<u64>),
    Follows(Follows),
}

/// A frame wholly decoded, to be taken into builders trace by trace: what sealing does.
#[derive(Debug)]
pub struct Decoded<'a> {
    traces: Vec<TraceRows>,
    rows: Rows,
    shapes: Vec<Vec<u16>>,
    attributes: Vec<Attribute<'a>>,
    /// Of attributes; empty of those without texts.
    texts: Vec<Texts<'a>>,
    names: Texts<'a>,
    messages: Texts<'a>,
    resources: Texts<'a>,
    scopes: Texts<'a>,
    rests: Texts<'a>,
}

impl SpanFrame<'_> {
    /// All of it.
    pub fn decoded(&self) -> Result<Decoded<'_>, FrameError> {
        let traces = self.traces()?;
        let rows = self.decode(&traces, 0)?;
        let texts = (0u16..)
            .zip(&self.attributes)
            .map(|(number, attribute)| match attribute.kind {
                CellKind::Text | CellKind::Other => {
                    self.parts.texts(column::ATTRIBUTES.saturating_add(number))
                }
                CellKind::Empty | CellKind::Bool | CellKind::Int | CellKind::Double => Ok(Texts::default()),
            });
        Ok(Decoded {
            rows,
            traces,
            shapes: self.shapes.clone(),
            attributes: self.attributes.clone(),
            texts: texts.collect::<Result<_, _>>()?,
            names: self.parts.texts(column::NAME)?,
            messages: self.parts.texts(column::MESSAGE)?,
            resources: self.parts.texts(column::RESOURCE)?,
            scopes: self.parts.texts(column::SCOPE)?,
            rests: self.parts.texts(column::REST)?,
        })
    }
}

impl Decoded<'_> {
    /// Its traces, in the order of its rows.
    pub fn traces(&self) -> &[TraceRows] {
        &self.traces
    }
}

impl SpanBuilder {
    /// Takes all spans of a frame. After an error the builder has none of them.
    pub fn append(&mut self, frame: &SpanFrame<'_>) -> Result<(), FrameError> {
        self.take(&frame.decoded()?, |_| true);
        Ok(())
    }

    /// Takes the spans of some traces of a frame.
    pub fn take(&mut self, frame: &Decoded<'_>, wanted: impl FnMut(TraceId) -> bool) {
        self.take_some(frame, wanted, |_| true);
    }

    /// Takes some spans of some traces of a frame, by their ids.
    pub fn take_some(
        &mut self,
        frame: &Decoded<'_>,
        mut wanted: impl FnMut(TraceId) -> bool,
        mut wanted_span: impl FnMut(SpanId) -> bool,
    ) {
        let mut maps = Maps::new(frame, self);
        for trace in &frame.traces {
            if !wanted(trace.trace) {
                continue;
            }
            let range = trace.rows.start as usize..trace.rows.end as usize;
            let number = self.trace(trace.trace.0);
            for row in frame.rows.rows.get(range).unwrap_or_default() {
                if wanted_span(SpanId(row.id)) {
                    self.take_row(frame, &mut maps, row, number);
                }
            }
        }
    }

    #[inline]
    fn take_row(&mut self, frame: &Decoded<'_>, maps: &mut Maps, row: &Row, trace: u32) {
        let first = self.cells.len() as u32;
        let shape = self.adopt(frame, maps, row.shape);
        if let Some(list) = maps.lists.get(row.shape as usize) {
            let from = row.cells as usize;
            let cells = frame.rows.cells.get(from..from + list.len()).unwrap_or_default();
            self.cells.extend(cells.iter().zip(list).map(|(cell, map)| {
                match map.and_then(|map| maps.texts.get(usize::from(map))) {
                    Some(map) => u64::from(map.number(*cell as u32)),
                    None => *cell,
                }
            }));
        }
        self.rows.push(Row {
            trace,
            name: maps.names.number(row.name),
            message: maps.messages.number(row.message),
            resource: maps.resources.number(row.resource),
            scope: maps.scopes.number(row.scope),
            rest: maps.rests.number(row.rest),
            shape,
            cells: first,
            ..*row
        });
    }

    /// A shape of the frame in this builder's numbers.
    #[inline]
    fn adopt(&mut self, frame: &Decoded<'_>, maps: &mut Maps, shape: u32) -> u32 {
        match maps.shapes.get(shape as usize) {
            Some(Some(own)) => *own,
            _ => self.adopt_new(frame, maps, shape),
        }
    }

    #[cold]
    fn adopt_new(&mut self, frame: &Decoded<'_>, maps: &mut Maps, shape: u32) -> u32 {
        self.shapes.begin();
        let list = frame
            .shapes
            .get(shape as usize)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut of_cells = Vec::with_capacity(list.len());
        for column in list {
            if let Some(attribute) = frame.attributes.get(usize::from(*column))
                && let Some(own) = self.shapes.column_number(attribute.key, attribute.kind)
            {
                let texts = matches!(attribute.kind, CellKind::Text | CellKind::Other);
                of_cells.push(texts.then_some(*column));
                maps.adopt(*column, own, frame, self);
            }
        }
        let own = self.shapes.end();
        if let Some(entry) = maps.shapes.get_mut(shape as usize) {
            *entry = Some(own);
        }
        if let Some(entry) = maps.lists.get_mut(shape as usize) {
            *entry = of_cells;
        }
        own
    }
}

/// A frame's numbers in a builder's. All of a dictionary are found at once: a frame has no text that none of its spans has.
struct Maps {
    shapes: Vec<Option<u32>>,
    /// Per shape, for each of its cells, whose texts it is a number of.
    lists: Vec<Vec<Option<u16>>>,
    /// Of attributes; those of columns without texts, and of columns that no shape had yet, are empty.
    texts: Vec<Map>,
    names: Map,
    messages: Map,
    resources: Map,
    scopes: Map,
    rests: Map,
}

impl Maps {
    fn new(frame: &Decoded<'_>, builder: &mut SpanBuilder) -> Self {
        Self {
            shapes: vec![None; frame.shapes.len()],
            lists: vec![Vec::new(); frame.shapes.len()],
            texts: frame.texts.iter().map(|_| Map::default()).collect(),
            names: Map::new(&frame.names, &mut builder.names),
            messages: Map::new(&frame.messages, &mut builder.messages),
            resources: Map::new(&frame.resources, &mut builder.resources),
            scopes: Map::new(&frame.scopes, &mut builder.scopes),
            rests: Map::new(&frame.rests, &mut builder.rests),
        }
    }

    /// Finds the texts of a column in the builder's.
    fn adopt(&mut self, column: u16, own: u32, frame: &Decoded<'_>, builder: &mut SpanBuilder) {
        let at = usize::from(column);
        if let Some(map) = self.texts.get_mut(at)
            && map.numbers.is_empty()
            && let Some(texts) = frame.texts.get(at)
            && let Some(own) = builder.shapes.columns.get_mut(own as usize)
        {
            *map = Map::new(texts, &mut own.texts);
        }
    }
}

/// Numbers of a dictionary in another one.
#[derive(Default)]
struct Map {
    numbers: Vec<u32>,
    /// That of the empty text, which is what numbers beyond the dictionary stand for.
    beyond: u32,
}

impl Map {
    fn new(texts: &Texts<'_>, own: &mut Interner) -> Self {
        let beyond = own.intern(&[]).0;
        let numbers = (0..texts.len() as u32).map(|number| own.intern(texts.get(number)).0);
        Self {
            numbers: numbers.collect(),
            beyond,
        }
    }

    #[inline]
    fn number(&self, number: u32) -> u32 {
        self.numbers.get(number as usize).copied().unwrap_or(self.beyond)
    }
}
