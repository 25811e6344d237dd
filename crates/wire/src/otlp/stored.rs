//! Pieces of OTLP that stores keep as they came, read back: a resource, a scope, a value, some fields of a span. What was
//! checked when it was taken reads well; of what does not, nothing is returned.

use event::{Resource, Scope, Span, Value};

use super::decode::{State, read_resource, read_scope};
use super::proto::Reader;
use super::record::span;
use super::value::value;

/// A `Resource`.
pub fn stored_resource(message: &[u8], schema_url: &[u8]) -> Resource {
    let (mut state, mut read) = (State::new(), Resource::default());
    if read_resource(Reader::new(message), &mut state, &mut read).is_err() {
        read = Resource::default();
    }
    read.schema_url = state.text(schema_url);
    read
}

/// An `InstrumentationScope`.
pub fn stored_scope(message: &[u8], schema_url: &[u8]) -> Scope {
    let (mut state, mut read) = (State::new(), Scope::default());
    if read_scope(Reader::new(message), &mut state, &mut read).is_err() {
        read = Scope::default();
    }
    read.schema_url = state.text(schema_url);
    read
}

/// An `AnyValue`.
pub fn stored_value(message: &[u8]) -> Value {
    value(Reader::new(message), &mut State::new(), 0).unwrap_or_default()
}

/// Fields of a `Span` other than its ids, name, kind, times, flags and status, into a span that has those.
pub fn stored_fields(fields: &[u8], into: &mut Span) {
    // Ids that are valid, for the reader of whole spans.
    let mut whole = vec![0x0a, 16];
    whole.extend_from_slice(&[1; 16]);
    whole.extend_from_slice(&[0x12, 8]);
    whole.extend_from_slice(&[1; 8]);
    whole.extend_from_slice(fields);
    let read = span(
        Reader::new(&whole),
        &mut State::new(),
        &into.resource,
        &into.scope,
    );
    if let Ok(Ok(read)) = read {
        into.trace_state = read.trace_state;
        into.attributes.extend(read.attributes);
        into.dropped_attributes = read.dropped_attributes;
        into.events = read.events;
        into.dropped_events = read.dropped_events;
        into.links = read.links;
        into.dropped_links = read.dropped_links;
    }
}

/// Text, repaired if it is not UTF-8.
pub fn stored_text(bytes: &[u8]) -> String {
    State::new().text(bytes)
}
