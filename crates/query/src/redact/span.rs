//! Spans and log records without values.

use std::collections::HashMap;
use std::sync::Arc;

use event::{EventKind, KeyValue, LogRecord, Resource, Scope, Span, Value};

use super::REDACTED;
use super::allow::{event_kind, shows_event, shows_value};

/// Resources and scopes are shared by many spans: each is redacted once. Keyed by where they are, and held, so that no other comes there.
#[derive(Default)]
struct Shared {
    resources: HashMap<usize, (Arc<Resource>, Arc<Resource>)>,
    scopes: HashMap<usize, (Arc<Scope>, Arc<Scope>)>,
}

impl Shared {
    fn resource(&mut self, of: &Arc<Resource>) -> Arc<Resource> {
        let made = self.resources.entry(Arc::as_ptr(of) as usize).or_insert_with(|| {
            let mut redacted = (**of).clone();
            attributes(&mut redacted.attributes);
            text(&mut redacted.schema_url);
            (Arc::clone(of), Arc::new(redacted))
        });
        Arc::clone(&made.1)
    }

    fn scope(&mut self, of: &Arc<Scope>) -> Arc<Scope> {
        let made = self.scopes.entry(Arc::as_ptr(of) as usize).or_insert_with(|| {
            let mut redacted = (**of).clone();
            attributes(&mut redacted.attributes);
            text(&mut redacted.schema_url);
            (Arc::clone(of), Arc::new(redacted))
        });
        Arc::clone(&made.1)
    }
}

/// Takes the values out of spans.
pub fn spans(spans: &mut [Span]) {
    let mut shared = Shared::default();
    for span in spans {
        beam_name(span);
        span.trace_state.clear();
        text(&mut span.status_message);
        attributes(&mut span.attributes);
        for event in &mut span.events {
            if !shows_event(&event.name) {
                text(&mut event.name);
            }
            attributes(&mut event.attributes);
        }
        for link in &mut span.links {
            link.trace_state.clear();
            attributes(&mut link.attributes);
        }
        span.resource = shared.resource(&span.resource);
        span.scope = shared.scope(&span.scope);
    }
}

/// Takes the values out of log records: what they say, and all that is not of the system.
pub fn logs(records: &mut [LogRecord]) {
    let mut shared = Shared::default();
    for record in records {
        record.body = Value::String(REDACTED.to_owned());
        text(&mut record.severity_text);
        text(&mut record.event_name);
        attributes(&mut record.attributes);
        record.resource = shared.resource(&record.resource);
        record.scope = shared.scope(&record.scope);
    }
}

/// A point of a BEAM trace that is a span is named after what it says.
fn beam_name(span: &mut Span) {
    let kind = event::value_of(&span.attributes, "beam.kind").and_then(Value::as_str);
    let Some(kind) = kind.and_then(event_kind) else {
        return;
    };
    if !shows_name(kind) {
        kind.name().clone_into(&mut span.name);
    }
}

/// Whether what an event of this kind is called comes out of the code, or out of what it carried.
pub(super) fn shows_name(kind: EventKind) -> bool {
    match kind {
        EventKind::Root
        | EventKind::RootEnd
        | EventKind::Call
        | EventKind::Return
        | EventKind::Branch
        | EventKind::Fn
        | EventKind::Exception
        | EventKind::Callback
        | EventKind::CallbackReturn
        | EventKind::Error
        | EventKind::Value
        | EventKind::Link
        | EventKind::NodeUp
        | EventKind::NodeDown
        | EventKind::Send
        | EventKind::Loss => true,
        EventKind::Spawn | EventKind::Exit | EventKind::Log => false,
    }
}

fn attributes(of: &mut [KeyValue]) {
    for KeyValue { key, value } in of {
        if !shows_value(key, value) {
            *value = Value::String(REDACTED.to_owned());
        }
    }
}

/// A text that is there stays there.
fn text(of: &mut String) {
    if !of.is_empty() {
        REDACTED.clone_into(of);
    }
}
