//! The model comes back from protobuf and from JSON.

use super::samples::{bare_span, log_record, span};
use crate::otlp::schema::{logs, traces};
use crate::otlp::{
    Notes, decode_logs, decode_traces, encode_logs, encode_traces, json_to_protobuf, logs_json, traces_json,
};
use event::{KeyValue, Resource, Scope, Span, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Guarantee: a span alone comes back as it was, without a note; NaN compares by its bits.
    #[test]
    fn one_span(span in span()) {
        let bytes = encode_traces([&span]);
        let decoded = decode_traces(&bytes).unwrap();
        prop_assert_eq!(decoded.notes, Notes::default());
        prop_assert_eq!(format!("{:?}", decoded.records), format!("{:?}", [&span]));
    }

    /// Guarantee: many spans come back, grouped; what is grouped already stays in its order, byte for byte.
    #[test]
    fn many_spans(spans in vec(span(), 0..6)) {
        let bytes = encode_traces(&spans);
        let decoded = decode_traces(&bytes).unwrap();
        prop_assert_eq!(decoded.records.len(), spans.len());
        prop_assert_eq!(encode_traces(&decoded.records), bytes);
        let shown = |spans: &[Span]| {
            let mut lines: Vec<String> = spans.iter().map(|span| format!("{span:?}")).collect();
            lines.sort();
            lines
        };
        prop_assert_eq!(shown(&decoded.records), shown(&spans));
    }

    /// Guarantee: log records come back.
    #[test]
    fn one_log_record(record in log_record()) {
        let decoded = decode_logs(&encode_logs([&record])).unwrap();
        prop_assert_eq!(decoded.notes, Notes::default());
        prop_assert_eq!(format!("{:?}", decoded.records), format!("{:?}", [&record]));
    }

    /// Guarantee: model to JSON to protobuf to model is the model.
    #[test]
    fn through_json(spans in vec(span(), 0..3), records in vec(log_record(), 0..3)) {
        let json = traces_json(&spans);
        let bytes = json_to_protobuf(&traces::MESSAGE, json.as_bytes()).unwrap();
        prop_assert_eq!(encode_traces(&decode_traces(&bytes).unwrap().records), encode_traces(&spans));
        let json = logs_json(&records);
        let bytes = json_to_protobuf(&logs::MESSAGE, json.as_bytes()).unwrap();
        prop_assert_eq!(encode_logs(&decode_logs(&bytes).unwrap().records), encode_logs(&records));
    }
}

/// Scenario: spans of two services by turns, of equal resources that are not the same object. Guarantee: one group a service,
/// one object a group, the order within it kept.
#[test]
fn grouped() {
    let resource = |name: &str| {
        let attributes = vec![KeyValue {
            key: "service.name".into(),
            value: name.into(),
        }];
        Arc::new(Resource {
            attributes,
            ..Resource::default()
        })
    };
    let scope = |name: &str| {
        Arc::new(Scope {
            name: name.into(),
            ..Scope::default()
        })
    };
    let spans: Vec<Span> = (0..12)
        .map(|n| Span {
            start_ns: n,
            resource: resource(if n % 2 == 0 { "shop" } else { "billing" }),
            scope: scope(if n % 3 == 0 { "ecto" } else { "plug" }),
            ..bare_span()
        })
        .collect();
    let decoded = decode_traces(&encode_traces(&spans)).unwrap().records;
    let order: Vec<u64> = decoded.iter().map(|span| span.start_ns).collect();
    assert_eq!(order, [0, 6, 2, 4, 8, 10, 1, 5, 7, 11, 3, 9]);
    assert!(
        decoded[..6]
            .iter()
            .all(|span| Arc::ptr_eq(&span.resource, &decoded[0].resource))
    );
    assert_eq!(decoded[0].resource.service(), "shop");
    assert_eq!(decoded[6].resource.service(), "billing");
    assert_eq!(decoded[0].scope.name, "ecto");
}

/// Scenario: a value nested deeper than is read. Guarantee: the encoder writes what the decoder takes, to its depth.
#[test]
fn deep() {
    let mut value = Value::Int(1);
    for _ in 0..100 {
        value = Value::Array(vec![value]);
    }
    let attributes = vec![KeyValue {
        key: "deep".into(),
        value,
    }];
    let span = Span {
        attributes,
        ..bare_span()
    };
    let decoded = decode_traces(&encode_traces([&span])).unwrap();
    assert_eq!(decoded.notes, Notes::default());
    let (mut depth, mut value) = (1, &decoded.records[0].attributes[0].value);
    while let Value::Array(values) = value {
        let Some(inner) = values.first() else { break };
        (depth, value) = (depth + 1, inner);
    }
    assert_eq!(depth, crate::otlp::DEPTH_MAX);
}
