//! OpenTelemetry's Rust SDK sends spans with its own OTLP exporters; they are read back through Tempo's API and compared with what was sent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod watched;

use std::time::{Duration, SystemTime};

use clients::Member;
use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider as _,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_otlp::{
    Compression, Protocol, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, TracesData};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use prost::Message;
use tokio::runtime::Runtime;

use watched::{Sent, Watched};

/// `tempopb.TraceByIDResponse`; its trace is laid out as OTLP's `TracesData`.
#[derive(Clone, PartialEq, Message)]
struct TraceById {
    #[prost(message, optional, tag = "1")]
    trace: Option<TracesData>,
    #[prost(int32, tag = "3")]
    status: i32,
    #[prost(string, tag = "4")]
    message: String,
}

fn kv(key: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(key, value)
}

fn array(values: Array) -> Value {
    Value::Array(values)
}

/// Every type of attribute that the SDK has, with values at the edges.
fn attributes() -> Vec<KeyValue> {
    let texts: Vec<StringValue> = vec!["".into(), "a\u{0}b".into(), "\u{1F980}".into()];
    vec![
        kv("text", "plain"),
        kv("text.empty", ""),
        kv("text.long", "x".repeat(20_000)),
        kv("truth", true),
        kv("untruth", false),
        kv("int", 42),
        kv("int.least", i64::MIN),
        kv("int.most", i64::MAX),
        kv("double", 0.1),
        kv("double.zero", -0.0),
        kv("double.tiny", f64::MIN_POSITIVE),
        kv("double.infinite", f64::INFINITY),
        kv("truths", array(Array::Bool(vec![true, false]))),
        kv("ints", array(Array::I64(vec![i64::MIN, -1, 0, i64::MAX]))),
        kv("doubles", array(Array::F64(vec![1.5, -2.25]))),
        kv("texts", array(Array::String(texts))),
        kv("nothing", array(Array::String(Vec::new()))),
    ]
}

/// A trace whose spans have all that the SDK can give one; its root came from another process.
fn work(tracer: &SdkTracer, other: &SdkTracer, remote: &SpanContext) {
    let at = |ms: u64| SystemTime::now() - Duration::from_secs(30) + Duration::from_millis(ms);
    let link = Link::new(
        SpanContext::new(
            TraceId::from(0xfeed),
            SpanId::from(0xbeef),
            TraceFlags::SAMPLED,
            true,
            TraceState::from_key_value([("vendor", "v1")]).unwrap(),
        ),
        attributes(),
        0,
    );
    let came = Context::new().with_remote_span_context(remote.clone());
    let mut root = tracer
        .span_builder("GET /\u{e4}pfel")
        .with_kind(SpanKind::Server)
        .with_start_time(at(0))
        .with_attributes(attributes())
        .with_links(vec![link])
        .start_with_context(tracer, &came);
    root.add_event_with_timestamp("cache.miss", at(1), attributes());
    root.add_event_with_timestamp("", at(2), Vec::new());
    root.set_status(Status::Ok);
    let inside = Context::new().with_remote_span_context(root.span_context().clone());
    for (kind, status) in [
        (SpanKind::Client, Status::error("refused: \"no\"")),
        (SpanKind::Producer, Status::Unset),
        (SpanKind::Consumer, Status::error("")),
        (SpanKind::Internal, Status::Ok),
    ] {
        let mut span = other
            .span_builder(format!("{kind:?}"))
            .with_kind(kind)
            .with_start_time(at(3))
            .start_with_context(other, &inside);
        span.record_error(&std::io::Error::other("broken pipe"));
        span.add_link(remote.clone(), Vec::new());
        span.set_status(status);
        span.end_with_timestamp(at(9));
    }
    root.end_with_timestamp(at(10));
}

/// Spans of messages in one order, each with what it belongs to.
fn sorted(messages: &[ResourceSpans]) -> Vec<(String, Span)> {
    let mut all = Vec::new();
    for of in messages {
        for scope in &of.scope_spans {
            let owner = format!(
                "{:?} {:?} {:?} {:?}",
                of.resource, of.schema_url, scope.scope, scope.schema_url
            );
            all.extend(scope.spans.iter().map(|span| (owner.clone(), stated(span))));
        }
    }
    all.sort_by(|(_, a), (_, b)| a.span_id.cmp(&b.span_id));
    all
}

/// A span whose status is written: the SDK writes one that is unset as a message of 0 bytes, which says what its absence says.
fn stated(span: &Span) -> Span {
    let mut span = span.clone();
    span.status.get_or_insert_default();
    span
}

/// Sends a trace with an exporter: what was sent.
fn export(exporter: SpanExporter, runtime: &Runtime, trace: TraceId) -> Vec<ResourceSpans> {
    let (watched, sent): (Watched, Sent) = Watched::new(exporter, runtime.handle().clone());
    let schema = "https://opentelemetry.io/schemas/1.37.0";
    let resource = Resource::builder_empty()
        .with_service_name("exporter")
        .with_schema_url(attributes(), schema)
        .build();
    // The batch of the SDK, as in a service; its queue is flushed at the end.
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(watched)
        .with_resource(resource)
        .build();
    let scope = InstrumentationScope::builder("clients")
        .with_version("0.1")
        .with_schema_url(schema)
        .with_attributes(attributes())
        .build();
    let tracer = provider.tracer_with_scope(scope);
    let state = TraceState::from_key_value([("a", "1"), ("b", "2")]).unwrap();
    let remote = SpanContext::new(trace, SpanId::from(7), TraceFlags::SAMPLED, true, state);
    work(&tracer, &provider.tracer("plain"), &remote);
    provider.shutdown().unwrap();
    let sent = sent.lock().unwrap();
    sent.clone()
}

/// Scenario: the SDK's batch processor with each exporter (HTTP with protobuf, gRPC; plain and gzip) sends a trace with every type of attribute, in
/// resource, scope, spans, events and links; events, links, states, all kinds and statuses. Guarantee: Tempo's trace by id v2 gives back each
/// message as it was sent, field by field.
#[test]
fn what_the_sdk_sends_comes_back_unchanged() {
    let member = Member::start().unwrap();
    let runtime = Runtime::new().unwrap();
    let http = || {
        let url = format!("{}/v1/traces", member.otlp_http());
        let exporter = SpanExporter::builder().with_http().with_endpoint(url);
        exporter.with_protocol(Protocol::HttpBinary)
    };
    let grpc = || {
        let exporter = SpanExporter::builder().with_tonic();
        exporter.with_endpoint(member.otlp_grpc())
    };
    let _within = runtime.enter();
    let exporters = [
        ("HTTP", http().build()),
        ("HTTP, gzip", http().with_compression(Compression::Gzip).build()),
        ("gRPC", grpc().build()),
        ("gRPC, gzip", grpc().with_compression(Compression::Gzip).build()),
    ];
    for (number, (name, exporter)) in (1_u64..).zip(exporters) {
        let trace = TraceId::from(u128::from(number) << 64 | 0xabc);
        let sent = export(exporter.unwrap(), &runtime, trace);
        let sent = sorted(&sent);
        assert_eq!(sent.len(), 5, "{name}");
        let url = format!("{}/tempo/api/v2/traces/{trace}", member.door().url);
        let mut response = ureq::get(url)
            .header("accept", "application/protobuf")
            .call()
            .unwrap();
        let bytes = response.body_mut().read_to_vec().unwrap();
        let answer = TraceById::decode(&bytes[..]).unwrap();
        assert_eq!((answer.status, answer.message.as_str()), (0, ""), "{name}");
        let back = sorted(&answer.trace.unwrap().resource_spans);
        assert_eq!(back.len(), 5, "{name}");
        for (back, sent) in back.iter().zip(&sent) {
            assert_eq!(back, sent, "{name}");
        }
    }
}
