//! The model to protobuf: `TracesData` and `LogsData`, the same bytes as the requests that carry them.
//!
//! Records are grouped by resource, then scope, in the order in which each comes first; equal ones are one group, also when
//! they are not the same object.

use std::collections::HashMap;
use std::sync::Arc;

use event::{KeyValue, LogRecord, Resource, Scope, Span, SpanEvent, SpanId, SpanLink, TraceId, Value};

use super::decode::DEPTH_MAX;
use super::proto::Writer;
use super::schema::{
    any_value, array, event as span_event, key_value, link as span_link, log_record as log, map, resource,
    resource_spans, scope, scope_spans, span as field, status, traces,
};

/// Writes `TracesData`.
pub fn encode_traces<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<u8> {
    encode(spans, |span| (&span.resource, &span.scope), span)
}

/// Writes `LogsData`.
pub fn encode_logs<'a>(records: impl IntoIterator<Item = &'a LogRecord>) -> Vec<u8> {
    encode(records, |record| (&record.resource, &record.scope), log_record)
}

/// The records of a resource, by scope: places in a list of groups.
struct Group<'a, T> {
    resource: &'a Resource,
    scopes: Vec<(&'a Scope, Vec<&'a T>)>,
}

/// Traces and logs differ in their records only: all field numbers above them are the same.
fn encode<'a, T: 'a>(
    records: impl IntoIterator<Item = &'a T>,
    origin: fn(&T) -> (&Arc<Resource>, &Arc<Scope>),
    write: fn(&mut Writer, &T),
) -> Vec<u8> {
    let mut groups: Vec<Group<'a, T>> = Vec::new();
    let mut places = Places::default();
    for record in records {
        let (resource, scope) = origin(record);
        let (at, new) = places.resource(resource);
        if new {
            groups.push(Group {
                resource,
                scopes: Vec::new(),
            });
        }
        let Some(group) = groups.get_mut(at) else { continue };
        let at = places.scope(at, scope, group.scopes.len());
        match group.scopes.get_mut(at) {
            Some((_, records)) => records.push(record),
            None => group.scopes.push((scope, vec![record])),
        }
    }
    let mut w = Writer::new();
    for group in &groups {
        w.message(traces::RESOURCE_SPANS, |w| {
            w.message(resource_spans::RESOURCE, |w| resource_fields(w, group.resource));
            for (scope, records) in &group.scopes {
                w.message(resource_spans::SCOPE_SPANS, |w| {
                    w.message(scope_spans::SCOPE, |w| scope_fields(w, scope));
                    for record in records {
                        w.message(scope_spans::SPANS, |w| write(w, record));
                    }
                    w.bytes(scope_spans::SCHEMA_URL, scope.schema_url.as_bytes());
                });
            }
            w.bytes(resource_spans::SCHEMA_URL, group.resource.schema_url.as_bytes());
        });
    }
    w.into_bytes()
}

/// Where resources and scopes were placed: by address, and by content for those that were not seen at this address.
#[derive(Default)]
struct Places {
    resources: HashMap<*const Resource, usize>,
    resource_contents: HashMap<Vec<u8>, usize>,
    scopes: HashMap<(usize, *const Scope), usize>,
    scope_contents: HashMap<(usize, Vec<u8>), usize>,
    scratch: Writer,
}

impl Places {
    /// The place of a resource, and whether it is new.
    fn resource(&mut self, resource: &Arc<Resource>) -> (usize, bool) {
        if let Some(&at) = self.resources.get(&Arc::as_ptr(resource)) {
            return (at, false);
        }
        self.scratch.clear();
        resource_fields(&mut self.scratch, resource);
        self.scratch
            .bytes(resource_spans::SCHEMA_URL, resource.schema_url.as_bytes());
        let next = self.resource_contents.len();
        let at = *self
            .resource_contents
            .entry(self.scratch.as_bytes().to_vec())
            .or_insert(next);
        self.resources.insert(Arc::as_ptr(resource), at);
        (at, at == next)
    }

    /// The place of a scope in that of its resource, which has `len` of them; `len` itself if it is new.
    fn scope(&mut self, resource: usize, scope: &Arc<Scope>, len: usize) -> usize {
        if let Some(&at) = self.scopes.get(&(resource, Arc::as_ptr(scope))) {
            return at;
        }
        self.scratch.clear();
        scope_fields(&mut self.scratch, scope);
        self.scratch
            .bytes(resource_spans::SCHEMA_URL, scope.schema_url.as_bytes());
        let content = (resource, self.scratch.as_bytes().to_vec());
        let at = *self.scope_contents.entry(content).or_insert(len);
        self.scopes.insert((resource, Arc::as_ptr(scope)), at);
        at
    }
}

fn resource_fields(w: &mut Writer, r: &Resource) {
    attributes(w, resource::ATTRIBUTES, &r.attributes);
    w.varint(resource::DROPPED_ATTRIBUTES, r.dropped_attributes.into());
}

fn scope_fields(w: &mut Writer, s: &Scope) {
    w.bytes(scope::NAME, s.name.as_bytes());
    w.bytes(scope::VERSION, s.version.as_bytes());
    attributes(w, scope::ATTRIBUTES, &s.attributes);
    w.varint(scope::DROPPED_ATTRIBUTES, s.dropped_attributes.into());
}

fn trace_id(w: &mut Writer, key: u32, id: TraceId) {
    if id.0 != 0 {
        w.bytes(key, &id.0.to_be_bytes());
    }
}

fn span_id(w: &mut Writer, key: u32, id: SpanId) {
    if id.0 != 0 {
        w.bytes(key, &id.0.to_be_bytes());
    }
}

fn span(w: &mut Writer, s: &Span) {
    trace_id(w, field::TRACE_ID, s.trace);
    span_id(w, field::SPAN_ID, s.id);
    w.bytes(field::TRACE_STATE, s.trace_state.as_bytes());
    span_id(w, field::PARENT_SPAN_ID, s.parent);
    w.bytes(field::NAME, s.name.as_bytes());
    w.varint(field::KIND, s.kind.code().into());
    w.fixed64(field::START, s.start_ns);
    w.fixed64(field::END, s.end_ns);
    attributes(w, field::ATTRIBUTES, &s.attributes);
    w.varint(field::DROPPED_ATTRIBUTES, s.dropped_attributes.into());
    for event in &s.events {
        w.message(field::EVENTS, |w| event_fields(w, event));
    }
    w.varint(field::DROPPED_EVENTS, s.dropped_events.into());
    for link in &s.links {
        w.message(field::LINKS, |w| link_fields(w, link));
    }
    w.varint(field::DROPPED_LINKS, s.dropped_links.into());
    if s.status.code() != 0 || !s.status_message.is_empty() {
        w.message(field::STATUS, |w| {
            w.bytes(status::MESSAGE_TEXT, s.status_message.as_bytes());
            w.varint(status::CODE, s.status.code().into());
        });
    }
    w.fixed32(field::FLAGS, s.flags);
}

fn event_fields(w: &mut Writer, e: &SpanEvent) {
    w.fixed64(span_event::TIME, e.time_ns);
    w.bytes(span_event::NAME, e.name.as_bytes());
    attributes(w, span_event::ATTRIBUTES, &e.attributes);
    w.varint(span_event::DROPPED_ATTRIBUTES, e.dropped_attributes.into());
}

fn link_fields(w: &mut Writer, l: &SpanLink) {
    trace_id(w, span_link::TRACE_ID, l.trace);
    span_id(w, span_link::SPAN_ID, l.id);
    w.bytes(span_link::TRACE_STATE, l.trace_state.as_bytes());
    attributes(w, span_link::ATTRIBUTES, &l.attributes);
    w.varint(span_link::DROPPED_ATTRIBUTES, l.dropped_attributes.into());
    w.fixed32(span_link::FLAGS, l.flags);
}

fn log_record(w: &mut Writer, r: &LogRecord) {
    w.fixed64(log::TIME, r.time_ns);
    w.varint(log::SEVERITY, r.severity.into());
    w.bytes(log::SEVERITY_TEXT, r.severity_text.as_bytes());
    if r.body != Value::Empty {
        w.message(log::BODY, |w| value(w, &r.body, 0));
    }
    attributes(w, log::ATTRIBUTES, &r.attributes);
    w.varint(log::DROPPED_ATTRIBUTES, r.dropped_attributes.into());
    w.fixed32(log::FLAGS, r.flags);
    trace_id(w, log::TRACE_ID, r.trace);
    span_id(w, log::SPAN_ID, r.span);
    w.fixed64(log::OBSERVED_TIME, r.observed_ns);
    w.bytes(log::EVENT_NAME, r.event_name.as_bytes());
}

fn attributes(w: &mut Writer, key: u32, list: &[KeyValue]) {
    for attribute in list {
        w.message(key, |w| pair(w, attribute, 0));
    }
}

fn pair(w: &mut Writer, attribute: &KeyValue, depth: usize) {
    w.bytes(key_value::KEY, attribute.key.as_bytes());
    w.message(key_value::VALUE, |w| value(w, &attribute.value, depth));
}

/// Writes a value that lies in `depth` others. Items that lie deeper than any decoder of ours lets in are left out.
fn value(w: &mut Writer, v: &Value, depth: usize) {
    let inside = depth + 1;
    match v {
        Value::Empty => {}
        Value::String(text) => w.bytes_always(any_value::STRING, text.as_bytes()),
        Value::Bool(truth) => w.varint_always(any_value::BOOL, (*truth).into()),
        Value::Int(number) => w.varint_always(any_value::INT, *number as u64),
        Value::Double(number) => w.fixed64_always(any_value::DOUBLE, number.to_bits()),
        Value::Bytes(bytes) => w.bytes_always(any_value::BYTES, bytes),
        Value::Array(_) if inside >= DEPTH_MAX => w.message(any_value::ARRAY, |_| ()),
        Value::Map(_) if inside >= DEPTH_MAX => w.message(any_value::MAP, |_| ()),
        Value::Array(values) => w.message(any_value::ARRAY, |w| {
            for v in values {
                w.message(array::VALUES, |w| value(w, v, inside));
            }
        }),
        Value::Map(pairs) => w.message(any_value::MAP, |w| {
            for attribute in pairs {
                w.message(map::VALUES, |w| pair(w, attribute, inside));
            }
        }),
    }
}
