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
        let mut rows = vec![Row::default(); range.len()];
        fill(
            &mut rows,
            self.parts.wide(column::ID, range.clone())?,
            |row, v| {
                row.id = v;
            },
        );
        let of = |column| self.parts.indices(column, range.clone());
        fill(&mut rows, of(column::KIND)?, |row, v| row.kind = v as u8);
        fill(&mut rows, of(column::STATUS)?, |row, v| row.status = v as u8);
        fill(&mut rows, of(column::NAME)?, |row, v| row.name = v);
        fill(&mut rows, of(column::MESSAGE)?, |row, v| row.message = v);
        fill(&mut rows, of(column::RESOURCE)?, |row, v| row.resource = v);
        fill(&mut rows, of(column::SCOPE)?, |row, v| row.scope = v);
        fill(&mut rows, of(column::REST)?, |row, v| row.rest = v);
        fill(
            &mut rows,
            self.parts.numbers(column::FLAGS, range.clone())?,
            |row, v| row.flags = v as u32,
        );
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
        let mut cells = Vec::new();
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

fn fill<T>(rows: &mut [Row], values: Vec<T>, mut set: impl FnMut(&mut Row, T)) {
    for (row, value) in rows.iter_mut().zip(values) {
        set(row, value);
    }
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
        let mut maps = Maps::new(frame);
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

    fn take_row(&mut self, frame: &Decoded<'_>, maps: &mut Maps, row: &Row, trace: u32) {
        let first = self.cells.len() as u32;
        let shape = self.adopt(frame, maps, row.shape);
        if let Some(own) = maps.lists.get(row.shape as usize)
            && let Some(list) = frame.shapes.get(row.shape as usize)
        {
            let from = row.cells as usize;
            let cells = frame.rows.cells.get(from..from + list.len()).unwrap_or_default();
            for ((column, own), cell) in list.iter().zip(own).zip(cells) {
                let at = usize::from(*column);
                let cell = match (
                    frame.attributes.get(at),
                    frame.texts.get(at),
                    maps.texts.get_mut(at),
                ) {
                    (Some(attribute), Some(texts), Some(map))
                        if matches!(attribute.kind, CellKind::Text | CellKind::Other) =>
                    {
                        let own = self.shapes.columns.get_mut(*own as usize).map(|c| &mut c.texts);
                        own.map_or(0, |own| u64::from(map.number(*cell as u32, texts, own)))
                    }
                    _ => *cell,
                };
                self.cells.push(cell);
            }
        }
        self.rows.push(Row {
            trace,
            name: maps.names.number(row.name, &frame.names, &mut self.names),
            message: maps
                .messages
                .number(row.message, &frame.messages, &mut self.messages),
            resource: maps
                .resources
                .number(row.resource, &frame.resources, &mut self.resources),
            scope: maps.scopes.number(row.scope, &frame.scopes, &mut self.scopes),
            rest: maps.rests.number(row.rest, &frame.rests, &mut self.rests),
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
        let mut own_list = Vec::with_capacity(list.len());
        for column in list {
            if let Some(attribute) = frame.attributes.get(usize::from(*column))
                && let Some(own) = self.shapes.column_number(attribute.key, attribute.kind)
            {
                own_list.push(own);
            }
        }
        let own = self.shapes.end();
        if let Some(entry) = maps.shapes.get_mut(shape as usize) {
            *entry = Some(own);
        }
        if let Some(entry) = maps.lists.get_mut(shape as usize) {
            *entry = own_list;
        }
        own
    }
}

/// A frame's numbers in a builder's, found when they are first needed.
struct Maps {
    shapes: Vec<Option<u32>>,
    /// Per shape its columns in the builder.
    lists: Vec<Vec<u32>>,
    texts: Vec<Map>,
    names: Map,
    messages: Map,
    resources: Map,
    scopes: Map,
    rests: Map,
}

impl Maps {
    fn new(frame: &Decoded<'_>) -> Self {
        Self {
            shapes: vec![None; frame.shapes.len()],
            lists: vec![Vec::new(); frame.shapes.len()],
            texts: frame.texts.iter().map(Map::new).collect(),
            names: Map::new(&frame.names),
            messages: Map::new(&frame.messages),
            resources: Map::new(&frame.resources),
            scopes: Map::new(&frame.scopes),
            rests: Map::new(&frame.rests),
        }
    }
}

/// Numbers of a dictionary in another one.
struct Map(Vec<u32>);

impl Map {
    const UNKNOWN: u32 = u32::MAX;

    /// A dictionary without texts stands for one that has the empty text alone.
    fn new(texts: &Texts<'_>) -> Self {
        Self(vec![Self::UNKNOWN; texts.len().max(1)])
    }

    #[inline]
    fn number(&mut self, number: u32, texts: &Texts<'_>, own: &mut Interner) -> u32 {
        match self.0.get_mut(number as usize) {
            Some(known) if *known != Self::UNKNOWN => *known,
            Some(unknown) => {
                *unknown = own.intern(texts.get(number)).0;
                *unknown
            }
            // Beyond the dictionary: the empty text.
            None => own.intern(&[]).0,
        }
    }
}
