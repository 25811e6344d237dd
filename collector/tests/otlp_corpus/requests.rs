//! Requests as bytes, good ones and those that no library would write.

use wire::otlp::proto::Writer;
use wire::otlp::schema::{
    any_value, array, key_value, log_record, resource, resource_logs, resource_spans, scope_logs,
    scope_spans, span, traces,
};

/// A request of one resource, one scope, and spans that are written one by one.
pub(crate) fn spans(count: usize, write: impl Fn(&mut Writer, usize)) -> Vec<u8> {
    let mut w = Writer::new();
    w.message(traces::RESOURCE_SPANS, |w| {
        w.message(resource_spans::RESOURCE, |w| {
            attribute(w, resource::ATTRIBUTES, "service.name", "shop")
        });
        w.message(resource_spans::SCOPE_SPANS, |w| {
            for n in 0..count {
                w.message(scope_spans::SPANS, |w| write(w, n));
            }
        });
    });
    w.into_bytes()
}

/// A request of one span.
pub(crate) fn one(write: impl Fn(&mut Writer)) -> Vec<u8> {
    spans(1, |w, _| write(w))
}

/// A request of good spans.
pub(crate) fn good(count: usize) -> Vec<u8> {
    spans(count, |w, n| {
        id(w, n);
        w.bytes(span::NAME, b"GET /orders");
        w.fixed64(span::START, 1_760_000_000_000_000_000);
        w.fixed64(span::END, 1_760_000_000_000_000_001);
        attribute(w, span::ATTRIBUTES, "http.route", "/orders");
    })
}

/// A request of good log records.
pub(crate) fn good_logs(count: usize) -> Vec<u8> {
    let mut w = Writer::new();
    w.message(traces::RESOURCE_SPANS, |w| {
        w.message(resource_logs::SCOPE_LOGS, |w| {
            for _ in 0..count {
                w.message(scope_logs::LOG_RECORDS, |w| w.fixed64(log_record::TIME, 7));
            }
        });
    });
    w.into_bytes()
}

/// Good ids.
pub(crate) fn id(w: &mut Writer, n: usize) {
    w.bytes(span::TRACE_ID, &[1; 16]);
    w.bytes(span::SPAN_ID, &(n as u64 + 1).to_be_bytes());
}

/// An attribute of text in the field `key`.
pub(crate) fn attribute(w: &mut Writer, key: u32, name: &str, text: &str) {
    w.message(key, |w| {
        w.bytes(key_value::KEY, name.as_bytes());
        w.message(key_value::VALUE, |w| {
            w.bytes_always(any_value::STRING, text.as_bytes())
        });
    });
}

/// An attribute whose value has `depth` levels, built from the inside, because so deep a writer would recurse.
pub(crate) fn deep(depth: usize) -> Vec<u8> {
    let mut value = vec![0x18, 0x01];
    for _ in 1..depth {
        for key in [array::VALUES, any_value::ARRAY] {
            let mut w = Writer::new();
            w.bytes_always(key, &value);
            value = w.into_bytes();
        }
    }
    let mut w = Writer::new();
    w.message(span::ATTRIBUTES, |w| w.bytes_always(key_value::VALUE, &value));
    w.into_bytes()
}
