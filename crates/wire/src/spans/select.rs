//! Which traces of a frame can answer a question, by its columns: dictionaries are asked once an entry, not once a span, and
//! what nobody asks for is not decompressed. May find too much (that is for whoever reads the spans to see), never too little.

use std::cell::OnceCell;

use event::{Resource, Value};

use super::model::origin;
use super::parts::column;
use super::read::SpanFrame;
use super::shape::CellKind;
use crate::columns::Texts;
use crate::frame::FrameError;
use crate::otlp::proto::Reader;
use crate::otlp::schema::span;
use crate::otlp::stored_resource;

/// A place in a span where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field<'q> {
    /// Its name.
    Name,
    /// What was said of its status.
    StatusMessage,
    /// The code of its status.
    Status,
    /// The code of its kind.
    Kind,
    /// Nanoseconds.
    Duration,
    /// An attribute of the span.
    Span(&'q str),
    /// An attribute of its resource.
    Resource(&'q str),
    /// An attribute of either.
    Either(&'q str),
}

/// A value in a column.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// Text; UTF-8 unless the sender did not care.
    Text(&'a [u8]),
    /// Whole number; code; nanoseconds.
    Int(i64),
    /// Double.
    Double(f64),
    /// Truth.
    Bool(bool),
    /// Something else, or not looked at.
    Other,
}

/// What traces must have: each part in some span, not all in the same one, but for [`Wanted::Same`].
pub enum Wanted<'q> {
    /// All of these.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
    /// All that is in it in one span.
    Same(Box<Self>),
    /// A value that the test accepts. [`Cell::Other`] must be accepted if the value could be.
    Has(Field<'q>, &'q (dyn Fn(Cell<'_>) -> bool + Sync)),
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All(parts) => f.debug_tuple("All").field(parts).finish(),
            Self::Any(parts) => f.debug_tuple("Any").field(parts).finish(),
            Self::Same(part) => f.debug_tuple("Same").field(part).finish(),
            Self::Has(field, _) => f.debug_tuple("Has").field(field).finish(),
        }
    }
}

impl SpanFrame<'_> {
    /// By trace, in the order of [`Self::traces`]: could it be wanted?
    pub fn select(&self, wanted: &Wanted<'_>) -> Result<Vec<bool>, FrameError> {
        Ask::of(self)?.wanted(wanted)
    }

    /// Of each trace, in the order of [`Self::traces`], when its first span here began, Unix nanoseconds.
    pub fn starts(&self) -> Result<Vec<u64>, FrameError> {
        let deltas = self.parts.spread(column::START, 0..self.rows() as usize)?;
        let mut start = 0u64;
        let mut starts = Vec::new();
        for trace in self.traces()? {
            let delta = deltas.get(trace.rows.start as usize).copied().unwrap_or_default();
            start = start.wrapping_add(delta as u64);
            starts.push(start);
        }
        Ok(starts)
    }

    /// Its resources.
    pub fn resources(&self) -> Result<Vec<Resource>, FrameError> {
        let stored = self.parts.texts(column::RESOURCE)?;
        let read = all(&stored).map(|stored| {
            let (message, url) = origin(stored);
            stored_resource(message, url)
        });
        Ok(read.collect())
    }

    /// Keys of the attributes of its spans that have columns.
    pub fn attribute_keys(&self) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
        self.attributes
            .iter()
            .map(|attribute| String::from_utf8_lossy(attribute.key))
    }
}

/// All texts; a dictionary without any has the empty one.
pub(super) fn all<'t>(texts: &'t Texts<'_>) -> impl Iterator<Item = &'t [u8]> {
    (0..texts.len().max(1) as u32).map(|number| texts.get(number))
}

pub(super) fn has_attributes(rest: &[u8]) -> bool {
    let mut fields = Reader::new(rest);
    while let Ok(Some(field)) = fields.key() {
        if field == span::ATTRIBUTES {
            return true;
        }
        if fields.skip(field).is_err() {
            break;
        }
    }
    false
}

/// A frame that is asked.
pub(super) struct Ask<'f, 'a> {
    frame: &'f SpanFrame<'a>,
    traces: usize,
    trace_of: Vec<u32>,
    shapes: Vec<u32>,
    names: OnceCell<Vec<u32>>,
    resources: OnceCell<Vec<u32>>,
    durations: OnceCell<Vec<i64>>,
}

type Test<'t> = dyn Fn(Cell<'_>) -> bool + 't;

impl<'f, 'a> Ask<'f, 'a> {
    pub(super) fn of(frame: &'f SpanFrame<'a>) -> Result<Self, FrameError> {
        let traces = frame.traces()?;
        let rows = frame.rows() as usize;
        let mut trace_of = Vec::with_capacity(rows);
        for (number, trace) in (0u32..).zip(&traces) {
            trace_of.resize(trace.rows.end as usize, number);
        }
        Ok(Self {
            frame,
            traces: traces.len(),
            trace_of,
            shapes: frame.parts.indices(column::SHAPE, 0..rows)?,
            names: OnceCell::new(),
            resources: OnceCell::new(),
            durations: OnceCell::new(),
        })
    }

    /// By row: number of its name.
    pub(super) fn names(&self) -> Result<&[u32], FrameError> {
        let rows = 0..self.trace_of.len();
        once(&self.names, || self.frame.parts.indices(column::NAME, rows))
    }

    /// By row: number of its resource.
    pub(super) fn resources(&self) -> Result<&[u32], FrameError> {
        let rows = 0..self.trace_of.len();
        once(&self.resources, || {
            self.frame.parts.indices(column::RESOURCE, rows)
        })
    }

    /// By row, nanoseconds.
    fn durations(&self) -> Result<&[i64], FrameError> {
        let rows = 0..self.trace_of.len();
        once(&self.durations, || {
            self.frame.parts.spread(column::DURATION, rows)
        })
    }

    /// By trace. Recurses as deep as the question is nested; whoever makes questions bounds that.
    fn wanted(&self, wanted: &Wanted<'_>) -> Result<Vec<bool>, FrameError> {
        match wanted {
            Wanted::All(parts) => combined(parts, true, self.traces, |part| self.wanted(part)),
            Wanted::Any(parts) => combined(parts, false, self.traces, |part| self.wanted(part)),
            Wanted::Same(part) => Ok(self.by_trace(&self.rows(part)?)),
            Wanted::Has(..) => Ok(self.by_trace(&self.rows(wanted)?)),
        }
    }

    /// By row: each part in this one.
    pub(super) fn rows(&self, wanted: &Wanted<'_>) -> Result<Vec<bool>, FrameError> {
        let rows = self.trace_of.len();
        match wanted {
            Wanted::All(parts) => combined(parts, true, rows, |part| self.rows(part)),
            Wanted::Any(parts) => combined(parts, false, rows, |part| self.rows(part)),
            Wanted::Same(part) => self.rows(part),
            Wanted::Has(field, test) => self.has(*field, *test),
        }
    }

    fn by_trace(&self, rows: &[bool]) -> Vec<bool> {
        let mut found = vec![false; self.traces];
        for (trace, hit) in self.trace_of.iter().zip(rows) {
            if *hit && let Some(found) = found.get_mut(*trace as usize) {
                *found = true;
            }
        }
        found
    }

    fn has(&self, field: Field<'_>, test: &Test<'_>) -> Result<Vec<bool>, FrameError> {
        let rows = 0..self.trace_of.len();
        let mut found = vec![false; rows.len()];
        match field {
            Field::Name => self.by_text(column::NAME, test, &mut found)?,
            Field::StatusMessage => self.by_text(column::MESSAGE, test, &mut found)?,
            Field::Status => self.by_code(column::STATUS, test, &mut found)?,
            Field::Kind => self.by_code(column::KIND, test, &mut found)?,
            Field::Duration => {
                let durations = self.frame.parts.spread(column::DURATION, rows)?;
                mark(
                    durations.into_iter().map(|d| test(Cell::Int(d.max(0)))),
                    &mut found,
                );
            }
            Field::Span(name) => self.by_attribute(name, test, &mut found)?,
            Field::Resource(name) => self.by_resource(name, test, &mut found)?,
            Field::Either(name) => {
                self.by_attribute(name, test, &mut found)?;
                self.by_resource(name, test, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Rows by the entry of a dictionary that they name.
    fn by_entry(&self, column: u16, hits: &[bool], found: &mut [bool]) -> Result<(), FrameError> {
        if !hits.contains(&true) {
            return Ok(());
        }
        let numbers = self.frame.parts.indices(column, 0..self.trace_of.len())?;
        let hit = |number: u32| hits.get(number as usize).copied().unwrap_or_default();
        mark(numbers.into_iter().map(hit), found);
        Ok(())
    }

    fn by_text(&self, column: u16, test: &Test<'_>, found: &mut [bool]) -> Result<(), FrameError> {
        let hits = hits(&self.frame.parts.texts(column)?, test);
        self.by_entry(column, &hits, found)
    }

    fn by_code(&self, column: u16, test: &Test<'_>, found: &mut [bool]) -> Result<(), FrameError> {
        let hits: Vec<bool> = (0..=8).map(|code| test(Cell::Int(code))).collect();
        self.by_entry(column, &hits, found)
    }

    fn by_resource(&self, name: &str, test: &Test<'_>, found: &mut [bool]) -> Result<(), FrameError> {
        let resources = self.frame.resources()?;
        let hit = |resource: &Resource| {
            let mut of_name = resource
                .attributes
                .iter()
                .filter(|attribute| attribute.key == name);
            of_name.any(|attribute| test(cell(&attribute.value)))
        };
        let hits: Vec<bool> = resources.iter().map(hit).collect();
        self.by_entry(column::RESOURCE, &hits, found)
    }

    fn by_attribute(&self, name: &str, test: &Test<'_>, found: &mut [bool]) -> Result<(), FrameError> {
        let rests = self.frame.parts.texts(column::REST)?;
        let hits: Vec<bool> = all(&rests).map(has_attributes).collect();
        self.by_entry(column::REST, &hits, found)?;
        for (number, attribute) in (0u16..).zip(&self.frame.attributes) {
            if attribute.key == name.as_bytes() {
                self.by_column(number, attribute.kind, test, found)?;
            }
        }
        Ok(())
    }

    fn by_column(
        &self,
        number: u16,
        kind: CellKind,
        test: &Test<'_>,
        found: &mut [bool],
    ) -> Result<(), FrameError> {
        let column = column::ATTRIBUTES.saturating_add(number);
        let texts = match kind {
            CellKind::Text => hits(&self.frame.parts.texts(column)?, test),
            CellKind::Empty | CellKind::Bool | CellKind::Int | CellKind::Double | CellKind::Other => {
                Vec::new()
            }
        };
        if kind == CellKind::Text && !texts.contains(&true) {
            return Ok(());
        }
        let hit = |cell: u64| match kind {
            CellKind::Text => texts.get(cell as usize).copied().unwrap_or_default(),
            CellKind::Bool => test(Cell::Bool(cell != 0)),
            CellKind::Int => test(Cell::Int(cell as i64)),
            CellKind::Double => test(Cell::Double(f64::from_bits(cell))),
            CellKind::Empty | CellKind::Other => test(Cell::Other),
        };
        for (row, cell) in self.cells(number, kind)? {
            if hit(cell)
                && let Some(found) = found.get_mut(row)
            {
                *found = true;
            }
        }
        Ok(())
    }

    /// The rows that have an attribute column, by place, each with its cell.
    pub(super) fn cells(&self, number: u16, kind: CellKind) -> Result<Vec<(usize, u64)>, FrameError> {
        let shapes = self.frame.shapes.iter();
        let with: Vec<bool> = shapes.map(|list| list.contains(&number)).collect();
        let has = |shape: &u32| with.get(*shape as usize).copied().unwrap_or_default();
        let rows = self.shapes.iter().enumerate();
        let rows = rows.filter(|(_, shape)| has(shape)).map(|(row, _)| row);
        let column = column::ATTRIBUTES.saturating_add(number);
        let Some(follows) = self.frame.follows(column)? else {
            let rows: Vec<usize> = rows.collect();
            let cells = self.frame.cells(column, kind, 0..rows.len())?;
            return Ok(rows.into_iter().zip(cells).collect());
        };
        let (names, resources, durations) = (self.names()?, self.resources()?, self.durations()?);
        let cell = |row: usize| {
            let number = |of: &[u32]| of.get(row).copied().unwrap_or_default();
            let duration = durations.get(row).copied().unwrap_or_default();
            follows.cell(number(names), number(resources), duration)
        };
        Ok(rows.map(|row| (row, cell(row))).collect())
    }
}

/// What is read once, when it is asked for first.
fn once<T>(
    cell: &OnceCell<Vec<T>>,
    read: impl FnOnce() -> Result<Vec<T>, FrameError>,
) -> Result<&[T], FrameError> {
    if let Some(known) = cell.get() {
        return Ok(known);
    }
    let read = read()?;
    Ok(cell.get_or_init(|| read))
}

/// All parts, or any: one after the other, until nothing can change.
fn combined(
    parts: &[Wanted<'_>],
    every: bool,
    len: usize,
    ask: impl Fn(&Wanted<'_>) -> Result<Vec<bool>, FrameError>,
) -> Result<Vec<bool>, FrameError> {
    let mut sum = vec![every; len];
    for part in parts {
        for (sum, found) in sum.iter_mut().zip(ask(part)?) {
            *sum = if every { *sum && found } else { *sum || found };
        }
        // All are out, or all are in.
        if !sum.contains(&every) {
            break;
        }
    }
    Ok(sum)
}

fn mark(rows: impl Iterator<Item = bool>, found: &mut [bool]) {
    for (found, hit) in found.iter_mut().zip(rows) {
        *found |= hit;
    }
}

/// Which entries of a dictionary pass.
fn hits(texts: &Texts<'_>, test: &Test<'_>) -> Vec<bool> {
    all(texts).map(|text| test(Cell::Text(text))).collect()
}

fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::String(text) => Cell::Text(text.as_bytes()),
        Value::Bool(truth) => Cell::Bool(*truth),
        Value::Int(number) => Cell::Int(*number),
        Value::Double(number) => Cell::Double(*number),
        Value::Empty | Value::Array(_) | Value::Map(_) | Value::Bytes(_) => Cell::Other,
    }
}
