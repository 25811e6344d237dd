//! Any spans and log records, in the order in which an encoder groups them.

use std::sync::Arc;

use event::{
    KeyValue, LogRecord, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId,
    Value,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z.]{0,12}", any::<String>()]
}

fn double() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{INFINITE, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let number = NORMAL | SUBNORMAL | ZERO | INFINITE | POSITIVE | NEGATIVE;
    prop_oneof![9 => number, 1 => Just(f64::NAN)]
}

/// A value of any type, nested a few levels.
pub(super) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        text().prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        double().prop_map(Value::Double),
        vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let pair = (text(), inner.clone()).prop_map(|(key, value)| KeyValue { key, value });
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::Array),
            vec(pair, 0..4).prop_map(Value::Map)
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (text(), value()).prop_map(|(key, value)| KeyValue { key, value });
    vec(pair, 0..4)
}

fn event() -> impl Strategy<Value = SpanEvent> {
    (any::<u64>(), text(), attributes(), any::<u32>()).prop_map(|(time_ns, name, attributes, dropped)| {
        SpanEvent {
            time_ns,
            name,
            attributes,
            dropped_attributes: dropped,
        }
    })
}

fn link() -> impl Strategy<Value = SpanLink> {
    let ids = (any::<u128>(), any::<u64>());
    (ids, text(), attributes(), any::<u32>(), any::<u32>()).prop_map(
        |((trace, id), trace_state, attributes, dropped_attributes, flags)| SpanLink {
            trace: TraceId(trace),
            id: SpanId(id),
            trace_state,
            attributes,
            dropped_attributes,
            flags,
        },
    )
}

/// A resource of one of three names, else anything: equal ones occur.
fn resource() -> impl Strategy<Value = Arc<Resource>> {
    let few = (0..3u32).prop_map(|n| Resource {
        dropped_attributes: n,
        ..Resource::default()
    });
    let any = (attributes(), any::<u32>(), text()).prop_map(|(attributes, dropped, schema_url)| Resource {
        attributes,
        dropped_attributes: dropped,
        schema_url,
    });
    prop_oneof![few, any].prop_map(Arc::new)
}

fn scope() -> impl Strategy<Value = Arc<Scope>> {
    let few = (0..3u32).prop_map(|n| Scope {
        dropped_attributes: n,
        ..Scope::default()
    });
    let any = (text(), text(), attributes(), any::<u32>(), text()).prop_map(
        |(name, version, attributes, dropped_attributes, schema_url)| Scope {
            name,
            version,
            attributes,
            dropped_attributes,
            schema_url,
        },
    );
    prop_oneof![few, any].prop_map(Arc::new)
}

/// Any span.
pub(crate) fn span() -> impl Strategy<Value = Span> {
    let ids = (
        1..u128::MAX,
        1..u64::MAX,
        prop_oneof![Just(0), any::<u64>()],
        any::<u32>(),
    );
    let what = (text(), text(), text(), proptest::sample::select(SpanKind::ALL));
    let status = proptest::sample::select(StatusCode::ALL);
    let lists = (
        attributes(),
        vec(event(), 0..3),
        vec(link(), 0..3),
        any::<[u32; 3]>(),
    );
    let times = (any::<u64>(), any::<u64>());
    (ids, what, times, status, lists, resource(), scope()).prop_map(
        |(ids, what, times, status, lists, resource, scope)| {
            let (trace, id, parent, flags) = ids;
            let (name, trace_state, status_message, kind) = what;
            let (attributes, events, links, dropped) = lists;
            Span {
                trace: TraceId(trace),
                id: SpanId(id),
                parent: SpanId(parent),
                trace_state,
                flags,
                name,
                kind,
                start_ns: times.0,
                end_ns: times.1,
                status,
                status_message,
                attributes,
                dropped_attributes: dropped[0],
                events,
                dropped_events: dropped[1],
                links,
                dropped_links: dropped[2],
                resource,
                scope,
            }
        },
    )
}

/// Any log record.
pub(super) fn log_record() -> impl Strategy<Value = LogRecord> {
    let ids = (any::<u128>(), any::<u64>(), any::<u32>(), any::<u32>());
    let what = (any::<u64>(), any::<u64>(), 0..25u8, text(), text());
    (ids, what, value(), attributes(), resource(), scope()).prop_map(
        |(ids, what, body, attributes, resource, scope)| {
            let (time_ns, observed_ns, severity, severity_text, event_name) = what;
            LogRecord {
                time_ns,
                observed_ns,
                severity,
                severity_text,
                body,
                attributes,
                dropped_attributes: ids.2,
                flags: ids.3,
                trace: TraceId(ids.0),
                span: SpanId(ids.1),
                event_name,
                resource,
                scope,
            }
        },
    )
}

/// A span with its ids and nothing else.
pub(super) fn bare_span() -> Span {
    Span {
        trace: TraceId(1),
        id: SpanId(2),
        ..Span::blank()
    }
}
