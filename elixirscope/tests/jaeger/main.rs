//! Jaeger's API at the door of a running member: spans are sent over OTLP and asked for as Jaeger's clients do over HTTP. (gRPC: `clients/`.)
//! What is asked and expected of each API is in its own file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod legacy;
mod roles;
mod v3;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use event::{KeyValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, StatusCode, TraceId, Value};
use testbed::{Bed, Child};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
/// An order that went through four spans of two services, and one that failed ten seconds later.
const ORDER: TraceId = TraceId(0x0a1f_0000_0000_0000_0000_0000_0000_00b7);
const FAILED: TraceId = TraceId(0xb2);

/// A member with spans in it.
struct Member {
    bed: Bed,
    otlp: String,
    /// Unix nanoseconds when the first trace began: a minute ago.
    began_ns: u64,
    _up: Child,
}

impl Member {
    /// Without tokens, with both traces.
    fn with_orders() -> Self {
        let member = Self::start(&[]);
        let (status, said) = member.send("", &orders(member.began_ns));
        assert_eq!(status, 200, "{said}");
        member
    }

    fn start(more: &[&str]) -> Self {
        Self::in_bed(
            Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope"))).unwrap(),
            more,
        )
    }

    fn in_bed(bed: Bed, more: &[&str]) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let otlp = free.local_addr().unwrap().to_string();
        drop(free);
        let up = bed.up(false, &[&["--otlp-http", &otlp], more].concat()).unwrap();
        let now_ns = host::now().to_unix_us() * 1_000;
        Self {
            bed,
            otlp,
            began_ns: now_ns - 60 * SECOND,
            _up: up,
        }
    }

    /// Sends spans over OTLP.
    fn send(&self, token: &str, spans: &[Span]) -> (u16, String) {
        let mut request = agent()
            .post(format!("http://{}/v1/traces", self.otlp))
            .header("content-type", "application/x-protobuf");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.send(&wire::otlp::encode_traces(spans)[..]).unwrap();
        let text = response.body_mut().read_to_string().unwrap_or_default();
        (response.status().as_u16(), text)
    }

    /// `GET` under `/jaeger/api`: status and body.
    fn get(&self, path: &str, token: &str) -> (u16, serde_json::Value) {
        let mut request = agent().get(format!("{}/jaeger/api{path}", self.bed.door().url));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        answer(request.call().unwrap())
    }

    /// The same, which must go well.
    fn ok(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.get(path, "");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// `POST` of JSON.
    fn post(&self, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let request = agent().post(format!("{}/jaeger/api{path}", self.bed.door().url));
        let request = request.header("content-type", "application/json");
        answer(request.send(body.to_string()).unwrap())
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.build().into()
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> (u16, serde_json::Value) {
    let text = response.body_mut().read_to_string().unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (response.status().as_u16(), body)
}

fn pair(key: &str, value: impl Into<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.into(),
    }
}

fn resource(service: &str) -> Arc<Resource> {
    Arc::new(Resource {
        attributes: vec![pair("service.name", service)],
        ..Resource::default()
    })
}

/// Both traces.
fn orders(began_ns: u64) -> Vec<Span> {
    let span = |id: u64, parent: u64, service: &str, name: &str, kind, from_ms: u64, to_ms: u64| Span {
        trace: ORDER,
        id: SpanId(id),
        parent: SpanId(parent),
        name: name.to_owned(),
        kind,
        start_ns: began_ns + from_ms * MS,
        end_ns: began_ns + to_ms * MS,
        resource: resource(service),
        scope: Arc::new(Scope {
            name: "orders".to_owned(),
            version: "1.2".to_owned(),
            ..Scope::default()
        }),
        ..Span::blank()
    };
    let mut order = span(1, 0, "shop", "POST /orders", SpanKind::Server, 0, 100);
    order.attributes = vec![
        pair("http.request.method", "POST"),
        pair("http.response.status_code", Value::Int(201)),
        pair("cart.total", Value::Double(12.5)),
        pair("gift", Value::Bool(true)),
    ];
    order.events = vec![SpanEvent {
        time_ns: began_ns + MS,
        name: "paid".to_owned(),
        attributes: vec![pair("by", "card")],
        dropped_attributes: 0,
    }];
    let mut failed = Span {
        trace: FAILED,
        status: StatusCode::Error,
        status_message: "no stock".to_owned(),
        ..span(1, 0, "shop", "POST /orders", SpanKind::Server, 10_000, 10_005)
    };
    failed.attributes = vec![pair("http.response.status_code", Value::Int(409))];
    vec![
        order,
        span(2, 1, "shop", "reserve", SpanKind::Client, 10, 60),
        span(3, 2, "stock", "reserve", SpanKind::Server, 15, 50),
        span(4, 3, "stock", "SELECT", SpanKind::Unspecified, 20, 40),
        failed,
    ]
}
