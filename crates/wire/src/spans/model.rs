//! Spans of a frame, one by one, with all that was sent of them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use event::{KeyValue, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TraceId, Value};

use super::parts::column;
use super::read::{SpanFrame, TraceRows};
use super::shape::CellKind;
use crate::columns::Texts;
use crate::frame::FrameError;
use crate::otlp::{stored_fields, stored_resource, stored_scope, stored_text, stored_value};

/// The dictionaries that spans need, read when they are first asked for.
#[derive(Debug)]
struct Dictionaries<'f, 'a> {
    frame: &'f SpanFrame<'a>,
    names: Texts<'f>,
    messages: Texts<'f>,
    resources: Texts<'f>,
    scopes: Texts<'f>,
    rests: Texts<'f>,
    attributes: HashMap<u16, Texts<'f>>,
    known_resources: HashMap<u32, Arc<Resource>>,
    known_scopes: HashMap<u32, Arc<Scope>>,
}

impl SpanFrame<'_> {
    /// The spans of one trace, by start; none if the trace is not in the frame.
    pub fn trace(&self, trace: TraceId) -> Result<Vec<Span>, FrameError> {
        let traces = self.traces()?;
        let Some(at) = traces.iter().position(|known| known.trace == trace) else {
            return Ok(Vec::new());
        };
        self.spans(&traces, at..at + 1)
    }

    /// The spans of adjacent traces of [`Self::traces`], in order.
    pub fn spans(&self, traces: &[TraceRows], some: Range<usize>) -> Result<Vec<Span>, FrameError> {
        let first = some.start as u32;
        let some = traces.get(some).unwrap_or_default();
        let decoded = self.decode(some, first)?;
        let mut texts = Dictionaries {
            frame: self,
            names: self.parts.texts(column::NAME)?,
            messages: self.parts.texts(column::MESSAGE)?,
            resources: self.parts.texts(column::RESOURCE)?,
            scopes: self.parts.texts(column::SCOPE)?,
            rests: self.parts.texts(column::REST)?,
            attributes: HashMap::new(),
            known_resources: HashMap::new(),
            known_scopes: HashMap::new(),
        };
        let mut spans = Vec::with_capacity(decoded.rows.len());
        for row in &decoded.rows {
            let list = self
                .shapes
                .get(row.shape as usize)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let from = row.cells as usize;
            let cells = decoded.cells.get(from..from + list.len()).unwrap_or_default();
            let mut attributes = Vec::with_capacity(list.len());
            for (column, cell) in list.iter().zip(cells) {
                attributes.push(texts.attribute(*column, *cell)?);
            }
            let trace = traces.get(row.trace as usize).map(|trace| trace.trace);
            let mut span = Span {
                trace: trace.unwrap_or_default(),
                id: SpanId(row.id),
                parent: SpanId(row.parent),
                flags: row.flags,
                name: stored_text(texts.names.get(row.name)),
                kind: SpanKind::try_from(row.kind).unwrap_or(SpanKind::Unspecified),
                start_ns: row.start,
                end_ns: row.end,
                status: StatusCode::try_from(row.status).unwrap_or(StatusCode::Unset),
                status_message: stored_text(texts.messages.get(row.message)),
                attributes,
                resource: texts.resource(row.resource),
                scope: texts.scope(row.scope),
                ..Span::blank()
            };
            let rest = texts.rests.get(row.rest);
            if !rest.is_empty() {
                stored_fields(rest, &mut span);
            }
            spans.push(span);
        }
        Ok(spans)
    }
}

impl Dictionaries<'_, '_> {
    fn attribute(&mut self, column: u16, cell: u64) -> Result<KeyValue, FrameError> {
        let Some(described) = self.frame.attributes.get(usize::from(column)).copied() else {
            return Ok(KeyValue::default());
        };
        let key = stored_text(described.key);
        let value = match described.kind {
            CellKind::Empty => Value::Empty,
            CellKind::Bool => Value::Bool(cell != 0),
            CellKind::Int => Value::Int(cell as i64),
            CellKind::Double => Value::Double(f64::from_bits(cell)),
            CellKind::Text => Value::String(stored_text(self.texts(column)?.get(cell as u32))),
            CellKind::Other => stored_value(self.texts(column)?.get(cell as u32)),
        };
        Ok(KeyValue { key, value })
    }

    fn texts(&mut self, column: u16) -> Result<&Texts<'_>, FrameError> {
        if !self.attributes.contains_key(&column) {
            let read = self
                .frame
                .parts
                .texts(column::ATTRIBUTES.saturating_add(column))?;
            self.attributes.insert(column, read);
        }
        Ok(self.attributes.entry(column).or_default())
    }

    fn resource(&mut self, number: u32) -> Arc<Resource> {
        let stored = &self.resources;
        let known = self.known_resources.entry(number).or_insert_with(|| {
            let (message, url) = origin(stored.get(number));
            Arc::new(stored_resource(message, url))
        });
        Arc::clone(known)
    }

    fn scope(&mut self, number: u32) -> Arc<Scope> {
        let stored = &self.scopes;
        let known = self.known_scopes.entry(number).or_insert_with(|| {
            let (message, url) = origin(stored.get(number));
            Arc::new(stored_scope(message, url))
        });
        Arc::clone(known)
    }
}

/// Message and URL of the schema of a resource or scope, as `SpanBuilder::origin` puts them.
pub(super) fn origin(stored: &[u8]) -> (&[u8], &[u8]) {
    let Some((len, rest)) = stored.split_first_chunk::<4>() else {
        return (&[], &[]);
    };
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
        .unwrap_or((rest, &[]))
}
