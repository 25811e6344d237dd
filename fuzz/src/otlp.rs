//! Requests of OTLP, as protobuf: every field in use.

use std::sync::Arc;

use event::{
    KeyValue, LogRecord, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId,
    Value,
};

fn attributes() -> Vec<KeyValue> {
    let value = |value: Value| KeyValue {
        key: "k".into(),
        value,
    };
    vec![
        value("text".into()),
        value(true.into()),
        value((-1).into()),
        value(0.5.into()),
        value(Value::Bytes(vec![0, 255])),
        value(Value::Array(vec![Value::Empty, Value::Array(vec![1.into()])])),
        value(Value::Map(vec![KeyValue {
            key: "m".into(),
            value: "v".into(),
        }])),
    ]
}

fn origin() -> (Arc<Resource>, Arc<Scope>) {
    let resource = Resource {
        attributes: attributes(),
        dropped_attributes: 1,
        schema_url: "s".into(),
    };
    let scope = Scope {
        name: "plug".into(),
        version: "1".into(),
        attributes: attributes(),
        dropped_attributes: 2,
        schema_url: "t".into(),
    };
    (Arc::new(resource), Arc::new(scope))
}

/// A span with every field.
pub fn span() -> Span {
    let (resource, scope) = origin();
    let event = SpanEvent {
        time_ns: 7,
        name: "e".into(),
        attributes: attributes(),
        dropped_attributes: 3,
    };
    let link = SpanLink {
        trace: TraceId(1 << 100),
        id: SpanId(5),
        trace_state: "a=b".into(),
        attributes: attributes(),
        dropped_attributes: 4,
        flags: 1,
    };
    Span {
        trace: TraceId(0x0102_0304 << 96),
        id: SpanId(9),
        parent: SpanId(8),
        trace_state: "c=d".into(),
        flags: 257,
        name: "GET /".into(),
        kind: SpanKind::Server,
        start_ns: 1_760_000_000_000_000_000,
        end_ns: 1_760_000_000_000_000_001,
        status: StatusCode::Error,
        status_message: "no".into(),
        attributes: attributes(),
        dropped_attributes: 5,
        events: vec![event],
        dropped_events: 6,
        links: vec![link],
        dropped_links: 7,
        resource,
        scope,
    }
}

/// A log record with every field.
pub fn log_record() -> LogRecord {
    let (resource, scope) = origin();
    LogRecord {
        time_ns: 1,
        observed_ns: 2,
        severity: 9,
        severity_text: "info".into(),
        body: Value::Map(attributes()),
        attributes: attributes(),
        dropped_attributes: 3,
        flags: 1,
        trace: TraceId(4),
        span: SpanId(5),
        event_name: "n".into(),
        resource,
        scope,
    }
}
