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
    if !answer.missing.is_empty() {
        w.varint(number(3), PARTIAL);
        w.bytes(of(4), answer.missing.join("; ").as_bytes());
    }
    w.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tempo::{ExemplarView, InstantView, SampleView, ScopeTags, ServiceCounts, TagValue};

    fn int(key: &str) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Value::Int(7),
        }
    }

    /// Scenario: a search's answer with every field that we write. Guarantee: the bytes that `pkg/tempopb/tempo.proto` of Tempo (August 2026)
    /// gives it, written down by hand.
    #[test]
    fn a_search_by_hand() {
        let set = SpanSetView {
            spans: vec![SpanView {
                span_id: "s".to_owned(),
                name: "n".to_owned(),
                start_time_unix_nano: 1,
                duration_nanos: 2,
                attributes: vec![int("k")],
            }],
            matched: 3,
            attributes: vec![int("m")],
        };
        let answer = SearchResponse {
            traces: vec![TraceView {
                trace_id: "t".to_owned(),
                root_service_name: "r".to_owned(),
                root_trace_name: "o".to_owned(),
                start_time_unix_nano: 4,
                duration_ms: 5,
                span_set: None,
                span_sets: vec![set],
                service_stats: [(
                    "v".to_owned(),
                    ServiceCounts {
                        span_count: 6,
                        error_count: 1,
                    },
                )]
                .into(),
            }],
            metrics: SearchMetrics {
                inspected_traces: 8,
                inspected_bytes: 9,
            },
            missing: Vec::new(),
        };
        let pair = |key: &[u8]| [b"\x0a\x01", key, b"\x12\x02\x18\x07"].concat();
        // spanID 1, name 2, startTimeUnixNano 3, durationNanos 4, attributes 5: 3 + 3 + 2 + 2 + 2 + 7 bytes.
        let span = [&b"\x0a\x01s\x12\x01n\x18\x01\x20\x02\x2a\x07"[..], &pair(b"k")].concat();
        // spans 1, matched 2, attributes 3: 2 + 19 + 2 + 2 + 7 bytes.
        let set = [&b"\x0a\x13"[..], &span, b"\x10\x03\x1a\x07", &pair(b"m")].concat();
        // traceID 1, rootServiceName 2, rootTraceName 3, startTimeUnixNano 4, durationMs 5, spanSets 7, serviceStats 8.
        let trace = [
            &b"\x0a\x01t\x12\x01r\x1a\x01o\x20\x04\x28\x05\x3a\x20"[..],
            &set,
            b"\x42\x09\x0a\x01v\x12\x04\x08\x06\x10\x01",
        ]
        .concat();
        assert_eq!((span.len(), set.len(), trace.len()), (19, 32, 58));
        let expected = [&b"\x0a\x3a"[..], &trace, b"\x12\x04\x08\x08\x10\x09"].concat();
        assert_eq!(search(&answer), expected);
    }

    /// Scenario: names, values, series, one number, the latter two incomplete. Guarantee: the bytes as there.
    #[test]
    fn others_by_hand() {
        let names = TagNamesResponse {
            scopes: vec![ScopeTags {
                name: "span",
                tags: vec!["a".to_owned(), "b".to_owned()],
            }],
            ..TagNamesResponse::default()
        };
        assert_eq!(tag_names(&names), b"\x0a\x0c\x0a\x04span\x12\x01a\x12\x01b");
        let values = TagValuesResponse {
            tag_values: vec![TagValue {
                kind: "int",
                value: "7".to_owned(),
            }],
            ..TagValuesResponse::default()
        };
        assert_eq!(tag_values(&values), b"\x0a\x08\x0a\x03int\x12\x017");
        let labels = vec![("l".to_owned(), Value::Int(7))];
        let series = RangeResponse {
            series: vec![SeriesView {
                labels: labels.clone(),
                samples: vec![SampleView {
                    timestamp_ms: 3,
                    value: 1.0,
                }],
                exemplars: vec![ExemplarView {
                    labels: labels.clone(),
                    value: 1.0,
                    timestamp_ms: 4,
                }],
            }],
            status: Some("PARTIAL"),
            message: "x".to_owned(),
            missing: vec!["x".to_owned()],
            ..RangeResponse::default()
        };
        let label = b"\x0a\x07\x0a\x01l\x12\x02\x18\x07";
        // Sample: value 1 (a double), timestamp_ms 2. Exemplar: labels 1, value 2, timestamp_ms 3. Series: labels 1, samples 2, exemplars 4.
        let one = b"\0\0\0\0\0\0\xf0\x3f";
        let sample = [&b"\x12\x0b\x09"[..], one, b"\x10\x03"].concat();
        let exemplar = [&b"\x22\x14"[..], label, b"\x11", one, b"\x18\x04"].concat();
        let inside = [&label[..], &sample, &exemplar].concat();
        let expected = [
            &[0x0a, inside.len() as u8][..],
            &inside,
            b"\x12\0\x18\x01\x22\x01x",
        ]
        .concat();
        assert_eq!(inside.len(), 44);
        assert_eq!(range(&series), expected);
        let once = InstantResponse {
            series: vec![InstantView { labels, value: 1.0 }],
            missing: vec!["x".to_owned()],
            ..InstantResponse::default()
        };
        let expected = [&b"\x0a\x12"[..], label, b"\x11", one, b"\x12\0\x18\x01\x22\x01x"].concat();
        assert_eq!(instant(&once), expected);
    }
}
