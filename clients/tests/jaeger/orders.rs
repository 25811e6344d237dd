//! Two traces in OpenTelemetry's own types: an order that went through four spans of two services, and one that failed ten seconds later.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MS;
pub(crate) const ORDER: u128 = 0x0a1f_0000_0000_0000_0000_0000_0000_00b7;
pub(crate) const FAILED: u128 = 0xb2;

const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const ERROR: i32 = 2;

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

/// Both, the first begun at Unix nanoseconds `began_ns`; `user` is an attribute of the first one's root.
pub(crate) fn orders(began_ns: u64, user: &str) -> ExportTraceServiceRequest {
    let span = |trace: u128, id: u64, parent: u64, name: &str, kind: i32, ms: [u64; 2]| Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 {
            Vec::new()
        } else {
            parent.to_be_bytes().to_vec()
        },
        name: name.to_owned(),
        kind,
        start_time_unix_nano: began_ns + ms[0] * MS,
        end_time_unix_nano: began_ns + ms[1] * MS,
        ..Span::default()
    };
    let mut order = span(ORDER, 1, 0, "POST /orders", SERVER, [0, 100]);
    order.attributes = vec![
        pair("user.id", text(user)),
        pair("http.response.status_code", Value::IntValue(201)),
        pair("gift", Value::BoolValue(true)),
    ];
    order.events = vec![Event {
        time_unix_nano: began_ns + MS,
        name: "paid".to_owned(),
        ..Event::default()
    }];
    let mut failed = span(FAILED, 1, 0, "POST /orders", SERVER, [10_000, 10_005]);
    failed.status = Some(Status {
        message: "no stock".to_owned(),
        code: ERROR,
    });
    let of = |service: &str, spans: Vec<Span>| ResourceSpans {
        resource: Some(Resource {
            attributes: vec![pair("service.name", text(service))],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    let shop = vec![order, span(ORDER, 2, 1, "reserve", CLIENT, [10, 60]), failed];
    let stock = vec![
        span(ORDER, 3, 2, "reserve", SERVER, [15, 50]),
        span(ORDER, 4, 3, "SELECT", INTERNAL, [20, 40]),
    ];
    ExportTraceServiceRequest {
        resource_spans: vec![of("shop", shop), of("stock", stock)],
    }
}
