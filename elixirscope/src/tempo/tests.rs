//! Tempo's API over HTTP on the loopback, as Grafana and `curl` ask it.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Router;
use event::{KeyValue, Resource, Scope, Span, SpanId, SpanKind, TraceId};
use query::tempo::{Found, Inspected, SourceError, SpanSource, TimeRange};
use serde_json::{Value, json};
use traceql::Conditions;

use super::{Tempo, router, streaming};

const NOW_NS: u64 = 1_700_000_100_000_000_000;

/// Two spans of one trace, in memory; it fails for conditions that no trace meets, so that errors can be seen.
struct Two;

fn spans() -> Vec<Span> {
    let span = |id: u64, parent: u64, name: &str| Span {
        trace: TraceId(0xab),
        id: SpanId(id),
        parent: SpanId(parent),
        name: name.to_owned(),
        kind: SpanKind::Server,
        start_ns: NOW_NS - 60_000_000_000,
        end_ns: NOW_NS - 59_000_000_000,
        attributes: vec![KeyValue {
            key: "odd name".to_owned(),
            value: "v/1".into(),
        }],
        resource: Arc::new(Resource::default()),
        scope: Arc::new(Scope::default()),
        ..Span::blank()
    };
    vec![span(1, 0, "root"), span(2, 1, "child")]
}

impl SpanSource for Two {
    fn trace(&self, id: TraceId, _: TimeRange) -> Result<Found, SourceError> {
        Ok(Found {
            spans: if id == TraceId(0xab) { spans() } else { Vec::new() },
            missing: vec!["shard 3 did not answer".to_owned()],
        })
    }

    fn candidates(
        &self,
        conditions: &Conditions,
        _: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Inspected, SourceError> {
        if !conditions.holds(&traceql::Trace::new(&spans())) {
            return Err(SourceError::Failed("no such trace".to_owned()));
        }
        let _ = each(spans());
        Ok(Inspected {
            traces: 1,
            bytes: 10,
            missing: vec!["shard 3 did not answer".to_owned()],
        })
    }
}

/// Status, the header of what is missing, type, body.
type Got = (u16, String, String, Vec<u8>);

fn get(addr: SocketAddr, path: &str, accept: &str) -> Got {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let response = agent
        .get(format!("http://{addr}/tempo/api{path}"))
        .header("accept", accept)
        .call();
    let mut response = response.expect("the server answers");
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (missing, kind) = (header("x-elixirscope-missing"), header("content-type"));
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_vec().expect("a body");
    (status, missing, kind, body)
}

/// Runs requests against a server on the loopback.
fn serving(ask: impl FnOnce(SocketAddr) + Send + 'static) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let addr = listener.local_addr().expect("its address");
        let tempo = Tempo::new(crate::turns::Turns::new(Arc::new(Two)), || NOW_NS);
        let routes = Router::new()
            .nest("/tempo", router(tempo.clone()))
            .merge(streaming(tempo));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        tokio::task::spawn_blocking(move || ask(addr))
            .await
            .expect("the requests");
        server.abort();
    });
}

fn parsed(got: &Got) -> Value {
    assert_eq!(got.0, 200, "{}", String::from_utf8_lossy(&got.3));
    assert_eq!(got.2, "application/json");
    serde_json::from_slice(&got.3).expect("JSON")
}

/// Scenario: every route once, with parameters as Grafana sends them. Guarantee: the documented answers; what is missing is in the header and never
/// in the body of a search.
#[test]
fn routes() {
    serving(|addr| {
        let json_of = |path: &str| parsed(&get(addr, path, "application/json"));
        assert_eq!(get(addr, "/echo", "*/*").3, b"echo");
        assert!(json_of("/status/buildinfo")["version"].is_string());
        let found = get(
            addr,
            "/search?q=%7B%20name%20%3D%20%22child%22%20%7D&limit=5&spss=1&start=1700000000&end=1700000100",
            "*/*",
        );
        assert_eq!(found.1, "shard 3 did not answer");
        let found = parsed(&found);
        assert_eq!(found["traces"][0]["traceID"], "000000000000000000000000000000ab");
        assert_eq!(found["traces"][0]["spanSets"][0]["matched"], 1);
        assert_eq!(found["traces"][0]["rootTraceName"], "root");
        assert_eq!(found.as_object().expect("an object").len(), 2);
        let legacy = json_of("/search?tags=name%3Droot%20odd%3Dx&limit=0");
        assert_eq!(legacy["traces"], json!([]));
        assert_eq!(
            json_of("/search?tags=name%3Droot&minDuration=1s")["traces"][0]["durationMs"],
            1_000
        );
        assert_eq!(
            json_of("/v2/search/tags?scope=span")["scopes"],
            json!([{"name": "span", "tags": ["odd name"]}])
        );
        assert_eq!(
            json_of("/search/tags?scope=span")["tagNames"],
            json!(["odd name"])
        );
        let values = json_of("/v2/search/tag/span.odd%20name/values?q=%7B%20name%20%3D%20");
        assert_eq!(values["tagValues"], json!([{"type": "string", "value": "v/1"}]));
        assert_eq!(
            json_of("/search/tag/name/values")["tagValues"],
            json!(["child", "root"])
        );
        let series = json_of(
            "/metrics/query_range?q=%7B%7D%7Ccount_over_time()&start=1700000000&end=1700000100&step=50s",
        );
        assert_eq!(
            series["series"][0]["samples"],
            json!([
                {"timestampMs": "1700000000000", "value": 2.0}, {"timestampMs": "1700000050000", "value": 0.0}
            ])
        );
        assert_eq!(
            (&series["status"], &series["message"]),
            (&json!("PARTIAL"), &json!("shard 3 did not answer"))
        );
        let instant = json_of("/metrics/query?q=%7B%7D%7Crate()&since=100s");
        assert_eq!(instant["series"][0]["value"], json!(0.02));
        assert_eq!(instant.as_object().expect("an object").len(), 2);
    });
}

/// Scenario: a trace in both versions and forms, filtered, absent. Guarantee: protobuf and JSON as documented; 404 if it is absent.
#[test]
fn traces() {
    serving(|addr| {
        let (status, missing, kind, bytes) = get(addr, "/v2/traces/ab", "application/protobuf");
        assert_eq!(
            (status, missing.as_str(), kind.as_str()),
            (200, "shard 3 did not answer", "application/protobuf")
        );
        assert_eq!(bytes, query::tempo::proto::trace_by_id(&spans(), &[missing]));
        assert_eq!(
            get(addr, "/traces/ab", "application/protobuf").3,
            wire::otlp::encode_traces(&spans())
        );
        let whole = parsed(&get(addr, "/v2/traces/00ab", "*/*"));
        assert_eq!(
            whole["trace"]["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["name"],
            "child"
        );
        assert_eq!(
            (&whole["status"], &whole["message"]),
            (&json!("PARTIAL"), &json!("shard 3 did not answer"))
        );
        let first = parsed(&get(addr, "/traces/ab", "*/*"));
        assert_eq!(first["batches"][0]["scopeSpans"][0]["spans"][0]["name"], "root");
        let only = "/v2/traces/ab?keep_hierarchy=false&q=%7B%20name%20%3D%20%22child%22%20%7D";
        let only = parsed(&get(addr, only, "*/*"));
        assert_eq!(
            only["trace"]["resourceSpans"][0]["scopeSpans"][0]["spans"]
                .as_array()
                .map(Vec::len),
            Some(1)
        );
        let none = get(
            addr,
            "/v2/traces/ab?q=%7B%20name%20%3D%20%22x%22%20%7D",
            "application/protobuf",
        );
        assert_eq!((none.0, none.3.get(..2)), (200, Some(&[0x0a, 0][..])));
        assert_eq!(get(addr, "/v2/traces/cd", "application/protobuf").0, 404);
        assert_eq!(get(addr, "/traces/cd", "*/*").0, 404);
    });
}

/// Scenario: wrong questions. Guarantee: 400 with the place or the parameter, as text; a failing store is 500.
#[test]
fn refusals() {
    serving(|addr| {
        for (path, text) in [
            (
                "/search?q=%7B%20nme%20%3D%201%20%7D",
                "invalid TraceQL query: line 1, column 3: expected an attribute",
            ),
            ("/search?q=%7B%7D%7Crate()", "invalid q: a query for time series"),
            ("/search?limit=x", "invalid limit: expected a whole number"),
            (
                "/search?start=200&end=100",
                "invalid end: expected a time after start",
            ),
            ("/search?tags=novalue", "invalid tags: expected `=` after a key"),
            ("/v2/search/tags?scope=x", "invalid scope: expected resource"),
            ("/metrics/query_range", "invalid q: expected a TraceQL query"),
            (
                "/metrics/query_range?q=%7B%7D",
                "invalid q: no query for time series",
            ),
            (
                "/metrics/query_range?q=%7B%7D%7Crate()&step=1ns",
                "invalid step: 3600000000000 steps exceed the limit",
            ),
            (
                "/metrics/query?q=%7B%7D%7Crate()&since=x",
                "invalid since: expected a duration",
            ),
            (
                "/v2/traces/xyz",
                "invalid trace id: expected up to 32 hexadecimal digits",
            ),
            (
                "/v2/traces/ab?q=%7B%7D%7Ccount()%3E1",
                "invalid q: expected one spanset filter",
            ),
            (
                "/v2/traces/ab?keep_hierarchy=x",
                "invalid keep_hierarchy: expected true or false",
            ),
        ] {
            let (status, _, _, body) = get(addr, path, "*/*");
            let body = String::from_utf8_lossy(&body).into_owned();
            assert!(status == 400 && body.starts_with(text), "{path}: {status} {body}");
        }
        let failed = get(addr, "/search?q=%7B%20name%20%3D%20%22x%22%20%7D", "*/*");
        assert_eq!(
            (failed.0, failed.3.as_slice()),
            (500, &b"the store failed: no such trace\n"[..])
        );
    });
}

/// A call's message, or what the answer says instead: its status.
fn call(addr: SocketAddr, method: &str, request: &[u8]) -> Result<Vec<u8>, String> {
    let path = format!("http://{addr}/tempopb.StreamingQuerier/{method}");
    let framed = host::grpc::framed(request);
    let sent = ureq::post(path)
        .header("content-type", "application/grpc")
        .send(&framed[..]);
    let mut response = sent.expect("the server answers");
    let status = response
        .headers()
        .get("grpc-status")
        .map(|value| value.to_str().unwrap_or_default().to_owned());
    let body = response.body_mut().read_to_vec().expect("a body");
    match status {
        Some(status) if status != "0" => Err(status),
        _ => Ok(body.get(host::grpc::PREFIX_BYTES..).unwrap_or_default().to_vec()),
    }
}

/// Scenario: each call of gRPC once, and wrong ones. Guarantee: the same answers as over HTTP, as protobuf; wrong questions are refused with a
/// code.
#[test]
fn grpc() {
    use wire::otlp::proto::{LENGTH, VARINT, Writer, key};

    serving(|addr| {
        let request = |fields: &dyn Fn(&mut Writer)| {
            let mut writer = Writer::new();
            fields(&mut writer);
            writer.into_bytes()
        };
        let contains =
            |answer: &[u8], text: &str| answer.windows(text.len()).any(|part| part == text.as_bytes());
        let search = request(&|w| w.bytes(key(8, LENGTH), b"{ name = \"child\" }"));
        let found = call(addr, "Search", &search).expect("an answer");
        assert!(contains(&found, "000000000000000000000000000000ab") && contains(&found, "0000000000000002"));
        let names = call(
            addr,
            "SearchTagsV2",
            &request(&|w| w.bytes(key(1, LENGTH), b"span")),
        )
        .expect("an answer");
        assert_eq!(
            names,
            [&[0x0a, 16, 0x0a, 4][..], b"span", &[0x12, 8], b"odd name"].concat()
        );
        let values = call(
            addr,
            "SearchTagValuesV2",
            &request(&|w| w.bytes(key(1, LENGTH), b"span.odd name")),
        );
        assert_eq!(
            values,
            Ok([&[0x0a, 13, 0x0a, 6][..], b"string", &[0x12, 3], b"v/1"].concat())
        );
        let range = request(&|w| {
            w.bytes(key(1, LENGTH), b"{ } | count_over_time()");
            w.varint(key(2, VARINT), NOW_NS - 100_000_000_000);
            w.varint(key(3, VARINT), NOW_NS);
            w.varint(key(4, VARINT), 50_000_000_000);
        });
        let series = call(addr, "MetricsQueryRange", &range).expect("an answer");
        assert!(contains(&series, "count_over_time") && contains(&series, "shard 3 did not answer"));
        assert!(series.windows(8).any(|part| part == 2.0_f64.to_le_bytes()));
        let instant = request(&|w| w.bytes(key(1, LENGTH), b"{ } | rate()"));
        assert!(contains(
            &call(addr, "MetricsQueryInstant", &instant).expect("an answer"),
            "rate"
        ));
        let wrong = request(&|w| w.bytes(key(8, LENGTH), b"{ nme = 1 }"));
        assert_eq!(call(addr, "Search", &wrong), Err("3".to_owned()));
        assert_eq!(call(addr, "Search", &[0x42, 9]), Err("3".to_owned()));
        assert_eq!(call(addr, "Push", &[]), Err("12".to_owned()));
    });
}
