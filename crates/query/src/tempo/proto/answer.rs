//! Answers: `tempopb.SearchResponse`, `SearchTagsV2Response`, `SearchTagValuesV2Response`, `QueryRangeResponse`,
//! `QueryInstantResponse`.

use event::{KeyValue, Value};
use wire::otlp::proto::{FIXED64, LENGTH, VARINT, Writer, key};
use wire::otlp::schema::{any_value, array, key_value, map};

use super::PARTIAL;
use crate::tempo::{
    InstantResponse, RangeResponse, SearchMetrics, SearchResponse, SeriesView, SpanSetView, SpanView,
    TagNamesResponse, TagValuesResponse, TraceView,
};

/// Deepest lists and maps that are written.
const DEPTH_MAX: u32 = 16;

/// The key of a message, text or bytes.
const fn of(number: u32) -> u32 {
    key(number, LENGTH)
}
/// The key of a whole number.
const fn number(number: u32) -> u32 {
    key(number, VARINT)
}
/// The key of a double.
const fn double(number: u32) -> u32 {
    key(number, FIXED64)
}

/// `tempopb.SearchResponse`.
pub fn search(answer: &SearchResponse) -> Vec<u8> {
    let mut w = Writer::new();
    for trace in &answer.traces {
        w.message(of(1), |w| trace_view(w, trace));
    }
    w.message(of(2), |w| metrics(w, answer.metrics));
    w.into_bytes()
}

fn metrics(w: &mut Writer, metrics: SearchMetrics) {
    w.varint(number(1), metrics.inspected_traces.into());
    w.varint(number(2), metrics.inspected_bytes);
}

fn trace_view(w: &mut Writer, trace: &TraceView) {
    w.bytes(of(1), trace.trace_id.as_bytes());
    w.bytes(of(2), trace.root_service_name.as_bytes());
    w.bytes(of(3), trace.root_trace_name.as_bytes());
    w.varint(number(4), trace.start_time_unix_nano);
    w.varint(number(5), trace.duration_ms.into());
    if let Some(set) = &trace.span_set {
        w.message(of(6), |w| set_view(w, set));
    }
    for set in &trace.span_sets {
        w.message(of(7), |w| set_view(w, set));
    }
    for (service, counts) in &trace.service_stats {
        w.message(of(8), |w| {
            w.bytes(of(1), service.as_bytes());
            w.message(of(2), |w| {
                w.varint(number(1), counts.span_count.into());
                w.varint(number(2), counts.error_count.into());
            });
        });
    }
}

fn set_view(w: &mut Writer, set: &SpanSetView) {
    for span in &set.spans {
        w.message(of(1), |w| span_view(w, span));
    }
    w.varint(number(2), set.matched.into());
    for attribute in &set.attributes {
        w.message(of(3), |w| pair(w, &attribute.key, &attribute.value, 0));
    }
}

fn span_view(w: &mut Writer, span: &SpanView) {
    w.bytes(of(1), span.span_id.as_bytes());
    w.bytes(of(2), span.name.as_bytes());
    w.varint(number(3), span.start_time_unix_nano);
    w.varint(number(4), span.duration_nanos);
    for attribute in &span.attributes {
        w.message(of(5), |w| pair(w, &attribute.key, &attribute.value, 0));
    }
}

fn pair(w: &mut Writer, name: &str, of: &Value, depth: u32) {
    w.bytes(key_value::KEY, name.as_bytes());
    w.message(key_value::VALUE, |w| value(w, of, depth));
}

fn value(w: &mut Writer, of: &Value, depth: u32) {
    let inside = depth + 1;
    match of {
        Value::Empty => {}
        Value::String(text) => w.bytes_always(any_value::STRING, text.as_bytes()),
        Value::Bool(truth) => w.varint_always(any_value::BOOL, (*truth).into()),
        Value::Int(number) => w.varint_always(any_value::INT, *number as u64),
        Value::Double(number) => w.fixed64_always(any_value::DOUBLE, number.to_bits()),
        Value::Bytes(bytes) => w.bytes_always(any_value::BYTES, bytes),
        Value::Array(_) | Value::Map(_) if depth >= DEPTH_MAX => {}
        Value::Array(values) => w.message(any_value::ARRAY, |w| {
            for one in values {
                w.message(array::VALUES, |w| value(w, one, inside));
            }
        }),
        Value::Map(pairs) => w.message(any_value::MAP, |w| {
            for KeyValue { key, value } in pairs {
                w.message(map::VALUES, |w| pair(w, key, value, inside));
            }
        }),
    }
}

/// `tempopb.SearchTagsV2Response`.
pub fn tag_names(answer: &TagNamesResponse) -> Vec<u8> {
    let mut w = Writer::new();
    for scope in &answer.scopes {
        w.message(of(1), |w| {
            w.bytes(of(1), scope.name.as_bytes());
            for tag in &scope.tags {
                w.bytes_always(of(2), tag.as_bytes());
            }
        });
    }
    w.into_bytes()
}

/// `tempopb.SearchTagValuesV2Response`.
pub fn tag_values(answer: &TagValuesResponse) -> Vec<u8> {
    let mut w = Writer::new();
    for value in &answer.tag_values {
        w.message(of(1), |w| {
            w.bytes(of(1), value.kind.as_bytes());
            w.bytes(of(2), value.value.as_bytes());
        });
    }
    w.into_bytes()
}

/// `tempopb.QueryRangeResponse`.
pub fn range(answer: &RangeResponse) -> Vec<u8> {
    let mut w = Writer::new();
    for series in &answer.series {
        w.message(of(1), |w| series_view(w, series));
    }
    w.message(of(2), |w| metrics(w, answer.metrics));
    if !answer.missing.is_empty() {
        w.varint(number(3), PARTIAL);
        w.bytes(of(4), answer.message.as_bytes());
    }
    w.into_bytes()
}

fn series_view(w: &mut Writer, series: &SeriesView) {
    for (name, value) in &series.labels {
        w.message(of(1), |w| pair(w, name, value, 0));
    }
    for sample in &series.samples {
        w.message(of(2), |w| {
            w.fixed64(double(1), sample.value.to_bits());
            w.varint(number(2), sample.timestamp_ms as u64);
        });
    }
    for exemplar in &series.exemplars {
        w.message(of(4), |w| {
            for (name, value) in &exemplar.labels {
                w.message(of(1), |w| pair(w, name, value, 0));
            }
            w.fixed64(double(2), exemplar.value.to_bits());
            w.varint(number(3), exemplar.timestamp_ms as u64);
        });
    }
}

/// `tempopb.QueryInstantResponse`.
pub fn instant(answer: &InstantResponse) -> Vec<u8> {
    let mut w = Writer::new();
    for series in &answer.series {
        w.message(of(1), |w| {
            for (name, value) in &series.labels {
                w.message(of(1), |w| pair(w, name, value, 0));
            }
            w.fixed64(double(2), series.value.to_bits());
        });
    }
    w.message(of(2), |w| metrics(w, answer.metrics));
    w.into_bytes()
}
