//! What attributes the spans of a frame have, by name and by value: read out of dictionaries and columns, no span is made. What
//! completes a query while it is typed.

use std::collections::HashSet;

use event::{KeyValue, Span, Value, value_of};

use super::model::origin;
use super::parts::column;
use super::read::SpanFrame;
use super::select::{Ask, Field, Wanted, has_attributes};
use super::shape::CellKind;
use crate::columns::Texts;
use crate::frame::FrameError;
use crate::otlp::{stored_fields, stored_resource, stored_scope, stored_text, stored_value};

/// Whose attribute it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The service's.
    Resource,
    /// The span's.
    Span,
    /// The library's.
    Scope,
    /// An event's.
    Event,
    /// A link's.
    Link,
}

impl SpanFrame<'_> {
    /// Calls for the name of each attribute that anything here has; for some more than once.
    pub fn attribute_names(&self, each: &mut dyn FnMut(Owner, &str)) -> Result<(), FrameError> {
        let mut all = |owner: Owner, attributes: &[KeyValue]| {
            for attribute in attributes {
                each(owner, &attribute.key);
            }
        };
        for resource in self.resources()? {
            all(Owner::Resource, &resource.attributes);
        }
        let scopes = self.parts.texts(column::SCOPE)?;
        for stored in used(&scopes, None) {
            let (message, url) = origin(stored);
            all(Owner::Scope, &stored_scope(message, url).attributes);
        }
        let rests = self.parts.texts(column::REST)?;
        for stored in used(&rests, None).filter(|stored| !stored.is_empty()) {
            let span = rest_of(stored);
            all(Owner::Span, &span.attributes);
            span.events
                .iter()
                .for_each(|event| all(Owner::Event, &event.attributes));
            span.links
                .iter()
                .for_each(|link| all(Owner::Link, &link.attributes));
        }
        for key in self.attribute_keys() {
            each(Owner::Span, &key);
        }
        Ok(())
    }

    /// Calls for each value that a field has in the spans that meet a question, each part of it in one span; for some more than
    /// once. Of names, messages of states, and attributes of spans and resources; of other fields none.
    pub fn values(
        &self,
        field: Field<'_>,
        wanted: Option<&Wanted<'_>>,
        each: &mut dyn FnMut(&Value),
    ) -> Result<(), FrameError> {
        let ask = Ask::of(self)?;
        let rows = wanted.map(|wanted| ask.rows(wanted)).transpose()?;
        let rows = rows.as_deref();
        if rows.is_some_and(|rows| !rows.contains(&true)) {
            return Ok(());
        }
        let text = |stored: &[u8]| Value::String(stored_text(stored));
        match field {
            Field::Name => self.entries(column::NAME, rows, &mut |stored| each(&text(stored))),
            Field::StatusMessage => self.entries(column::MESSAGE, rows, &mut |stored| each(&text(stored))),
            Field::Span(name) => self.of_spans(&ask, name, rows, each),
            Field::Resource(name) => self.of_resources(name, rows, each),
            Field::Either(name) => {
                self.of_spans(&ask, name, rows, each)?;
                self.of_resources(name, rows, each)
            }
            Field::Status | Field::Kind | Field::Duration => Ok(()),
        }
    }

    /// The entries of a dictionary that some rows name.
    fn entries(
        &self,
        column: u16,
        rows: Option<&[bool]>,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<(), FrameError> {
        let texts = self.parts.texts(column)?;
        let named = match rows {
            Some(rows) => {
                let numbers = self.parts.indices(column, 0..rows.len())?;
                Some(marked(numbers.iter().zip(rows), texts.len()))
            }
            None => None,
        };
        used(&texts, named.as_deref()).for_each(each);
        Ok(())
    }

    fn of_resources(
        &self,
        name: &str,
        rows: Option<&[bool]>,
        each: &mut dyn FnMut(&Value),
    ) -> Result<(), FrameError> {
        self.entries(column::RESOURCE, rows, &mut |stored| {
            let (message, url) = origin(stored);
            of_name(&stored_resource(message, url).attributes, name, each);
        })
    }

    fn of_spans(
        &self,
        ask: &Ask<'_, '_>,
        name: &str,
        rows: Option<&[bool]>,
        each: &mut dyn FnMut(&Value),
    ) -> Result<(), FrameError> {
        self.entries(column::REST, rows, &mut |stored| {
            if has_attributes(stored) {
                of_name(&rest_of(stored).attributes, name, each);
            }
        })?;
        for (number, attribute) in (0u16..).zip(&self.attributes) {
            if attribute.key != name.as_bytes() || attribute.kind == CellKind::Empty {
                continue;
            }
            let texts = self.parts.texts(column::ATTRIBUTES.saturating_add(number))?;
            let wholly = rows.is_none() && matches!(attribute.kind, CellKind::Text | CellKind::Other);
            let cells: HashSet<u64> = if wholly {
                (0..texts.len().max(1) as u64).collect()
            } else {
                let wanted = |row: usize| rows.is_none_or(|rows| rows.get(row) == Some(&true));
                let cells = ask.cells(number, attribute.kind)?.into_iter();
                cells
                    .filter_map(|(row, cell)| wanted(row).then_some(cell))
                    .collect()
            };
            for cell in cells {
                match attribute.kind {
                    CellKind::Empty => {}
                    CellKind::Text => each(&Value::String(stored_text(texts.get(cell as u32)))),
                    CellKind::Bool => each(&Value::Bool(cell != 0)),
                    CellKind::Int => each(&Value::Int(cell as i64)),
                    CellKind::Double => each(&Value::Double(f64::from_bits(cell))),
                    CellKind::Other => each(&stored_value(texts.get(cell as u32))),
                }
            }
        }
        Ok(())
    }
}

/// Which entries the rows that are wanted name.
fn marked<'n>(rows: impl Iterator<Item = (&'n u32, &'n bool)>, entries: usize) -> Vec<bool> {
    let mut marked = vec![false; entries.max(1)];
    for (number, wanted) in rows {
        if *wanted && let Some(marked) = marked.get_mut(*number as usize) {
            *marked = true;
        }
    }
    marked
}

/// The entries of a dictionary, of all or of those that are named; one without any has the empty one.
fn used<'t>(texts: &'t Texts<'_>, named: Option<&'t [bool]>) -> impl Iterator<Item = &'t [u8]> {
    let named = move |number: &u32| named.is_none_or(|named| named.get(*number as usize) == Some(&true));
    (0..texts.len().max(1) as u32)
        .filter(named)
        .map(|number| texts.get(number))
}

/// The first attribute of a name: what a query sees of several.
fn of_name(attributes: &[KeyValue], name: &str, each: &mut dyn FnMut(&Value)) {
    if let Some(value) = value_of(attributes, name) {
        each(value);
    }
}

/// The fields that have no column, in a span that has nothing else.
fn rest_of(stored: &[u8]) -> Span {
    let mut span = Span::blank();
    stored_fields(stored, &mut span);
    span
}
