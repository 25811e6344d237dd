//! The API v3: questions as bytes and answers in their strict shapes, over a handful of traces.

use event::{SpanId, StatusCode};
use serde::Deserialize;

use super::{
    Asked, Call, Summary, decode, encode_dependencies, encode_operations, encode_services, encode_summaries,
};
use super::{dependencies, operations, summaries, traces};
use crate::jaeger::Find;
use crate::jaeger::tests::few;
use crate::tempo::TimeRange;

const START_NS: u64 = 1_790_000_000_000_000_000;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StrictSummary {
    trace_id: String,
    root_service_name: String,
    root_operation_name: String,
    min_start_time_unix_nano: String,
    max_end_time_unix_nano: String,
    span_count: i32,
    error_span_count: i32,
    orphan_span_count: i32,
    services: Vec<StrictService>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StrictService {
    name: String,
    span_count: i32,
    error_span_count: i32,
}

/// Scenario: summaries of a trace of two services and of one with an error and a parent that is not there. Guarantee: they decode strictly,
/// 64-bit numbers as text, counts as they are.
#[test]
fn summaries_decode_strictly() {
    let mut source = few();
    source.0[1][0].parent = SpanId(77);
    let find = Find {
        limit: 10,
        ..Find::default()
    };
    let (found, missing) = summaries(&source, &find, TimeRange::ALL, &|| false).unwrap();
    assert!(missing.is_empty());
    let text = serde_json::to_string(&found).unwrap();
    let strict: Vec<StrictSummary> = serde_json::from_str(&text).unwrap();
    let service = |name: &str, error_span_count| StrictService {
        name: name.to_owned(),
        span_count: 1,
        error_span_count,
    };
    let failed = StrictSummary {
        trace_id: format!("{:032x}", 2),
        root_service_name: String::new(),
        root_operation_name: String::new(),
        min_start_time_unix_nano: (START_NS + 3_000).to_string(),
        max_end_time_unix_nano: (START_NS + 8_000).to_string(),
        span_count: 1,
        error_span_count: 1,
        orphan_span_count: 1,
        services: vec![service("stock", 1)],
    };
    let order = StrictSummary {
        trace_id: format!("{:032x}", 1),
        root_service_name: "shop".to_owned(),
        root_operation_name: "order".to_owned(),
        min_start_time_unix_nano: (START_NS + 1_000).to_string(),
        max_end_time_unix_nano: (START_NS + 7_000).to_string(),
        span_count: 2,
        error_span_count: 0,
        orphan_span_count: 0,
        services: vec![service("shop", 0), service("stock", 0)],
    };
    assert_eq!(strict, [failed, order]);
}

/// Scenario: each call as a client writes it, byte by byte, field numbers of `query_service.proto`. Guarantee: each byte means what it means there.
#[test]
fn questions_by_hand() {
    assert_eq!(decode("GetServices", b"").unwrap(), Ok(Call::Services));
    let operations = Call::Operations {
        service: "s".to_owned(),
        kind: "server".to_owned(),
    };
    assert_eq!(
        decode("GetOperations", b"\x0a\x01s\x12\x06server").unwrap(),
        Ok(operations)
    );
    assert_eq!(
        decode("GetTrace", b"\x0a\x02ab\x12\x02\x08\x01\x20\x01").unwrap(),
        Ok(Call::Trace(event::TraceId(0xab)))
    );
    // Timestamps of 1 s + 2 ns and of 3 s.
    let range = TimeRange {
        start_ns: 1_000_000_002,
        end_ns: 3_000_000_000,
    };
    assert_eq!(
        decode("GetDependencies", b"\x0a\x04\x08\x01\x10\x02\x12\x02\x08\x03").unwrap(),
        Ok(Call::Dependencies(range))
    );
    // service s, operation o, attributes {k: v}, times, durations of 1 s and 2 ns, depth 5, raw.
    let query = b"\x0a\x01s\x12\x01o\x1a\x06\x0a\x01k\x12\x01v\x22\x04\x08\x01\x10\x02\x2a\x02\x08\x03\x32\x02\x08\x01\x3a\x02\x10\x02\x40\x05\x48\x01";
    let message = [&[0x0a, query.len() as u8][..], query].concat();
    let find = Find {
        service: "s".to_owned(),
        operation: "o".to_owned(),
        tags: [("k".to_owned(), "v".to_owned())].into(),
        duration_min: Some(1_000_000_000),
        duration_max: Some(2),
        limit: 5,
    };
    assert_eq!(
        decode("FindTraces", &message).unwrap(),
        Ok(Call::Find(find.clone(), range))
    );
    assert_eq!(
        decode("FindTraceSummaries", &message).unwrap(),
        Ok(Call::Summaries(find, range))
    );
    assert!(decode("Push", b"").is_none());
    for wrong in [&b"\x0a\x09"[..], b"", b"\x0a\x02\x52\x00", b"\x0a\x00"] {
        assert!(decode("FindTraces", wrong).unwrap().is_err(), "{wrong:?}");
    }
    // Depth -1 is the default, as in Jaeger.
    let times = b"\x22\x02\x08\x01\x2a\x02\x08\x03\x40\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    let message = [&[0x0a, times.len() as u8][..], times].concat();
    let Ok(Call::Find(find, _)) = decode("FindTraces", &message).unwrap() else {
        panic!("{message:?}");
    };
    assert_eq!(find.limit, 100);
    assert!(decode("GetOperations", b"").unwrap().is_err());
    assert!(decode("GetDependencies", b"\x0a\x02\x08\x01").unwrap().is_err());
    assert!(
        decode("GetDependencies", b"\x0a\x02\x08\x03\x12\x02\x08\x03")
            .unwrap()
            .is_err()
    );
    assert!(decode("GetTrace", b"\x0a\x01x").unwrap().is_err());
}

/// Scenario: answers. Guarantee: the bytes that `query_service.proto` gives them, written down by hand.
#[test]
fn answers_by_hand() {
    assert_eq!(
        encode_services(&["a".to_owned(), String::new()]),
        b"\x0a\x01a\x0a\x00"
    );
    let (named, _) = operations(&few(), "shop", "", TimeRange::ALL, &|| false).unwrap();
    assert_eq!(encode_operations(&named), b"\x0a\x0f\x0a\x05order\x12\x06server");
    let (edges, _) = dependencies(&few(), TimeRange::ALL, &|| false).unwrap();
    assert_eq!(
        encode_dependencies(&edges),
        b"\x0a\x0f\x0a\x04shop\x12\x05stock\x18\x01"
    );
    assert_eq!(
        serde_json::to_string(&edges).unwrap(),
        r#"[{"parent":"shop","child":"stock","callCount":"1"}]"#
    );
    let summary = Summary {
        trace_id: "t".to_owned(),
        root_service_name: "r".to_owned(),
        root_operation_name: "o".to_owned(),
        min_start_time_unix_nano: 1,
        max_end_time_unix_nano: 2,
        span_count: 3,
        error_span_count: 4,
        orphan_span_count: 5,
        services: vec![super::ServiceSummary {
            name: "s".to_owned(),
            span_count: 6,
            error_span_count: 7,
        }],
    };
    let expected = b"\x0a\x2a\x0a\x01t\x12\x01r\x1a\x01o\x21\x01\0\0\0\0\0\0\0\x29\x02\0\0\0\0\0\0\0\x30\x03\x38\x04\x40\x05\x4a\x07\x0a\x01s\x10\x06\x18\x07";
    assert_eq!(encode_summaries(&[summary]), expected);
}

/// Scenario: operations by kind, traces by attribute, searches that are not whole. Guarantee: exact; what is wrong is named.
#[test]
fn searches() {
    let source = few();
    let (none, _) = operations(&source, "shop", "client", TimeRange::ALL, &|| false).unwrap();
    assert!(none.is_empty());
    let asked = Asked {
        attributes: [("error".to_owned(), "true".to_owned())].into(),
        start_ns: Some(0),
        end_ns: Some(u64::MAX),
        ..Asked::default()
    };
    let (find, range) = asked.clone().check().unwrap();
    assert_eq!(find.limit, 100);
    let (found, _) = traces(&source, &find, range, &|| false).unwrap();
    assert_eq!((found.len(), found[0][0].status), (1, StatusCode::Error));
    let says = |asked: Asked| asked.check().unwrap_err().to_string();
    let without = |change: &dyn Fn(&mut Asked)| {
        let mut asked = asked.clone();
        change(&mut asked);
        says(asked)
    };
    assert!(without(&|a| a.start_ns = None).contains("query.startTimeMin"));
    assert!(without(&|a| a.end_ns = None).contains("query.startTimeMax"));
    assert!(without(&|a| a.end_ns = Some(0)).contains("query.startTimeMax"));
    assert!(without(&|a| a.depth = Some(1_501)).contains("query.searchDepth"));
    assert!(without(&|a| a.filter = true).contains("query.filter"));
}
