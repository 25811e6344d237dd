//! Traces for tests, written as trees.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests; not every test uses all"
)]

use std::sync::Arc;

use event::{
    KeyValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId, Value,
};

/// The trace of all test spans.
pub const TRACE: TraceId = TraceId(0x00ab_0000_0000_0000_0000_0000_0000_0001);

/// A span `name` with an id and a parent's id, one millisecond long, from service `svc`.
pub fn span(id: u64, parent: u64, name: &str) -> Span {
    Span {
        trace: TRACE,
        id: SpanId(id),
        parent: SpanId(parent),
        trace_state: String::new(),
        flags: 0,
        name: name.to_owned(),
        kind: SpanKind::Internal,
        start_ns: 1_000_000_000 + id * 1_000,
        end_ns: 1_001_000_000 + id * 1_000,
        status: StatusCode::Unset,
        status_message: String::new(),
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        resource: service("svc"),
        scope: Arc::new(Scope {
            name: "lib".to_owned(),
            version: "1.2".to_owned(),
            attributes: vec![attribute("language", "elixir")],
            ..Scope::default()
        }),
    }
}

pub fn attribute(key: &str, value: impl Into<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.into(),
    }
}

pub fn service(name: &str) -> Arc<Resource> {
    Arc::new(Resource {
        attributes: vec![attribute("service.name", name), attribute("cluster", "qa")],
        ..Resource::default()
    })
}

/// More of a span, in a chain.
pub trait With: Sized {
    fn attr(self, key: &str, value: impl Into<Value>) -> Self;
    fn list(self, key: &str, values: Vec<Value>) -> Self;
    fn event(self, name: &str, after_ns: u64, attributes: Vec<KeyValue>) -> Self;
    fn link(self, trace: u128, id: u64, attributes: Vec<KeyValue>) -> Self;
    fn status(self, status: StatusCode) -> Self;
    fn kind(self, kind: SpanKind) -> Self;
    fn lasts(self, ns: u64) -> Self;
    fn starts(self, ns: u64) -> Self;
    fn of(self, service: &str) -> Self;
}

impl With for Span {
    fn attr(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.attributes.push(attribute(key, value));
        self
    }
    fn list(mut self, key: &str, values: Vec<Value>) -> Self {
        self.attributes.push(KeyValue {
            key: key.to_owned(),
            value: Value::Array(values),
        });
        self
    }
    fn event(mut self, name: &str, after_ns: u64, attributes: Vec<KeyValue>) -> Self {
        self.events.push(SpanEvent {
            time_ns: self.start_ns + after_ns,
            name: name.to_owned(),
            attributes,
            dropped_attributes: 0,
        });
        self
    }
    fn link(mut self, trace: u128, id: u64, attributes: Vec<KeyValue>) -> Self {
        self.links.push(SpanLink {
            trace: TraceId(trace),
            id: SpanId(id),
            attributes,
            ..SpanLink::default()
        });
        self
    }
    fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
    fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }
    fn lasts(mut self, ns: u64) -> Self {
        self.end_ns = self.start_ns + ns;
        self
    }
    fn starts(mut self, ns: u64) -> Self {
        let length = self.end_ns - self.start_ns;
        self.start_ns = ns;
        self.end_ns = ns + length;
        self
    }
    fn of(mut self, name: &str) -> Self {
        self.resource = service(name);
        self
    }
}
