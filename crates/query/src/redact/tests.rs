//! Nothing of a value gets through: whatever the spans, whatever the question.
#![allow(clippy::too_many_lines, reason = "tables of questions")]

use std::ops::ControlFlow;
use std::sync::Arc;

use event::{
    KeyValue, LogRecord, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId,
    Value,
};
use proptest::prelude::*;
use traceql::metrics::{Limits, Range};
use traceql::{Conditions, Query};

use super::{REDACTED, Redacted, logs, spans, trace_answer};
use crate::tempo::{
    self, Found, Inspected, SearchRequest, SourceError, SpanSource, TagRequest, TagScope, TempoError,
    TimeRange,
};
use crate::{CapturedValue, ErrorInfo, Item, TraceAnswer, jaeger};

/// Spans in memory, with an index that answers exactly and counts what it read: all that a real one could tell of values.
struct Exact(Vec<Vec<Span>>);

impl SpanSource for Exact {
    fn trace(&self, id: TraceId, _: TimeRange) -> Result<Found, SourceError> {
        let found = self.0.iter().find(|spans| spans[0].trace == id).cloned();
        Ok(Found {
            spans: found.unwrap_or_default(),
            missing: Vec::new(),
        })
    }

    fn candidates(
        &self,
        conditions: &Conditions,
        _: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Inspected, SourceError> {
        let mut inspected = Inspected::default();
        for spans in &self.0 {
            if conditions.holds(&traceql::Trace::new(spans)) {
                inspected.traces += 1;
                inspected.bytes += wire::otlp::encode_traces(spans).len() as u64;
                if each(spans.clone()).is_break() {
                    break;
                }
            }
        }
        Ok(inspected)
    }
}

/// A value of one of all types around a text.
fn value(kind: u8, text: &str) -> Value {
    match kind % 5 {
        0 => text.into(),
        1 => Value::Array(vec![text.into()]),
        2 => Value::Map(vec![pair("inner", text.into())]),
        3 => Value::Bytes(text.into()),
        _ => Value::Array(vec![Value::Map(vec![pair(text, Value::Bool(true))])]),
    }
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value,
    }
}

/// What is the same in two stores that differ in values alone.
#[derive(Clone, Debug)]
struct Plan {
    id: u64,
    parent: u64,
    kind: u8,
    keys: Vec<(String, u8)>,
    beam: Option<&'static str>,
}

fn plan() -> impl Strategy<Value = Vec<Vec<Plan>>> {
    let key = prop_oneof![
        Just("user.id"),
        Just("beam.value.order"),
        Just("exception.message"),
        Just("db.statement"),
        Just("http.route"),
        Just("odd name")
    ];
    let one = (
        1_u64..6,
        0_u64..6,
        any::<u8>(),
        prop::collection::vec((key.prop_map(str::to_owned), 1_u8..5), 0..5),
        prop::option::of(prop_oneof![Just("log"), Just("exit"), Just("call")]),
    );
    let one = one.prop_map(|(id, parent, kind, keys, beam)| Plan {
        id,
        parent,
        kind,
        keys,
        beam,
    });
    prop::collection::vec(prop::collection::vec(one, 1..5), 1..5)
}

/// The spans of a plan with a secret in every place that can hold one.
fn filled(plan: &[Vec<Plan>], secret: &str) -> Vec<Vec<Span>> {
    let attributes = |of: &Plan| -> Vec<KeyValue> {
        let mut attributes: Vec<KeyValue> = of
            .keys
            .iter()
            .map(|(key, kind)| pair(key, value(*kind, secret)))
            .collect();
        attributes.push(pair("user.id", secret.into()));
        attributes.push(pair("beam.message", secret.into()));
        attributes
    };
    let span = |trace: usize, at: usize, of: &Plan| {
        let mut all = attributes(of);
        let mut name = format!("op {}", of.kind % 3);
        if let Some(kind) = of.beam {
            all.push(pair("beam.kind", kind.into()));
            if kind != "call" {
                name = format!("{kind} {secret}");
            }
        }
        let start_ns = 1_790_000_000_000_000_000 + (trace * 10 + at) as u64 * 1_000;
        Span {
            trace: TraceId(trace as u128 + 1),
            id: SpanId(of.id),
            parent: SpanId(of.parent),
            trace_state: secret.to_owned(),
            flags: 1,
            name,
            kind: SpanKind::Server,
            start_ns,
            end_ns: start_ns + u64::from(of.kind),
            status: if of.kind.is_multiple_of(2) {
                StatusCode::Error
            } else {
                StatusCode::Ok
            },
            status_message: secret.to_owned(),
            attributes: all,
            dropped_attributes: 0,
            events: vec![SpanEvent {
                time_ns: start_ns,
                name: if of.kind.is_multiple_of(3) {
                    secret.to_owned()
                } else {
                    "exception".to_owned()
                },
                attributes: attributes(of),
                dropped_attributes: 0,
            }],
            dropped_events: 0,
            links: vec![SpanLink {
                trace: TraceId(9),
                id: SpanId(9),
                trace_state: secret.to_owned(),
                attributes: attributes(of),
                ..SpanLink::default()
            }],
            dropped_links: 0,
            resource: Arc::new(Resource {
                attributes: [vec![pair("service.name", "shop".into())], attributes(of)].concat(),
                schema_url: secret.to_owned(),
                ..Resource::default()
            }),
            scope: Arc::new(Scope {
                name: "elixir_scope".to_owned(),
                attributes: attributes(of),
                schema_url: secret.to_owned(),
                ..Scope::default()
            }),
        }
    };
    let traces = plan.iter().enumerate();
    let trace = |(trace, spans): (usize, &Vec<Plan>)| {
        spans
            .iter()
            .enumerate()
            .map(|(at, of)| span(trace, at, of))
            .collect()
    };
    traces.map(trace).collect()
}

/// Every question of every door, its answer or its refusal as text. `guess` stands where the one who asks puts what he looks for.
fn answers(source: &dyn SpanSource, guess: &str) -> Vec<String> {
    let never = || false;
    let said =
        |answer: Result<String, TempoError>| answer.unwrap_or_else(|error| format!("refused: {error}"));
    let json = |of: &dyn Fn() -> serde_json::Result<String>| of().unwrap();
    let mut all = Vec::new();
    let conditions = [
        "true".to_owned(),
        "status = error".to_owned(),
        format!(".user.id = \"{guess}\""),
        format!(".user.id != \"{guess}\" || status = ok"),
        format!("!(event.user.id =~ \"{guess}.*\")"),
        format!("statusMessage = \"{guess}\""),
        format!("event:name = \"{guess}\""),
        format!("name = \"log {guess}\""),
        format!("rootName =~ \".*{guess}\""),
        format!("parent.user.id = \"{guess}\""),
        format!("resource.service.name = \"shop\" && span.\"odd name\" > \"{guess}\""),
        format!("span.http.route = \"{guess}\""),
    ];
    for condition in &conditions {
        let query = |stages: &str| Query::new(&format!("{{ {condition} }}{stages}")).unwrap();
        for stages in [
            "",
            " | select(.user.id)",
            " | by(.http.route) | count() > 0",
            " | select(event:name, name)",
        ] {
            let request = SearchRequest {
                query: query(stages),
                range: TimeRange::ALL,
                limit: 100,
                spans_per_set: 0,
            };
            let found = tempo::search(source, &request, &never);
            all.push(said(found.map(|found| {
                json(&|| serde_json::to_string(&found)) + &hex(&tempo::proto::search(&found))
            })));
        }
        for stages in [
            " | rate() by (name)",
            " | compare({ status = error })",
            " | count_over_time() by (.user.id)",
        ] {
            let range = Range::instant(1_789_999_999_000_000_000, 1_790_000_001_000_000_000).unwrap();
            let found = tempo::range(source, &query(stages), range, Limits::default(), &never);
            all.push(said(found.map(|found| json(&|| serde_json::to_string(&found)))));
        }
        let request = TagRequest {
            range: TimeRange::ALL,
            filter: format!("{{ {condition} }}"),
            limit: 0,
        };
        let names = tempo::tag_names(source, &TagScope::ALL, &request, &never);
        all.push(said(names.map(|found| json(&|| serde_json::to_string(&found)))));
        for tag in [
            "user.id",
            "span.http.route",
            "event:name",
            "name",
            "statusMessage",
            "rootName",
            "instrumentation.user.id",
        ] {
            let found = tempo::tag_values(source, tag, &request, &never);
            all.push(said(found.map(|found| json(&|| serde_json::to_string(&found)))));
        }
    }
    for id in 1..5 {
        let found = source.trace(TraceId(id), TimeRange::ALL).unwrap();
        all.push(wire::otlp::traces_json(&found.spans) + &hex(&wire::otlp::encode_traces(&found.spans)));
        let shown = jaeger::trace(source, TraceId(id), TimeRange::ALL);
        all.push(said(shown.map(|shown| json(&|| serde_json::to_string(&shown)))));
    }
    for tags in [
        "{}",
        "{\"error\":\"true\"}",
        &format!("{{\"user.id\":\"{guess}\"}}"),
    ] {
        let find = jaeger::Find {
            tags: jaeger::tags_of(tags).unwrap(),
            limit: 100,
            ..jaeger::Find::default()
        };
        let found = jaeger::find(source, &find, TimeRange::ALL, &never);
        all.push(said(
            found.map(|(found, _)| json(&|| serde_json::to_string(&found))),
        ));
    }
    all
}

/// Bytes as text in which texts are still found.
fn hex(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Scenario: two stores that differ in their values alone, each asked every question, by a value that the first has and by one that
    /// none has. Guarantee: no answer holds the value, but where the question itself says it; the answers of both stores are the same
    /// to the byte: nothing about values can be learned from them.
    #[test]
    fn answers_do_not_depend_on_values(plan in plan()) {
        let of = |secret: &str| Redacted::of(Arc::new(Exact(filled(&plan, secret))));
        let (one, other) = (of("hunter2"), of("some quite other value"));
        for guess in ["hunter2", "nobody has this"] {
            let (mine, theirs) = (answers(&one, guess), answers(&other, guess));
            prop_assert_eq!(&mine, &theirs);
            if guess != "hunter2" {
                prop_assert!(mine.iter().all(|answer| !answer.contains("hunter2")));
            }
        }
        // The questions do tell of values where those are seen.
        prop_assert!(answers(&Exact(filled(&plan, "hunter2")), "x").iter().any(|answer| answer.contains("hunter2")));
    }
}

/// Scenario: a span with shown and hidden attributes. Guarantee: keys, names, times, ids, the shown values stay; two spans of one resource
/// share one afterwards.
#[test]
fn structure_stays() {
    let plan = vec![vec![
        Plan {
            id: 1,
            parent: 0,
            kind: 4,
            keys: vec![("http.route".to_owned(), 0)],
            beam: None,
        };
        2
    ]];
    let mut made = filled(&plan, "hunter2").remove(0);
    let shared = Arc::clone(&made[0].resource);
    made[1].resource = shared;
    let before = made.clone();
    spans(&mut made);
    assert!(Arc::ptr_eq(&made[0].resource, &made[1].resource));
    let (was, is) = (&before[0], &made[0]);
    assert_eq!(
        (was.id, was.parent, was.start_ns, was.end_ns, &was.name),
        (is.id, is.parent, is.start_ns, is.end_ns, &is.name)
    );
    assert_eq!((was.status, is.status_message.as_str()), (is.status, REDACTED));
    assert_eq!(is.resource.service(), "shop");
    let keys = |span: &Span| span.attributes.iter().map(|a| a.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(was), keys(is));
    assert_eq!(event::value_of(&is.attributes, "user.id"), Some(&REDACTED.into()));
    assert_eq!(
        event::value_of(&is.attributes, "http.route"),
        Some(&"hunter2".into())
    );
    assert_eq!(
        (is.events[0].name.as_str(), is.links[0].id),
        ("exception", SpanId(9))
    );
}

/// Scenario: a log record with a secret in every place. Guarantee: only time, severity and ids are left.
#[test]
fn log_records() {
    let mut records = vec![LogRecord {
        time_ns: 7,
        observed_ns: 8,
        severity: 9,
        severity_text: "hunter2".to_owned(),
        body: value(2, "hunter2"),
        attributes: vec![
            pair("user.id", "hunter2".into()),
            pair("service.name", "shop".into()),
        ],
        dropped_attributes: 0,
        flags: 0,
        trace: TraceId(3),
        span: SpanId(4),
        event_name: "hunter2".to_owned(),
        resource: Arc::default(),
        scope: Arc::default(),
    }];
    logs(&mut records);
    let text = wire::otlp::logs_json(&records);
    assert!(!text.contains("hunter2") && text.contains("shop"), "{text}");
    assert_eq!(
        (records[0].time_ns, records[0].severity, records[0].trace),
        (7, 9, TraceId(3))
    );
}

/// Scenario: a trace's answer with values, an error, a log point, a kind that is not known. Guarantee: none of what they said is left; that
/// they were there is.
#[test]
fn answers_of_traces() {
    let item = |kind: &str, name: &str| Item {
        depth: 0,
        parent: None,
        kind: kind.to_owned(),
        id: "1".to_owned(),
        name: name.to_owned(),
        clause: 1,
        node: "shop@a".to_owned(),
        pid: "<0.1.0>".to_owned(),
        hlc: 1,
        time_unix_us: 1,
        start_us: 0,
        module_key: String::new(),
        site: 0,
        place: None,
        values: vec![CapturedValue {
            role: "argument".to_owned(),
            name: "order".to_owned(),
            text: "hunter2".to_owned(),
            cut: true,
            redacted: false,
        }],
        error: Some(ErrorInfo {
            kind: "error".to_owned(),
            exception: "ArithmeticError".to_owned(),
            message: "hunter2".to_owned(),
            process: "hunter2".to_owned(),
            stacktrace: Vec::new(),
        }),
        frame: None,
    };
    let mut answer = TraceAnswer {
        trace: "ab".to_owned(),
        complete: true,
        missing: Vec::new(),
        start_unix_us: 1,
        duration_us: 1,
        nodes: vec!["shop@a".to_owned()],
        events: 4,
        calls: 1,
        errors: 1,
        inversions: 0,
        clock_shifts: Vec::new(),
        items: vec![
            item("call", "Shop.buy/1"),
            item("log", "hunter2"),
            item("exit", "hunter2"),
            item("new", "hunter2"),
        ],
    };
    trace_answer(&mut answer);
    let text = serde_json::to_string(&answer).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(answer.items[0].name, "Shop.buy/1");
    assert_eq!(answer.items[0].values[0].name, "order");
    assert!(answer.items[0].values[0].redacted);
    assert_eq!(
        answer.items[0].error.as_ref().unwrap().exception,
        "ArithmeticError"
    );
}
