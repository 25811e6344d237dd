//! What is in the protobuf.

use super::house::{Expect, House};
use super::http_client::{Case, run_all};
use super::requests::{attribute, deep, good, good_logs, id, one, spans};
use Expect::{Accepted, Partly, Refused};
use wire::otlp::DEPTH_MAX;
use wire::otlp::proto::{END_GROUP, FIXED32, FIXED64, GROUP, LENGTH, VARINT, Writer, key};
use wire::otlp::schema::{
    any_value, event, key_value, link, log_record, resource_logs, resource_spans, scope_logs, scope_spans,
    span, status, traces,
};

fn tag(w: &mut Writer, number: u32, wire_type: u32) {
    w.raw_varint(u64::from(key(number, wire_type)));
}

/// A span with good ids and whatever `write` adds.
fn with(write: impl Fn(&mut Writer)) -> Vec<u8> {
    one(|w| {
        id(w, 0);
        write(w);
    })
}

/// Scenario: requests that are unusual and allowed. Guarantee: all accepted, and nothing is said of them.
#[tokio::test(flavor = "multi_thread")]
async fn allowed() {
    let house = House::start().await;
    let at = |start: u64, end: u64| {
        with(move |w| {
            w.fixed64_always(span::START, start);
            w.fixed64_always(span::END, end);
        })
    };
    let unknown = with(|w| {
        w.varint(key(100, VARINT), 1);
        w.fixed64(key(536_870_911, FIXED64), 1);
        w.bytes(key(102, LENGTH), b"\xff\xff");
        w.fixed32(key(103, FIXED32), 1);
    });
    let group = with(|w| {
        tag(w, 99, GROUP);
        tag(w, 98, GROUP);
        tag(w, 98, END_GROUP);
        tag(w, 99, END_GROUP);
    });
    let backwards = one(|w| {
        w.bytes(span::NAME, b"first");
        w.bytes(span::NAME, b"second");
        id(w, 0);
    });
    let mut late_resource = Writer::new();
    late_resource.message(traces::RESOURCE_SPANS, |w| {
        w.message(resource_spans::SCOPE_SPANS, |w| {
            w.message(scope_spans::SPANS, |w| id(w, 0))
        });
        w.message(resource_spans::RESOURCE, |w| w.varint(key(2, VARINT), 1));
    });
    let cases = [
        Case::traces("nothing", Vec::new(), Accepted(0)),
        Case::traces("a resource without spans", good(0), Accepted(0)),
        Case::traces("an empty resource", vec![0x0a, 0x00], Accepted(0)),
        Case::traces("one span", good(1), Accepted(1)),
        Case::traces("ten thousand spans", good(10_000), Accepted(10_000)),
        Case::traces("logs", good_logs(5), Accepted(5)).path("/v1/logs"),
        Case::traces("no logs", Vec::new(), Accepted(0)).path("/v1/logs"),
        Case::traces("a span of ids only", with(|_| ()), Accepted(1)),
        Case::traces("fields of unknown numbers", unknown, Accepted(1)),
        Case::traces("groups of unknown numbers", group, Accepted(1)),
        Case::traces("fields in any order, twice", backwards, Accepted(1)),
        Case::traces(
            "the resource after its spans",
            late_resource.into_bytes(),
            Accepted(1),
        ),
        Case::traces("the same ids twice", [good(1), good(1)].concat(), Accepted(2)),
        Case::traces("1970", at(0, 0), Accepted(1)),
        Case::traces("2262", at(i64::MAX as u64, i64::MAX as u64), Accepted(1)),
        Case::traces("2554", at(u64::MAX, u64::MAX), Accepted(1)),
        Case::traces("an end before the start", at(2, 1), Accepted(1)),
        Case::traces("ten thousand attributes", many_attributes(10_000), Accepted(1)),
        Case::traces("the same attribute twice", many_attributes(2), Accepted(1)),
        Case::traces(
            "values as deep as allowed",
            with(|w| w.raw(&deep(DEPTH_MAX))),
            Accepted(1),
        ),
        Case::traces(
            "a parent of zeros",
            with(|w| w.bytes(span::PARENT_SPAN_ID, &[0; 8])),
            Accepted(1),
        ),
        Case::traces(
            "an empty parent",
            with(|w| w.bytes_always(span::PARENT_SPAN_ID, &[])),
            Accepted(1),
        ),
        Case::traces(
            "a link to nothing",
            with(|w| w.message(span::LINKS, |_| ())),
            Accepted(1),
        ),
        Case::traces(
            "a span that is its own parent",
            with(|w| w.bytes(span::PARENT_SPAN_ID, &[0, 0, 0, 0, 0, 0, 0, 1])),
            Accepted(1),
        ),
        Case::traces(
            "a count of 64 bits",
            with(|w| w.varint(span::DROPPED_EVENTS, u64::MAX)),
            Accepted(1),
        ),
        Case::traces(
            "a number longer than need be",
            with(|w| w.raw(b"\x50\x85\x80\x80\x00")),
            Accepted(1),
        ),
        Case::traces(
            "an attribute without key and value",
            with(|w| w.message(span::ATTRIBUTES, |_| ())),
            Accepted(1),
        ),
        Case::traces(
            "a reference to the dictionary of profiles",
            with(|w| {
                w.message(span::ATTRIBUTES, |w| {
                    w.message(key_value::VALUE, |w| w.varint(key(8, VARINT), 3))
                })
            }),
            Accepted(1),
        ),
        Case::traces(
            "ten thousand events",
            with(|w| (0..10_000).for_each(|n| w.message(span::EVENTS, |w| w.fixed64(event::TIME, n)))),
            Accepted(1),
        ),
        Case::traces(
            "a name of a megabyte",
            with(|w| w.bytes(span::NAME, &[b'x'; 1 << 20])),
            Accepted(1),
        ),
        Case::traces("a log record of nothing", logs(|_| ()), Accepted(1)).path("/v1/logs"),
        Case::traces(
            "a log record of ids of zeros",
            logs(|w| w.bytes(log_record::TRACE_ID, &[0; 16])),
            Accepted(1),
        )
        .path("/v1/logs"),
    ];
    run_all(&house, &cases).await;
    house.stop().await;
}

fn many_attributes(count: usize) -> Vec<u8> {
    with(|w| (0..count).for_each(|_| attribute(w, span::ATTRIBUTES, "k", "v")))
}

fn logs(write: impl Fn(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::new();
    w.message(traces::RESOURCE_SPANS, |w| {
        w.message(resource_logs::SCOPE_LOGS, |w| {
            w.message(scope_logs::LOG_RECORDS, &write)
        });
    });
    w.into_bytes()
}

/// Scenario: spans and log records that break a rule of OTLP, alone and among good ones. Guarantee: these are rejected, with the
/// reason, no others; what can be repaired is, with a warning.
#[tokio::test(flavor = "multi_thread")]
async fn in_part() {
    let house = House::start().await;
    let ids = |trace: &[u8], id: &[u8]| {
        one(|w| {
            w.bytes_always(span::TRACE_ID, trace);
            w.bytes_always(span::SPAN_ID, id);
        })
    };
    let (no_trace, no_span) = (
        "1 spans rejected without a trace id",
        "1 spans rejected without a span id",
    );
    let among = spans(1000, |w, n| {
        id(w, n);
        if n == 500 {
            w.bytes(span::TRACE_ID, &[0; 16]);
        }
    });
    let text = "strings that are not UTF-8 were repaired";
    let unknown = "1 kinds, status codes or severities are not known";
    let parent = "1 spans rejected with a parent span id";
    let too_deep = "1 spans rejected with values nested too deep";
    let cases = [
        Case::traces(
            "a trace id of zeros",
            ids(&[0; 16], &[1; 8]),
            Partly(0, 1, no_trace),
        ),
        Case::traces(
            "a span id of zeros",
            ids(&[1; 16], &[0; 8]),
            Partly(0, 1, no_span),
        ),
        Case::traces("no trace id", ids(&[], &[1; 8]), Partly(0, 1, no_trace)),
        Case::traces("no span id", ids(&[1; 16], &[]), Partly(0, 1, no_span)),
        Case::traces(
            "a trace id of 15 bytes",
            ids(&[1; 15], &[1; 8]),
            Partly(0, 1, no_trace),
        ),
        Case::traces(
            "a trace id of 17 bytes",
            ids(&[1; 17], &[1; 8]),
            Partly(0, 1, no_trace),
        ),
        Case::traces(
            "a trace id in hexadecimal",
            ids(&[b'a'; 32], &[1; 8]),
            Partly(0, 1, no_trace),
        ),
        Case::traces(
            "a trace id of a megabyte",
            ids(&[1; 1 << 20], &[1; 8]),
            Partly(0, 1, no_trace),
        ),
        Case::traces(
            "a span id of 7 bytes",
            ids(&[1; 16], &[1; 7]),
            Partly(0, 1, no_span),
        ),
        Case::traces(
            "a span id of 9 bytes",
            ids(&[1; 16], &[1; 9]),
            Partly(0, 1, no_span),
        ),
        Case::traces(
            "a parent of 7 bytes",
            with(|w| w.bytes(span::PARENT_SPAN_ID, &[1; 7])),
            Partly(0, 1, parent),
        ),
        Case::traces(
            "a parent of 16 bytes",
            with(|w| w.bytes(span::PARENT_SPAN_ID, &[1; 16])),
            Partly(0, 1, parent),
        ),
        Case::traces(
            "a link of 8 bytes",
            with(|w| w.message(span::LINKS, |w| w.bytes(link::TRACE_ID, &[1; 8]))),
            Partly(0, 1, "1 spans rejected with a link"),
        ),
        Case::traces("one bad span of a thousand", among, Partly(999, 1, no_trace)),
        Case::traces(
            "values one level too deep",
            with(|w| w.raw(&deep(DEPTH_MAX + 1))),
            Partly(0, 1, too_deep),
        ),
        Case::traces(
            "values ten thousand levels deep",
            with(|w| w.raw(&deep(10_000))),
            Partly(0, 1, too_deep),
        ),
        Case::traces(
            "a name in Latin-1",
            with(|w| w.bytes(span::NAME, b"caf\xe9")),
            Partly(1, 0, text),
        ),
        Case::traces(
            "a state of half a character",
            with(|w| w.bytes(span::TRACE_STATE, b"\xf0\x9f\x98")),
            Partly(1, 0, text),
        ),
        Case::traces(
            "a key that is not text",
            with(|w| w.message(span::ATTRIBUTES, |w| w.bytes(key_value::KEY, b"\xc0\x80"))),
            Partly(1, 0, text),
        ),
        Case::traces(
            "more attributes than are kept",
            many_attributes(10_001),
            Partly(1, 0, "1 attributes were dropped"),
        ),
        Case::traces(
            "a kind of tomorrow",
            with(|w| w.varint(span::KIND, 6)),
            Partly(1, 0, unknown),
        ),
        Case::traces(
            "a kind below zero",
            with(|w| w.varint(span::KIND, u64::MAX)),
            Partly(1, 0, unknown),
        ),
        Case::traces(
            "a status code of tomorrow",
            with(|w| w.message(span::STATUS, |w| w.varint(status::CODE, 3))),
            Partly(1, 0, unknown),
        ),
        Case::traces(
            "a severity of tomorrow",
            logs(|w| w.varint(log_record::SEVERITY, 25)),
            Partly(1, 0, unknown),
        )
        .path("/v1/logs"),
        Case::traces(
            "a log record with half an id",
            logs(|w| w.bytes(log_record::TRACE_ID, &[1; 8])),
            Partly(0, 1, "1 log records rejected without a trace id"),
        )
        .path("/v1/logs"),
    ];
    run_all(&house, &cases).await;
    house.stop().await;
}

/// Scenario: bytes that are not protobuf, or not of this message. Guarantee: 400 with a `Status` that says where, nothing kept.
#[tokio::test(flavor = "multi_thread")]
async fn malformed() {
    let house = House::start().await;
    let wrong = |number: u32, wire_type: u32| {
        with(move |w| {
            tag(w, number, wire_type);
            w.raw(&[0; 8]);
        })
    };
    let half = |mut whole: Vec<u8>| {
        whole.truncate(whole.len() / 2);
        whole
    };
    let endless = with(|w| tag(w, 99, GROUP));
    let deep_groups = with(|w| (0..1000).for_each(|_| tag(w, 99, GROUP)));
    let cases = [
        Case::traces("noise", b"\xde\xad\xbe\xef".repeat(64), Refused(400, "byte")),
        Case::traces("text", b"hello, world".to_vec(), Refused(400, "byte")),
        Case::traces(
            "JSON",
            b"{\"resourceSpans\":[]}".to_vec(),
            Refused(400, "truncated"),
        ),
        Case::traces("half a request", half(good(10)), Refused(400, "truncated")),
        Case::traces(
            "a length beyond the end",
            vec![0x0a, 0x05, 0x00],
            Refused(400, "5 bytes wanted, 1 left"),
        ),
        Case::traces(
            "a length of 2^64 - 1",
            [&[0x0a][..], &[0xff; 9], &[0x01]].concat(),
            Refused(400, "18446744073709551615 bytes wanted"),
        ),
        Case::traces(
            "a length of 2^63",
            [&[0x0a][..], &[0x80; 9], &[0x01]].concat(),
            Refused(400, "bytes wanted"),
        ),
        Case::traces(
            "a number of 11 bytes",
            [&[0x0a][..], &[0xff; 11]].concat(),
            Refused(400, "64 bits"),
        ),
        Case::traces("half a number", vec![0x0a, 0xff], Refused(400, "truncated")),
        Case::traces(
            "field number 0",
            vec![0x02, 0x00],
            Refused(400, "not a protobuf key"),
        ),
        Case::traces(
            "field number 2^29",
            vec![0x80, 0x80, 0x80, 0x80, 0x10],
            Refused(400, "not a protobuf key"),
        ),
        Case::traces(
            "wire type 6",
            with(|w| w.raw(&[0x0e])),
            Refused(400, "not a protobuf key"),
        ),
        Case::traces(
            "wire type 7",
            with(|w| w.raw(&[0x0f])),
            Refused(400, "not a protobuf key"),
        ),
        Case::traces(
            "resources as a number",
            vec![0x08, 0x01],
            Refused(400, "wire type 0"),
        ),
        Case::traces(
            "a trace id as a number",
            wrong(1, VARINT),
            Refused(400, "field 1 before"),
        ),
        Case::traces(
            "a name as eight bytes",
            wrong(5, FIXED64),
            Refused(400, "field 5 before"),
        ),
        Case::traces("a kind as text", wrong(6, LENGTH), Refused(400, "field 6 before")),
        Case::traces(
            "a time as a varint",
            wrong(7, VARINT),
            Refused(400, "field 7 before"),
        ),
        Case::traces(
            "attributes as four bytes",
            wrong(9, FIXED32),
            Refused(400, "field 9 before"),
        ),
        Case::traces(
            "flags as a varint",
            wrong(16, VARINT),
            Refused(400, "field 16 before"),
        ),
        Case::traces(
            "events as a group",
            wrong(11, GROUP),
            Refused(400, "field 11 before"),
        ),
        Case::traces("a group without an end", endless, Refused(400, "group")),
        Case::traces(
            "an end without a group",
            with(|w| tag(w, 99, END_GROUP)),
            Refused(400, "group"),
        ),
        Case::traces(
            "a thousand groups in one another",
            deep_groups,
            Refused(400, "more than 32"),
        ),
        Case::traces(
            "a double of four bytes",
            with(|w| {
                w.message(span::ATTRIBUTES, |w| {
                    w.message(key_value::VALUE, |w| w.raw(&[0x25, 0, 0, 0, 0]))
                })
            }),
            Refused(400, "field 4 before"),
        ),
        Case::traces(
            "a value that ends early",
            with(|w| {
                w.message(span::ATTRIBUTES, |w| {
                    w.message(key_value::VALUE, |w| {
                        w.varint(any_value::BOOL, 1);
                        w.raw(&[0x0a, 0x10]);
                    })
                })
            }),
            Refused(400, "16 bytes wanted, 0 left"),
        ),
        Case::traces("traces as logs", good(1), Refused(400, "wire type")).path("/v1/logs"),
    ];
    run_all(&house, &cases).await;
    for case in &cases {
        let mut case = case.clone();
        if case.path == "/v1/traces" && case.body.len() > 100 {
            // A good resource before a bad one does not help: a request is accepted or it is not.
            case.body = [good(1), case.body].concat();
            case.run(&house).await;
        }
    }
    let metrics = house.metrics();
    assert!(
        metrics.contains("elixirscope_otlp_requests_total{code=\"400\",door=\"http\"}"),
        "{metrics}"
    );
    house.stop().await;
}

/// Scenario: eight megabytes of two million log records of two bytes each, and the like. Guarantee: refused as too large before
/// the memory is taken that they would need.
#[tokio::test(flavor = "multi_thread")]
async fn small_things_in_great_number() {
    let house = House::start().await;
    let many = |keys: [u32; 2], item: u32, count: usize| {
        let mut w = Writer::new();
        w.message(keys[0], |w| {
            w.message(keys[1], |w| (0..count).for_each(|_| w.message(item, |_| ())))
        });
        w.into_bytes()
    };
    let records = many(
        [traces::RESOURCE_SPANS, resource_logs::SCOPE_LOGS],
        scope_logs::LOG_RECORDS,
        2 << 20,
    );
    let events = with(|w| (0..5 << 20).for_each(|_| w.message(span::EVENTS, |_| ())));
    let bare = many(
        [traces::RESOURCE_SPANS, resource_spans::SCOPE_SPANS],
        scope_spans::SPANS,
        1 << 20,
    );
    let cases = [
        Case::traces(
            "log records",
            records,
            Refused(413, "exceeds the limit of 268435456"),
        )
        .path("/v1/logs"),
        Case::traces("events", events, Refused(413, "exceeds the limit of 268435456")),
        Case::traces(
            "spans without ids take none",
            bare,
            Partly(0, 1 << 20, "1048576 spans rejected"),
        ),
    ];
    run_all(&house, &cases).await;
    house.stop().await;
}

/// A request of one span, of exactly so many bytes.
pub(crate) fn of_size(size: usize) -> Vec<u8> {
    let named = |length: usize| with(|w| w.bytes_always(span::NAME, &vec![b'x'; length]));
    let around = size - named(0).len();
    let made = (around - 16..=around).map(named).find(|made| made.len() == size);
    made.expect("a name of the right length")
}
