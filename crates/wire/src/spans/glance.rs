//! Spans of a builder as their metrics need them: numbers of dictionaries, times, size. Nothing is decoded a span.

use event::{Resource, TraceId};

use super::build::{Row, SpanBuilder};
use super::model::origin;
use super::shape::CellKind;
use crate::otlp::stored_resource;

/// One span. Texts are numbers of its builder's dictionaries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Glance {
    /// Number of its trace: [`SpanBuilder::trace_id`].
    pub trace: u32,
    /// Number of its name: [`SpanBuilder::name`].
    pub name: u32,
    /// Number of its resource: [`SpanBuilder::resource`].
    pub resource: u32,
    /// Number of what was said of its status: [`SpanBuilder::status_message`].
    pub message: u32,
    /// Its id.
    pub id: u64,
    /// Its parent's; 0 = none.
    pub parent: u64,
    /// Start, Unix nanoseconds.
    pub start_ns: u64,
    /// End, Unix nanoseconds.
    pub end_ns: u64,
    /// Its length as it came, in bytes; 65,535 stands for that and more.
    pub bytes: u16,
    /// Code of its kind.
    pub kind: u8,
    /// Code of its status.
    pub status: u8,
    shape: u32,
    cells: u32,
}

impl Glance {
    /// How long it took; 0 if it ended before it began.
    #[inline]
    pub fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}

impl SpanBuilder {
    /// Its spans, as they came: what was sent twice is there twice.
    #[inline]
    pub fn glances(&self) -> impl Iterator<Item = Glance> {
        let glance = |row: &Row| Glance {
            trace: row.trace,
            name: row.name,
            resource: row.resource,
            message: row.message,
            id: row.id,
            parent: row.parent,
            start_ns: row.start,
            end_ns: row.end,
            bytes: row.bytes,
            kind: row.kind,
            status: row.status,
            shape: row.shape,
            cells: row.cells,
        };
        self.rows.iter().map(glance)
    }

    /// A trace, by number.
    pub fn trace_id(&self, number: u32) -> TraceId {
        TraceId(self.traces.get(number as usize).copied().unwrap_or_default())
    }

    /// A span's name, by number; UTF-8 unless the sender did not care.
    pub fn name(&self, number: u32) -> &[u8] {
        self.names.get(number).unwrap_or_default()
    }

    /// What was said of a status, by number.
    pub fn status_message(&self, number: u32) -> &[u8] {
        self.messages.get(number).unwrap_or_default()
    }

    /// A resource, by number, as bytes: equal bytes are equal resources.
    pub fn resource_bytes(&self, number: u32) -> &[u8] {
        self.resources.get(number).unwrap_or_default()
    }

    /// A resource, by number, decoded.
    pub fn resource(&self, number: u32) -> Resource {
        let (message, url) = origin(self.resource_bytes(number));
        stored_resource(message, url)
    }

    /// A text of an attribute's column, as [`Finder::find`] names it.
    pub fn attribute_text(&self, found: Found) -> &[u8] {
        let column = self.shapes.columns.get(found.column as usize);
        column
            .and_then(|column| column.texts.get(found.text))
            .unwrap_or_default()
    }
}

/// A text attribute of a span: its column in the builder, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// Column.
    pub column: u32,
    /// Number of the text.
    pub text: u32,
}

/// Finds, in spans of one builder, the first of some attributes that a span has as text. What was found out of a shape is
/// kept, so that a span costs two look-ups. Attributes of spans that have them in no column are not found.
#[derive(Debug, Default)]
pub struct Finder {
    /// By column: its place among the keys.
    ranks: Vec<Option<u32>>,
    /// By shape, once somebody asked: the cell and its column.
    shapes: Vec<Place>,
}

/// Where the spans of a shape have what is looked for.
#[derive(Clone, Copy, Debug)]
enum Place {
    NotAsked,
    Nowhere,
    At { offset: u32, column: u32 },
}

impl Finder {
    /// Prepares for the spans of a builder. `keys`: the one that counts most first.
    pub fn reset(&mut self, builder: &SpanBuilder, keys: &[&str]) {
        self.ranks.clear();
        self.ranks.extend(builder.shapes.columns.iter().map(|column| {
            let is = |key: &&str| column.kind == CellKind::Text && *column.key == *key.as_bytes();
            keys.iter().position(is).map(|rank| rank as u32)
        }));
        self.shapes.clear();
        self.shapes.resize(builder.shapes.lists.len(), Place::NotAsked);
    }

    /// The attribute of a span, if it has one.
    #[inline]
    pub fn find(&mut self, builder: &SpanBuilder, span: &Glance) -> Option<Found> {
        let known = self.shapes.get_mut(span.shape as usize)?;
        if matches!(known, Place::NotAsked) {
            *known = look(&self.ranks, builder.shapes.list(span.shape));
        }
        let Place::At { offset, column } = *known else {
            return None;
        };
        let cell = builder.cells.get((span.cells + offset) as usize)?;
        let text = *cell as u32;
        Some(Found { column, text })
    }
}

fn look(ranks: &[Option<u32>], list: &[u32]) -> Place {
    let ranked = (0u32..).zip(list).filter_map(|(offset, column)| {
        let rank = ranks.get(*column as usize).copied().flatten()?;
        Some((rank, offset, *column))
    });
    let best = ranked.min();
    best.map_or(Place::Nowhere, |(_, offset, column)| Place::At { offset, column })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::encode_traces;
    use crate::spans::Skim;
    use event::{KeyValue, Span, SpanId, SpanKind, Value};

    fn attribute(key: &str, value: &str) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Value::String(value.to_owned()),
        }
    }

    /// Scenario: spans of two shapes, one without the attributes asked for, one with both, the weaker first. Guarantee: the one that
    /// counts most is found; what a glance says is what was sent.
    #[test]
    fn what_was_sent_is_seen() {
        let span = |id: u64, attributes: Vec<KeyValue>| Span {
            trace: TraceId(7),
            id: SpanId(id),
            parent: SpanId(id - 1),
            name: format!("name {id}"),
            kind: SpanKind::Client,
            start_ns: 100,
            end_ns: 100 + id,
            attributes,
            ..Span::blank()
        };
        let both = vec![
            attribute("db.system", "postgresql"),
            attribute("x", "y"),
            attribute("db.name", "orders"),
        ];
        let spans = [span(1, vec![attribute("x", "orders")]), span(2, both)];
        let request = encode_traces(&spans);
        let mut builder = SpanBuilder::new(0);
        assert!(Skim::new(&request).fill(&mut builder, usize::MAX).unwrap());
        let mut finder = Finder::default();
        finder.reset(&builder, &["db.name", "db.system"]);
        let seen: Vec<Glance> = builder.glances().collect();
        for (span, seen) in spans.iter().zip(&seen) {
            assert_eq!((seen.id, seen.parent), (span.id.0, span.parent.0));
            assert_eq!((seen.kind, seen.duration_ns()), (3, span.id.0));
            assert_eq!(builder.name(seen.name), span.name.as_bytes());
            assert_eq!(builder.trace_id(seen.trace), span.trace);
        }
        assert_eq!(finder.find(&builder, &seen[0]), None);
        let found = finder.find(&builder, &seen[1]).unwrap();
        assert_eq!(builder.attribute_text(found), b"orders");
        assert!(seen[1].bytes > seen[0].bytes && (seen[1].bytes as usize) < request.len());
    }
}
