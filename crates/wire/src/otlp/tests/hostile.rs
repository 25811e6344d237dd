//! What breaks OTLP's rules, and bytes that are nothing.

use super::samples::{bare_span, span};
use crate::otlp::decode::decode_within;
use crate::otlp::proto::{ProtoError, Writer};
use crate::otlp::record::{log_record, span as read_span};
use crate::otlp::schema::{
    any_value, array, key_value, link, resource_spans, scope_spans, span as field, traces,
};
use crate::otlp::{
    ATTRIBUTES_MAX, DEPTH_MAX, Decoded, OtlpError, Reject, decode_logs, decode_traces, encode_traces,
};
use event::{KeyValue, Span, SpanId, SpanKind, Value};
use proptest::prelude::*;

/// A request of one span whose fields `write` writes.
fn request(write: impl Fn(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::new();
    w.message(traces::RESOURCE_SPANS, |w| {
        w.message(resource_spans::SCOPE_SPANS, |w| {
            w.message(scope_spans::SPANS, &write);
        });
    });
    w.into_bytes()
}

type WriteFields = fn(&mut Writer);

fn ids(w: &mut Writer) {
    w.bytes(field::TRACE_ID, &[1; 16]);
    w.bytes(field::SPAN_ID, &[2; 8]);
}

/// Scenario: spans with wrong ids beside a good one. Guarantee: each is rejected for its reason, the good one is accepted, and
/// the sender is told.
#[test]
fn rejected() {
    let wrong: [(Reject, WriteFields); 9] = [
        (Reject::TraceId, |w| w.bytes(field::SPAN_ID, &[2; 8])),
        (Reject::TraceId, |w| w.bytes(field::TRACE_ID, &[0; 16])),
        (Reject::TraceId, |w| w.bytes(field::TRACE_ID, &[1; 15])),
        (Reject::SpanId, |w| w.bytes(field::TRACE_ID, &[1; 16])),
        (Reject::SpanId, |w| {
            ids(w);
            w.bytes(field::SPAN_ID, &[0; 8]);
        }),
        (Reject::SpanId, |w| {
            ids(w);
            w.bytes(field::SPAN_ID, &[1; 16]);
        }),
        (Reject::ParentId, |w| {
            ids(w);
            w.bytes(field::PARENT_SPAN_ID, &[1; 7]);
        }),
        (Reject::LinkId, |w| {
            ids(w);
            w.message(field::LINKS, |w| w.bytes(link::TRACE_ID, &[1; 8]));
        }),
        (Reject::Depth, |w| {
            ids(w);
            nested(w, DEPTH_MAX + 1);
        }),
    ];
    for (reason, write) in wrong {
        let bytes = [request(write), encode_traces([&bare_span()])].concat();
        let Decoded { records, notes } = decode_traces(&bytes).unwrap();
        assert_eq!(records, [bare_span()], "{reason}");
        assert_eq!(
            (notes.rejected_total(), notes.rejected[usize::from(reason.code())]),
            (1, 1),
            "{reason}"
        );
        assert!(
            notes.message("spans").starts_with("1 spans rejected with"),
            "{reason}"
        );
    }
    let just = request(|w| {
        ids(w);
        nested(w, DEPTH_MAX);
        w.bytes(field::PARENT_SPAN_ID, &[0; 8]);
    });
    let decoded = decode_traces(&just).unwrap();
    assert_eq!((decoded.records.len(), decoded.records[0].parent), (1, SpanId(0)));
}

/// An attribute whose value has `depth` levels, an integer as the innermost.
fn nested(w: &mut Writer, depth: usize) {
    fn value(w: &mut Writer, left: usize) {
        if left == 0 {
            w.varint_always(any_value::INT, 1);
        } else {
            w.message(any_value::ARRAY, |w| {
                w.message(array::VALUES, |w| value(w, left - 1));
            });
        }
    }
    w.message(field::ATTRIBUTES, |w| {
        w.message(key_value::VALUE, |w| value(w, depth - 1));
    });
}

/// Scenario: a resource with a value that is too deep, after its spans, and one without. Guarantee: the spans of the first are
/// rejected, no others.
#[test]
fn deep_resource() {
    let mut w = Writer::new();
    w.message(traces::RESOURCE_SPANS, |w| {
        w.message(resource_spans::SCOPE_SPANS, |w| {
            w.message(scope_spans::SPANS, ids);
        });
        w.message(resource_spans::RESOURCE, |w| {
            let mut attribute = Writer::new();
            nested(&mut attribute, DEPTH_MAX + 1);
            // The number of `attributes` is another one in a resource.
            w.raw(&[&[0x0a], &attribute.as_bytes()[1..]].concat());
        });
    });
    let bytes = [w.into_bytes(), encode_traces([&bare_span()])].concat();
    let decoded = decode_traces(&bytes).unwrap();
    assert_eq!(decoded.records.len(), 1);
    assert_eq!(decoded.notes.rejected[usize::from(Reject::Depth.code())], 1);
}

/// Scenario: text that is not UTF-8, codes that OTLP does not define, more attributes than are kept. Guarantee: the span is
/// accepted, repaired, and each repair is counted.
#[test]
fn repaired() {
    let bytes = request(|w| {
        ids(w);
        w.bytes(field::NAME, b"caf\xe9 \xff\xfe!");
        w.varint(field::KIND, 9);
        for _ in 0..ATTRIBUTES_MAX + 7 {
            w.message(field::ATTRIBUTES, |w| w.bytes(key_value::KEY, b"k"));
        }
        w.varint(field::DROPPED_ATTRIBUTES, 5);
    });
    let Decoded { records, notes } = decode_traces(&bytes).unwrap();
    assert_eq!(records[0].name, "caf\u{fffd} \u{fffd}\u{fffd}!");
    assert_eq!(records[0].kind, SpanKind::Unspecified);
    assert_eq!(
        (records[0].attributes.len(), records[0].dropped_attributes),
        (ATTRIBUTES_MAX, 12)
    );
    assert_eq!(
        (
            notes.repaired_strings,
            notes.unknown_codes,
            notes.dropped_attributes
        ),
        (1, 1, 7)
    );
    assert_eq!(notes.rejected_total(), 0);
    let said = "1 strings that are not UTF-8 were repaired; 1 kinds, status codes or severities are not known and were \
                not kept; 7 attributes were dropped, more than a list may have";
    assert_eq!(notes.message("spans"), said);
}

/// Scenario: known fields with another wire type, truncated requests. Guarantee: the request is refused with the place.
#[test]
fn refused() {
    let bytes = request(|w| w.raw(&[0x08, 0x01]));
    let error = ProtoError::WireType {
        at: 7,
        number: 1,
        wire_type: 0,
    };
    assert_eq!(decode_traces(&bytes), Err(OtlpError::Proto(error)));
    let whole = encode_traces([&Span {
        name: "x".repeat(300),
        ..bare_span()
    }]);
    for end in 1..whole.len() {
        assert!(decode_traces(&whole[..end]).is_err(), "{end}");
    }
}

/// Scenario: millions of empty things in few bytes. Guarantee: refused before the memory is taken.
#[test]
fn memory() {
    let records = vec![[0x12, 0x00]; 1000].concat();
    let mut w = Writer::new();
    w.message(traces::RESOURCE_SPANS, |w| {
        w.message(resource_spans::SCOPE_SPANS, |w| w.raw(&records));
    });
    let bytes = w.into_bytes();
    assert_eq!(decode_logs(&bytes).unwrap().records.len(), 1000);
    let refused = decode_within(&bytes, log_record, 100_000);
    assert_eq!(refused, Err(OtlpError::TooLarge { max: 100_000 }));
    let values = request(|w| {
        ids(w);
        w.message(field::ATTRIBUTES, |w| {
            w.message(key_value::VALUE, |w| {
                w.message(any_value::ARRAY, |w| w.raw(&[0x0a, 0x00].repeat(100_000)));
            });
        });
    });
    assert_eq!(
        decode_within(&values, read_span, 1_000_000),
        Err(OtlpError::TooLarge { max: 1_000_000 })
    );
    let spans = decode_traces(&values).unwrap().records;
    let nothing = Value::Array(vec![Value::Empty; 100_000]);
    assert_eq!(
        spans[0].attributes,
        [KeyValue {
            key: String::new(),
            value: nothing
        }]
    );
}

/// Scenario: scalars and messages that come twice, fields in the reverse order. Guarantee: the last scalar holds, messages
/// merge, the last value of a choice holds.
#[test]
fn twice() {
    let bytes = request(|w| {
        w.message(field::STATUS, |w| w.raw(b"\x12\x01a"));
        w.message(field::STATUS, |w| w.raw(b"\x18\x02"));
        w.message(field::ATTRIBUTES, |w| {
            w.message(key_value::VALUE, |w| {
                w.bytes_always(any_value::STRING, b"x");
                w.varint_always(any_value::BOOL, 0);
            });
            w.bytes(key_value::KEY, b"k");
        });
        w.bytes(field::NAME, b"first");
        w.bytes(field::NAME, b"last");
        ids(w);
    });
    let span = decode_traces(&bytes).unwrap().records.remove(0);
    assert_eq!((span.name.as_str(), span.status_message.as_str()), ("last", "a"));
    assert_eq!(span.status, event::StatusCode::Error);
    assert_eq!(
        span.attributes,
        [KeyValue {
            key: "k".into(),
            value: Value::Bool(false)
        }]
    );
}

proptest! {
    /// Guarantee: any bytes give a value or an error; so do valid ones with a byte changed.
    #[test]
    fn total(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (decode_traces(&bytes), decode_logs(&bytes));
    }

    /// Guarantee: a valid request with one byte changed gives a value or an error; what it gives can be written and read.
    #[test]
    fn one_byte_off(span in span(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode_traces([&span]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(decoded) = decode_traces(&bytes) {
            let written = encode_traces(&decoded.records);
            let again = decode_traces(&written).unwrap();
            prop_assert_eq!(encode_traces(&again.records), written);
        }
    }
}
