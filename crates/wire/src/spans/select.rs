//! Which traces of a frame can answer a question, by its columns: dictionaries are asked once an entry, not once a span, and
//! what nobody asks for is not decompressed. May find too much (that is for whoever reads the spans to see), never too little.

use event::{Resource, Value};
use xxhash_rust::xxh3::xxh3_64_with_seed;

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

/// What traces must have: each part in some span, not all in the same one.
pub enum Wanted<'q> {
    /// All of these.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
    /// A value that the test accepts. [`Cell::Other`] must be accepted if the value could be.
    Has(Field<'q>, &'q (dyn Fn(Cell<'_>) -> bool + Sync)),
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All(parts) => f.debug_tuple("All").field(parts).finish(),
            Self::Any(parts) => f.debug_tuple("Any").field(parts).finish(),
            Self::Has(field, _) => f.debug_tuple("Has").field(field).finish(),
        }
    }
}

/// A text in a place, as a number for an index: equal ones are equal, different ones nearly always differ.
pub fn term(field: Field<'_>, text: &[u8]) -> u64 {
    let (kind, name) = match field {
        Field::Name => (1, ""),
        Field::StatusMessage => (2, ""),
        Field::Span(name) => (3, name),
        Field::Resource(name) => (4, name),
        Field::Status | Field::Kind | Field::Duration | Field::Either(_) => (0, ""),
    };
    xxh3_64_with_seed(text, xxh3_64_with_seed(name.as_bytes(), kind))
}

impl SpanFrame<'_> {
    /// By trace, in the order of [`Self::traces`]: could it be wanted?
    pub fn select(&self, wanted: &Wanted<'_>) -> Result<Vec<bool>, FrameError> {
        let traces = self.traces()?;
        let mut trace_of = Vec::with_capacity(self.rows() as usize);
        for (number, trace) in (0u32..).zip(&traces) {
            trace_of.resize(trace.rows.end as usize, number);
        }
        let rows = self.rows() as usize;
        let ask = Ask {
            frame: self,
            traces: traces.len(),
            trace_of,
            shapes: self.parts.indices(column::SHAPE, 0..rows)?,
        };
        ask.wanted(wanted)
    }

    /// The terms ([`term`]) of all texts: names, attributes of spans and resources. Columns of which `too_many` says that they
    /// have too many different texts for their rows are left out, and named in the second list by key.
    pub fn terms(&self, too_many: impl Fn(usize) -> bool) -> Result<(Vec<u64>, Vec<String>), FrameError> {
        let mut terms = Vec::new();
        let mut left_out = Vec::new();
        let names = self.parts.texts(column::NAME)?;
        terms.extend(all(&names).map(|text| term(Field::Name, text)));
        for (number, attribute) in (0u16..).zip(&self.attributes) {
            if attribute.kind != CellKind::Text {
                continue;
            }
            let key = String::from_utf8_lossy(attribute.key);
            let texts = self.parts.texts(column::ATTRIBUTES.saturating_add(number))?;
            if too_many(texts.len()) {
                left_out.push(key.into_owned());
            } else {
                terms.extend(all(&texts).map(|text| term(Field::Span(&key), text)));
            }
        }
        for resource in self.resources()? {
            for attribute in &resource.attributes {
                if let Value::String(text) = &attribute.value {
                    terms.push(term(Field::Resource(&attribute.key), text.as_bytes()));
                }
            }
        }
        terms.sort_unstable();
        terms.dedup();
        Ok((terms, left_out))
    }

    /// Does a span have attributes that are in no column?
    pub fn has_other_attributes(&self) -> Result<bool, FrameError> {
        let rests = self.parts.texts(column::REST)?;
        Ok(all(&rests).any(has_attributes))
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
fn all<'t>(texts: &'t Texts<'_>) -> impl Iterator<Item = &'t [u8]> {
    (0..texts.len().max(1) as u32).map(|number| texts.get(number))
}

fn has_attributes(rest: &[u8]) -> bool {
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

struct Ask<'f, 'a> {
    frame: &'f SpanFrame<'a>,
    traces: usize,
    trace_of: Vec<u32>,
    shapes: Vec<u32>,
}

impl Ask<'_, '_> {
    fn wanted(&self, wanted: &Wanted<'_>) -> Result<Vec<bool>, FrameError> {
        match wanted {
            Wanted::All(parts) => self.combined(parts, true),
            Wanted::Any(parts) => self.combined(parts, false),
            Wanted::Has(field, test) => self.has(*field, *test),
        }
    }

    /// Recurses as deep as the question is nested; whoever makes questions bounds that.
    fn combined(&self, parts: &[Wanted<'_>], every: bool) -> Result<Vec<bool>, FrameError> {
        let mut sum = vec![every; self.traces];
        for part in parts {
            for (sum, found) in sum.iter_mut().zip(self.wanted(part)?) {
                *sum = if every { *sum && found } else { *sum || found };
            }
        }
        Ok(sum)
    }

    fn has(&self, field: Field<'_>, test: &dyn Fn(Cell<'_>) -> bool) -> Result<Vec<bool>, FrameError> {
        let mut found = vec![false; self.traces];
        let rows = 0..self.trace_of.len();
        match field {
            Field::Name => self.by_text(column::NAME, test, &mut found)?,
            Field::StatusMessage => self.by_text(column::MESSAGE, test, &mut found)?,
            Field::Status => self.by_code(column::STATUS, test, &mut found)?,
            Field::Kind => self.by_code(column::KIND, test, &mut found)?,
            Field::Duration => {
                let durations = self.frame.parts.spread(column::DURATION, rows)?;
                self.mark(
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

    fn mark(&self, rows: impl Iterator<Item = bool>, found: &mut [bool]) {
        for (trace, hit) in self.trace_of.iter().zip(rows) {
            if hit && let Some(found) = found.get_mut(*trace as usize) {
                *found = true;
            }
        }
    }

    /// Rows by the entry of a dictionary that they name.
    fn by_entry(&self, column: u16, hits: &[bool], found: &mut [bool]) -> Result<(), FrameError> {
        if !hits.contains(&true) {
            return Ok(());
        }
        let numbers = self.frame.parts.indices(column, 0..self.trace_of.len())?;
        let hit = |number: u32| hits.get(number as usize).copied().unwrap_or_default();
        self.mark(numbers.into_iter().map(hit), found);
        Ok(())
    }

    fn by_text(
        &self,
        column: u16,
        test: &dyn Fn(Cell<'_>) -> bool,
        found: &mut [bool],
    ) -> Result<(), FrameError> {
        let hits = hits(&self.frame.parts.texts(column)?, test);
        self.by_entry(column, &hits, found)
    }

    fn by_code(
        &self,
        column: u16,
        test: &dyn Fn(Cell<'_>) -> bool,
        found: &mut [bool],
    ) -> Result<(), FrameError> {
        let hits: Vec<bool> = (0..=8).map(|code| test(Cell::Int(code))).collect();
        self.by_entry(column, &hits, found)
    }

    fn by_resource(
        &self,
        name: &str,
        test: &dyn Fn(Cell<'_>) -> bool,
        found: &mut [bool],
    ) -> Result<(), FrameError> {
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

    fn by_attribute(
        &self,
        name: &str,
        test: &dyn Fn(Cell<'_>) -> bool,
        found: &mut [bool],
    ) -> Result<(), FrameError> {
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
        test: &dyn Fn(Cell<'_>) -> bool,
        found: &mut [bool],
    ) -> Result<(), FrameError> {
        let shapes = self.frame.shapes.iter();
        let with: Vec<bool> = shapes.map(|list| list.contains(&number)).collect();
        let has = |shape: &u32| with.get(*shape as usize).copied().unwrap_or_default();
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
        let hits: Vec<bool> = self.cells(column, kind, &has)?.into_iter().map(hit).collect();
        let mut hits = hits.into_iter();
        let by_row = self
            .shapes
            .iter()
            .map(|shape| has(shape) && hits.next() == Some(true));
        self.mark(by_row, found);
        Ok(())
    }
}

impl Ask<'_, '_> {
    /// The cells of a column, of the rows that have it.
    fn cells(&self, column: u16, kind: CellKind, has: &dyn Fn(&u32) -> bool) -> Result<Vec<u64>, FrameError> {
        let rows = 0..self.trace_of.len();
        let Some(follows) = self.frame.follows(column)? else {
            let count = self.shapes.iter().filter(|shape| has(shape)).count();
            return self.frame.cells(column, kind, 0..count);
        };
        let names = self.frame.parts.indices(column::NAME, rows.clone())?;
        let resources = self.frame.parts.indices(column::RESOURCE, rows.clone())?;
        let durations = self.frame.parts.spread(column::DURATION, rows)?;
        let spans = self
            .shapes
            .iter()
            .zip(names.iter().zip(&resources).zip(&durations));
        let with = spans.filter(|(shape, _)| has(shape));
        Ok(with
            .map(|(_, ((name, resource), duration))| follows.cell(*name, *resource, *duration))
            .collect())
    }
}

/// Which entries of a dictionary pass.
fn hits(texts: &Texts<'_>, test: &dyn Fn(Cell<'_>) -> bool) -> Vec<bool> {
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
