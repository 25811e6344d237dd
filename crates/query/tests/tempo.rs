//! Tempo's answers over spans in memory: which, in which order, with which bounds, in exactly the shapes that Grafana decodes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::float_cmp,
    clippy::enum_variant_names,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use event::{KeyValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, StatusCode, TraceId, Value};
use query::tempo::{
    Found, Inspected, SearchRequest, SourceError, SpanSource, TagRequest, TagScope, TimeRange, TraceRequest,
    instant, proto, range, search, tag_names, tag_values, trace,
};
use serde::Deserialize;
use traceql::metrics::{Limits, Range};
use traceql::{Conditions, Query, Trace};

const SECOND: u64 = 1_000_000_000;

/// Spans by trace, in memory. It gives what meets the conditions exactly, so that conditions that are too strict lose traces.
#[derive(Default)]
struct Memory {
    traces: BTreeMap<TraceId, Vec<Span>>,
    missing: Vec<String>,
}

impl SpanSource for Memory {
    fn trace(&self, id: TraceId, _: TimeRange) -> Result<Found, SourceError> {
        Ok(Found {
            spans: self.traces.get(&id).cloned().unwrap_or_default(),
            missing: self.missing.clone(),
        })
    }

    fn candidates(
        &self,
        conditions: &Conditions,
        range: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Inspected, SourceError> {
        let mut inspected = Inspected {
            missing: self.missing.clone(),
            ..Inspected::default()
        };
        let mut latest: Vec<&Vec<Span>> = self.traces.values().collect();
        latest.sort_by_key(|spans| std::cmp::Reverse(Trace::new(spans).times().0));
        for spans in latest {
            let trace = Trace::new(spans);
            let (start, end) = trace.times();
            if conditions.holds(&trace) && range.overlaps(start, end) {
                inspected.traces += 1;
                inspected.bytes += 100;
                if each(spans.clone()).is_break() {
                    break;
                }
            }
        }
        Ok(inspected)
    }
}

fn attribute(key: &str, value: impl Into<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.into(),
    }
}

fn span(trace: u128, id: u64, parent: u64, name: &str, start_s: u64) -> Span {
    Span {
        trace: TraceId(trace),
        id: SpanId(id),
        parent: SpanId(parent),
        trace_state: String::new(),
        flags: 0,
        name: name.to_owned(),
        kind: SpanKind::Server,
        start_ns: start_s * SECOND + id,
        end_ns: start_s * SECOND + id + 250_000_000,
        status: if name == "broken" {
            StatusCode::Error
        } else {
            StatusCode::Unset
        },
        status_message: String::new(),
        attributes: vec![attribute("n", id as i64), attribute("half", id as f64 / 2.0)],
        dropped_attributes: 0,
        events: vec![SpanEvent {
            time_ns: start_s * SECOND,
            name: "e".to_owned(),
            attributes: vec![attribute("exception.type", "Boom")],
            dropped_attributes: 0,
        }],
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        resource: Arc::new(Resource {
            attributes: vec![attribute("service.name", if id == 1 { "front" } else { "back" })],
            ..Resource::default()
        }),
        scope: Arc::new(Scope::default()),
    }
}

/// Ten traces, a second apart: a root, two children; the second child of odd ones is broken.
fn memory() -> Memory {
    let traces = (1..=10_u128).map(|number| {
        let start = 100 + number as u64;
        let last = if number % 2 == 1 { "broken" } else { "fine" };
        let spans = vec![
            span(number, 1, 0, "root", start),
            span(number, 2, 1, "child", start),
            span(number, 3, 1, last, start),
        ];
        (TraceId(number), spans)
    });
    Memory {
        traces: traces.collect(),
        missing: Vec::new(),
    }
}

fn request(query: &str, limit: usize) -> SearchRequest {
    SearchRequest {
        query: Query::new(query).unwrap(),
        range: TimeRange::ALL,
        limit,
        spans_per_set: 3,
    }
}

fn never() -> bool {
    false
}

/// The shape that Grafana decodes, unknown keys refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape matters")]
struct StrictSearch {
    traces: Vec<StrictTrace>,
    metrics: StrictMetrics,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape matters")]
struct StrictMetrics {
    inspected_traces: u32,
    inspected_bytes: String,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape matters")]
struct StrictTrace {
    #[serde(rename = "traceID")]
    trace_id: String,
    root_service_name: String,
    root_trace_name: String,
    start_time_unix_nano: String,
    duration_ms: u32,
    span_set: Option<StrictSet>,
    span_sets: Vec<StrictSet>,
    service_stats: BTreeMap<String, StrictStats>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape matters")]
struct StrictStats {
    span_count: u32,
    error_count: u32,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape matters")]
struct StrictSet {
    spans: Vec<StrictSpan>,
    matched: u32,
    #[serde(default)]
    attributes: Vec<StrictPair>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape matters")]
struct StrictSpan {
    #[serde(rename = "spanID")]
    span_id: String,
    name: String,
    start_time_unix_nano: String,
    duration_nanos: String,
    #[serde(default)]
    attributes: Vec<StrictPair>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape matters")]
struct StrictPair {
    key: String,
    value: StrictValue,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the shape matters")]
enum StrictValue {
    StringValue(String),
    IntValue(String),
    DoubleValue(f64),
    BoolValue(bool),
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only the shape matters")]
struct StrictInstant {
    series: Vec<StrictInstantSeries>,
    metrics: StrictMetrics,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only the shape matters")]
struct StrictInstantSeries {
    labels: Vec<StrictPair>,
    value: f64,
}

/// Scenario: a search as Traces Drilldown sends it. Guarantee: exactly the keys that Grafana knows, 64-bit numbers as text, nested-set numbers as
/// attributes of spans.
#[test]
fn search_shape() {
    let query = "({nestedSetParent<0} &>> {status=error}) | select(status, resource.service.name, nestedSetParent, nestedSetLeft, \
                 nestedSetRight) | count() > 1";
    let response = search(&memory(), &request(query, 1), &never).unwrap();
    let json = serde_json::to_string(&response).unwrap();
    let strict: StrictSearch = serde_json::from_str(&json).unwrap();
    assert_eq!(strict.traces.len(), 1);
    let expected = r#"{"traces":[{"traceID":"00000000000000000000000000000009","rootServiceName":"front","rootTraceName":"root","startTimeUnixNano":"109000000001","durationMs":250,"spanSet":SET,"spanSets":[SET],"serviceStats":{"back":{"spanCount":2,"errorCount":1},"front":{"spanCount":1,"errorCount":0}}}],"metrics":{"inspectedTraces":1,"inspectedBytes":"100"}}"#;
    let root = r#"{"spanID":"0000000000000001","name":"root","startTimeUnixNano":"109000000001","durationNanos":"250000000","attributes":[{"key":"nestedSetParent","value":{"intValue":"-1"}},{"key":"status","value":{"stringValue":"unset"}},{"key":"service.name","value":{"stringValue":"front"}},{"key":"nestedSetLeft","value":{"intValue":"1"}},{"key":"nestedSetRight","value":{"intValue":"6"}}]}"#;
    let child = r#"{"spanID":"0000000000000003","name":"broken","startTimeUnixNano":"109000000003","durationNanos":"250000000","attributes":[{"key":"nestedSetParent","value":{"intValue":"1"}},{"key":"status","value":{"stringValue":"error"}},{"key":"service.name","value":{"stringValue":"back"}},{"key":"nestedSetLeft","value":{"intValue":"4"}},{"key":"nestedSetRight","value":{"intValue":"5"}}]}"#;
    let set = format!(
        r#"{{"spans":[{root},{child}],"matched":2,"attributes":[{{"key":"count()","value":{{"intValue":"2"}}}}]}}"#
    );
    assert_eq!(json, expected.replace("SET", &set));
}

/// Scenario: limits of traces and spans, ranges, a deadline, a source with gaps. Guarantee: the latest traces, as many as asked for; what is
/// lacking is said.
#[test]
fn search_bounds() {
    let memory = memory();
    let ids = |request: &SearchRequest| -> Vec<u128> {
        let found = search(&memory, request, &never).unwrap();
        found
            .traces
            .iter()
            .map(|t| u128::from_str_radix(&t.trace_id, 16).unwrap())
            .collect()
    };
    assert_eq!(ids(&request("{ status = error }", 3)), [9, 7, 5]);
    assert_eq!(ids(&request("{ }", 0)), [] as [u128; 0]);
    let mut ranged = request("{ }", 20);
    ranged.range = TimeRange {
        start_ns: 103 * SECOND,
        end_ns: 105 * SECOND,
    };
    assert_eq!(ids(&ranged), [4, 3]);
    let mut few = request("{ }", 1);
    few.spans_per_set = 2;
    let found = search(&memory, &few, &never).unwrap();
    assert_eq!(
        (
            found.traces[0].span_sets[0].spans.len(),
            found.traces[0].span_sets[0].matched
        ),
        (2, 3)
    );
    few.spans_per_set = 0;
    assert_eq!(
        search(&memory, &few, &never).unwrap().traces[0].span_sets[0]
            .spans
            .len(),
        3
    );
    let late = search(&memory, &request("{ name = \"child\" }", 20), &|| true).unwrap();
    assert_eq!((late.traces.len(), late.missing.len()), (1, 1));
    assert!(
        search(&memory, &request("{ } | rate()", 20), &never)
            .unwrap_err()
            .is_invalid()
    );
}

/// Scenario: a trace whose root has not come. Guarantee: it is found, its root named as in Tempo.
#[test]
fn rootless() {
    let mut memory = Memory::default();
    memory.traces.insert(TraceId(1), vec![span(1, 2, 1, "child", 5)]);
    let found = search(&memory, &request("{ }", 1), &never).unwrap();
    assert_eq!(found.traces[0].root_service_name, "<root span not yet received>");
    assert_eq!(found.traces[0].root_trace_name, "");
}

/// Scenario: time series over a range, with exemplars; a source with gaps. Guarantee: the documented shape; the status says what is lacking.
#[test]
fn series_shape() {
    let query = Query::new("{ status = error } | rate() by (resource.service.name)").unwrap();
    let steps = Range::steps(100 * SECOND, 120 * SECOND, 10 * SECOND).unwrap();
    let limits = Limits {
        exemplars: 1,
        ..Limits::default()
    };
    let mut source = memory();
    let response = range(&source, &query, steps, limits, &never).unwrap();
    let json = serde_json::to_value(&response).unwrap();
    assert_eq!(json["series"][0]["labels"][0]["key"], "resource.service.name");
    assert_eq!(json["series"][0]["labels"][0]["value"]["stringValue"], "back");
    assert_eq!(
        json["series"][0]["samples"],
        serde_json::json!([{"timestampMs":"100000","value":0.5},{"timestampMs":"110000","value":0.0}])
    );
    let exemplar = &json["series"][0]["exemplars"][0];
    assert_eq!(exemplar["labels"][0]["key"], "trace:id");
    assert_eq!(exemplar["value"], 0.5);
    assert_eq!(json["metrics"]["inspectedTraces"], 5);
    assert!(json.get("status").is_none());
    source.missing = vec!["shard 3 did not answer".to_owned()];
    let partial = serde_json::to_value(range(&source, &query, steps, limits, &never).unwrap()).unwrap();
    assert_eq!(
        (&partial["status"], &partial["message"]),
        (&"PARTIAL".into(), &"shard 3 did not answer".into())
    );
    assert!(
        range(&source, &Query::new("{ }").unwrap(), steps, limits, &never)
            .unwrap_err()
            .is_invalid()
    );
}

/// Scenario: an instant query, as the comparison tab of Traces Drilldown sends it. Guarantee: exactly the keys that Grafana knows.
#[test]
fn instant_shape() {
    let query = Query::new("{ } | compare({ status = error })").unwrap();
    let times = TimeRange {
        start_ns: 100 * SECOND,
        end_ns: 120 * SECOND,
    };
    let response = instant(&memory(), &query, times, Limits::default(), &never).unwrap();
    let json = serde_json::to_string(&response).unwrap();
    let strict: StrictInstant = serde_json::from_str(&json).unwrap();
    let broken = strict.series.iter().find(|series| {
        let is = |pair: &StrictPair, key: &str, text: &str| {
            pair.key == key && matches!(&pair.value, StrictValue::StringValue(found) if found == text)
        };
        series
            .labels
            .iter()
            .any(|pair| is(pair, "__meta_type", "selection"))
            && series.labels.iter().any(|pair| is(pair, "name", "broken"))
    });
    assert_eq!(broken.unwrap().value, 5.0);
}

/// Scenario: names and values of attributes, filtered, bounded. Guarantee: by scope, sorted, typed; a filter that is being typed is no error.
#[test]
fn tags() {
    let memory = memory();
    let request = |filter: &str, limit: usize| TagRequest {
        range: TimeRange::ALL,
        filter: filter.to_owned(),
        limit,
    };
    let names = tag_names(&memory, &TagScope::of(None).unwrap(), &request("", 0), &never).unwrap();
    let json = serde_json::to_value(&names).unwrap();
    let scope = |name: &str| {
        json["scopes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["name"] == name)
            .unwrap()["tags"]
            .clone()
    };
    assert_eq!(scope("resource"), serde_json::json!(["service.name"]));
    assert_eq!(scope("span"), serde_json::json!(["half", "n"]));
    assert_eq!(scope("event"), serde_json::json!(["exception.type"]));
    assert!(
        scope("intrinsic")
            .as_array()
            .unwrap()
            .contains(&"span:duration".into())
    );
    let values = |tag: &str, filter: &str, limit: usize| {
        let found = tag_values(&memory, tag, &request(filter, limit), &never).unwrap();
        let lacking = found.missing.len();
        let shown = found.tag_values.iter().map(|v| format!("{}:{}", v.kind, v.value));
        (shown.collect::<Vec<_>>().join(" "), lacking)
    };
    assert_eq!(
        values("resource.service.name", "", 0),
        ("string:back string:front".to_owned(), 0)
    );
    assert_eq!(
        values(".service.name", "{ name = \"root\" && .x = }", 0),
        ("string:front".to_owned(), 0)
    );
    assert_eq!(values("span.n", "", 0), ("int:1 int:2 int:3".to_owned(), 0));
    assert_eq!(values("half", "", 1), ("float:0.5".to_owned(), 1));
    assert_eq!(values("duration", "", 0), ("duration:250ms".to_owned(), 0));
    assert_eq!(
        values("status", "", 0),
        ("keyword:unset keyword:ok keyword:error".to_owned(), 0)
    );
    assert_eq!(
        values("event.exception.type", "{ status = error }", 0),
        ("string:Boom".to_owned(), 0)
    );
    assert_eq!(
        values("name", "{ status = error }", 0),
        ("string:broken".to_owned(), 0)
    );
    assert!(TagScope::of(Some("nothing")).is_err());
}

/// Scenario: a trace by id as protobuf, whole, filtered, absent. Guarantee: field 1 is always there; a filter keeps the way from the root unless told
/// otherwise; what is lacking is said.
#[test]
fn trace_by_id() {
    let mut memory = memory();
    let of = |memory: &Memory, id: u128, filter: Option<&str>, keep_hierarchy: bool| {
        let request = TraceRequest {
            id: TraceId(id),
            range: TimeRange::ALL,
            filter: filter.map(|text| Query::new(text).unwrap()),
            keep_hierarchy,
        };
        trace(memory, &request).map(|found| found.spans.iter().map(|span| span.id.0).collect::<Vec<_>>())
    };
    assert_eq!(of(&memory, 1, None, true), Ok(vec![1, 2, 3]));
    assert_eq!(of(&memory, 1, Some("{ status = error }"), true), Ok(vec![1, 3]));
    assert_eq!(of(&memory, 1, Some("{ status = error }"), false), Ok(vec![3]));
    assert_eq!(of(&memory, 99, None, true), Ok(vec![]));
    assert!(
        of(&memory, 1, Some("{ } | count() > 1"), true)
            .unwrap_err()
            .is_invalid()
    );
    assert_eq!(proto::trace_by_id(&[], &[]), [0x0a, 0, 0x12, 0]);
    memory.missing = vec!["gap".to_owned()];
    let bytes = proto::trace_by_id(&memory.traces[&TraceId(1)], &memory.missing);
    let inner = wire::otlp::encode_traces(&memory.traces[&TraceId(1)]);
    assert!(bytes.windows(inner.len()).any(|window| window == inner));
    assert!(bytes.ends_with(&[0x12, 0, 0x18, 1, 0x22, 3, b'g', b'a', b'p']));
}
