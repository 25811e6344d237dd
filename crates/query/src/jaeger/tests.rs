//! Jaeger's shapes and questions over a handful of traces.

use std::ops::ControlFlow;
use std::sync::Arc;

use event::{KeyValue, Resource, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId, Value};
use serde::Deserialize;
use traceql::Conditions;

use super::{Find, dependencies, find, operations, services, tags_of, trace, trace_id};
use crate::tempo::{Found, Inspected, SourceError, SpanSource, TimeRange};

/// All spans in memory.
pub(super) struct Few(pub(super) Vec<Vec<Span>>);

impl SpanSource for Few {
    fn trace(&self, id: TraceId, _range: TimeRange) -> Result<Found, SourceError> {
        let spans = self.0.iter().find(|spans| spans[0].trace == id).cloned();
        Ok(Found {
            spans: spans.unwrap_or_default(),
            missing: Vec::new(),
        })
    }

    fn candidates(
        &self,
        _conditions: &Conditions,
        _range: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Inspected, SourceError> {
        for spans in &self.0 {
            if each(spans.clone()).is_break() {
                break;
            }
        }
        Ok(Inspected::default())
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value,
    }
}

fn span(trace: u128, id: u64, parent: u64, service: &str, name: &str) -> Span {
    Span {
        trace: TraceId(trace),
        id: SpanId(id),
        parent: SpanId(parent),
        trace_state: String::new(),
        flags: 1,
        name: name.to_owned(),
        kind: SpanKind::Server,
        start_ns: 1_790_000_000_000_000_000 + id * 1_000,
        end_ns: 1_790_000_000_000_000_000 + id * 1_000 + 5_000,
        status: StatusCode::Unset,
        status_message: String::new(),
        attributes: vec![attribute("http.status", Value::Int(200))],
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        resource: Arc::new(Resource {
            attributes: vec![
                attribute("service.name", Value::from(service)),
                attribute("host", Value::from("a")),
            ],
            ..Resource::default()
        }),
        scope: Arc::default(),
    }
}

pub(super) fn few() -> Few {
    let mut failed = span(2, 3, 0, "stock", "take \"all\"");
    failed.status = StatusCode::Error;
    failed.attributes.push(attribute(
        "map",
        Value::Map(vec![attribute("a", Value::Array(vec![Value::Int(1)]))]),
    ));
    failed
        .attributes
        .push(attribute("raw", Value::Bytes(vec![1, 2, 3, 4])));
    failed.attributes.push(attribute("nan", Value::Double(f64::NAN)));
    failed.events.push(SpanEvent {
        time_ns: 1_790_000_000_000_007_000,
        name: "exception".to_owned(),
        ..SpanEvent::default()
    });
    failed.links.push(SpanLink {
        trace: TraceId(1),
        id: SpanId(1),
        ..SpanLink::default()
    });
    Few(vec![
        vec![span(1, 1, 0, "shop", "order"), span(1, 2, 1, "stock", "take")],
        vec![failed],
    ])
}

/// What Grafana's data source reads, and nothing else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the decoder")]
struct Strict {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<StrictSpan>,
    processes: std::collections::BTreeMap<String, StrictProcess>,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the decoder")]
struct StrictSpan {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    flags: u32,
    operation_name: String,
    references: Vec<StrictReference>,
    start_time: u64,
    duration: u64,
    tags: Vec<StrictField>,
    logs: Vec<StrictLog>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the decoder")]
struct StrictReference {
    ref_type: String,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictField {
    key: String,
    #[serde(rename = "type")]
    kind: String,
    value: serde_json::Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read by the decoder")]
struct StrictLog {
    timestamp: u64,
    fields: Vec<StrictField>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the decoder")]
struct StrictProcess {
    service_name: String,
    tags: Vec<StrictField>,
}

/// Scenario: a trace with all types of attributes, an event, a link, an error. Guarantee: it decodes strictly, with the types that
/// Jaeger has; a trace that is not there is none.
#[test]
fn a_trace_decodes_strictly() {
    let found = trace(&few(), TraceId(2), TimeRange::ALL).unwrap().unwrap();
    let text = serde_json::to_string(&found).unwrap();
    let strict: Strict = serde_json::from_str(&text).unwrap();
    let span = &strict.spans[0];
    assert_eq!(span.span_id, "0000000000000003");
    assert_eq!((span.start_time, span.duration), (1_790_000_000_000_003, 5));
    assert_eq!(span.references[0].ref_type, "FOLLOWS_FROM");
    assert_eq!(strict.processes[&span.process_id].service_name, "stock");
    let tag = |key: &str| {
        span.tags
            .iter()
            .find(|tag| tag.key == key)
            .map(|tag| (tag.kind.as_str(), tag.value.to_string()))
    };
    assert_eq!(tag("http.status"), Some(("int64", "200".to_owned())));
    assert_eq!(tag("error"), Some(("bool", "true".to_owned())));
    assert_eq!(tag("raw"), Some(("binary", "\"AQIDBA==\"".to_owned())));
    assert_eq!(tag("map"), Some(("string", r#""{\"a\":[1]}""#.to_owned())));
    assert_eq!(tag("nan"), Some(("string", "\"NaN\"".to_owned())));
    assert_eq!(tag("span.kind"), Some(("string", "\"server\"".to_owned())));
    assert_eq!(span.logs[0].fields[0].key, "event");
    assert!(trace(&few(), TraceId(9), TimeRange::ALL).unwrap().is_none());
}

/// Scenario: searches by service, operation with quotes, tags as texts, error, duration. Guarantee: the traces of which one span has
/// all of it.
#[test]
fn searches() {
    let source = few();
    let ids = |asked: Find| -> Vec<String> {
        let asked = Find { limit: 10, ..asked };
        let (traces, missing) = find(&source, &asked, TimeRange::ALL, &|| false).unwrap();
        assert!(missing.is_empty());
        traces
            .into_iter()
            .map(|trace| trace.trace_id[31..].to_owned())
            .collect()
    };
    let tags = |text: &str| Find {
        tags: tags_of(text).unwrap(),
        ..Find::default()
    };
    assert_eq!(ids(Find::default()), ["2", "1"]);
    assert_eq!(
        ids(Find {
            service: "shop".to_owned(),
            ..Find::default()
        }),
        ["1"]
    );
    assert_eq!(
        ids(Find {
            operation: "take \"all\"".to_owned(),
            ..Find::default()
        }),
        ["2"]
    );
    assert_eq!(
        ids(Find {
            service: "shop".to_owned(),
            operation: "take".to_owned(),
            ..Find::default()
        }),
        [""; 0]
    );
    assert_eq!(ids(tags(r#"{"http.status":"200"}"#)), ["2", "1"]);
    assert_eq!(ids(tags(r#"{"http.status":"404"}"#)), [""; 0]);
    assert_eq!(ids(tags(r#"{"error":"true"}"#)), ["2"]);
    assert_eq!(ids(tags(r#"{"error":true,"host":"a"}"#)), ["2"]);
    assert_eq!(
        ids(Find {
            duration_min: Some(5_001),
            ..Find::default()
        }),
        [""; 0]
    );
    assert_eq!(
        ids(Find {
            duration_max: Some(5_000),
            ..Find::default()
        }),
        ["2", "1"]
    );
    for wrong in ["", "[]", r#"{"a":[]}"#, "{"] {
        assert!(tags_of(wrong).is_err(), "{wrong}");
    }
}

/// Scenario: names. Guarantee: sorted, each once.
#[test]
fn names() {
    let source = few();
    assert_eq!(
        services(&source, TimeRange::ALL, &|| false).unwrap(),
        (vec!["shop".to_owned(), "stock".to_owned()], Vec::new())
    );
    assert_eq!(
        operations(&source, "stock", TimeRange::ALL, &|| false).unwrap().0,
        ["take", "take \"all\""]
    );
}

/// Scenario: a trace whose calls go from shop to stock twice, within stock, back to shop, and to a span whose parent is not there; ranges that
/// part it. Guarantee: each call is counted in the one range in which the called began; a call within a service and one of an unknown
/// parent are no edges; a question that is stopped says so.
#[test]
fn calls_count_where_they_began() {
    let start_ns = |id: u64| 1_790_000_000_000_000_000 + id * 1_000;
    let mut source = few();
    source.0[0] = vec![
        span(1, 1, 0, "shop", "order"),
        span(1, 2, 1, "stock", "take"),
        span(1, 3, 1, "stock", "take"),
        span(1, 4, 3, "stock", "check"),
        span(1, 5, 4, "shop", "audit"),
        span(1, 6, 99, "pay", "charge"),
    ];
    let edges = |start: u64, end: u64| {
        let range = TimeRange {
            start_ns: start_ns(start),
            end_ns: start_ns(end),
        };
        let (edges, missing) = dependencies(&source, range, &|| false).unwrap();
        assert_eq!(missing, [""; 0]);
        let edge = |edge: super::Dependency| (edge.parent, edge.child, edge.call_count);
        edges.into_iter().map(edge).collect::<Vec<_>>()
    };
    let edge = |parent: &str, child: &str, calls| (parent.to_owned(), child.to_owned(), calls);
    assert_eq!(edges(0, 9), [edge("shop", "stock", 2), edge("stock", "shop", 1)]);
    assert_eq!(edges(0, 3), [edge("shop", "stock", 1)]);
    assert_eq!(edges(3, 9), [edge("shop", "stock", 1), edge("stock", "shop", 1)]);
    assert_eq!(edges(6, 9), []);
    let (_, missing) = dependencies(&source, TimeRange::ALL, &|| true).unwrap();
    assert!(missing[0].contains("ran out"), "{missing:?}");
}

/// Scenario: ids as hexadecimal digits, short and long, and as base64 in both alphabets. Guarantee: the same trace; others are none.
#[test]
fn ids_in_both_forms() {
    for (text, id) in [
        ("ab", 0xab),
        ("00000000000000000000000000000FED", 0xfed),
        ("AAAAAAAAAAAAAAAAAAAAqw==", 0xab),
        ("AAAAAAAAAAAAAAAAAAAAqw", 0xab),
        ("AAAAAAAAAPs_", 0),
        ("AAAAAAAA-z8", 0xfb3f),
        ("AAAAAAAA+z8=", 0xfb3f),
    ] {
        assert_eq!(trace_id(text), (id != 0).then_some(TraceId(id)), "{text}");
    }
    for wrong in ["", "0", "xyz", "AAAAAAAAAAAAAAAAAAAAAA==", "+1", &"a".repeat(33)] {
        assert_eq!(trace_id(wrong), None, "{wrong}");
    }
}
