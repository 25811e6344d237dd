//! What a row must be, made from what was sent and not from how it is stored.

use event::{KeyValue, Span, Value, value_of};
use serde_json::{Map, Value as Json, json};

fn typed(value: &Value) -> Json {
    match value {
        Value::Empty => json!({}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::Int(number) => json!({"intValue": number.to_string()}),
        Value::Double(number) => json!({"doubleValue": number}),
        Value::Bytes(bytes) => json!({"bytesValue": base64(bytes)}),
        Value::Array(values) => {
            json!({"arrayValue": {"values": values.iter().map(typed).collect::<Vec<_>>()}})
        }
        Value::Map(pairs) => json!({"kvlistValue": {"values": list(pairs)}}),
    }
}

fn list(pairs: &[KeyValue]) -> Json {
    pairs
        .iter()
        .map(|pair| json!({"key": pair.key, "value": typed(&pair.value)}))
        .collect()
}

/// Of the one value that the tests have.
fn base64(bytes: &[u8]) -> &'static str {
    assert_eq!(bytes, [0, 255, 7]);
    "AP8H"
}

fn nested(value: &Value) -> Json {
    match value {
        Value::Empty => Json::Null,
        Value::String(text) => json!(text),
        Value::Bool(truth) => json!(truth),
        Value::Int(number) => json!(number),
        Value::Double(number) => json!(number),
        Value::Bytes(bytes) => json!(base64(bytes)),
        Value::Array(values) => values.iter().map(nested).collect(),
        Value::Map(pairs) => pairs
            .iter()
            .map(|pair| (pair.key.clone(), nested(&pair.value)))
            .collect(),
    }
}

pub(crate) fn map(pairs: &[KeyValue]) -> Json {
    let mut map = Map::new();
    for pair in pairs {
        let text = match &pair.value {
            Value::Empty => Json::Null,
            Value::String(text) => json!(text),
            Value::Bytes(bytes) => json!(base64(bytes)),
            other => json!(nested(other).to_string()),
        };
        map.entry(pair.key.clone()).or_insert(text);
    }
    Json::Object(map)
}

/// Attributes in OTLP's JSON, as text; null where a map says all.
pub(crate) fn otlp(pairs: &[KeyValue]) -> Json {
    let texts = pairs.iter().all(|pair| matches!(pair.value, Value::String(_)));
    let keys = pairs
        .iter()
        .map(|pair| &pair.key)
        .collect::<std::collections::BTreeSet<_>>();
    if texts && keys.len() == pairs.len() {
        return Json::Null;
    }
    list(pairs)
}

fn some(text: &str) -> Json {
    if text.is_empty() { Json::Null } else { json!(text) }
}

fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn micros(ns: u64) -> Json {
    if ns == 0 { Json::Null } else { json!(ns / 1_000) }
}

/// The row of a span, its times as numbers of microseconds.
pub(crate) fn span(span: &Span) -> Json {
    let own = |key: &str| value_of(&span.attributes, key).cloned().unwrap_or_default();
    let text = |key: &str| own(key).as_str().map(str::to_owned);
    let number = |key: &str| match own(key) {
        Value::Int(number) => Some(number),
        _ => None,
    };
    let event = |event: &event::SpanEvent| {
        json!({
            "time_ns": long(event.time_ns), "name": event.name, "attributes": map(&event.attributes),
            "attributes_json": otlp(&event.attributes), "dropped_attributes": event.dropped_attributes,
        })
    };
    let link = |link: &event::SpanLink| {
        json!({
            "trace_id": link.trace.to_string(), "span_id": link.id.to_string(), "trace_state": some(&link.trace_state),
            "flags": link.flags, "attributes": map(&link.attributes), "attributes_json": otlp(&link.attributes),
            "dropped_attributes": link.dropped_attributes,
        })
    };
    let parent = if span.parent.0 == 0 {
        String::new()
    } else {
        span.parent.to_string()
    };
    let (resource, scope) = (&span.resource, &span.scope);
    json!({
        "trace_id": span.trace.to_string(), "span_id": span.id.to_string(), "parent_span_id": some(&parent),
        "trace_state": some(&span.trace_state), "flags": span.flags, "service": resource.service(),
        "name": span.name, "kind": span.kind.name(), "start_time": micros(span.start_ns),
        "end_time": micros(span.end_ns), "start_ns": long(span.start_ns), "end_ns": long(span.end_ns),
        "duration_ns": long(span.end_ns.saturating_sub(span.start_ns)), "status": span.status.name(),
        "status_message": some(&span.status_message), "attributes": map(&span.attributes),
        "attributes_json": otlp(&span.attributes), "dropped_attributes": span.dropped_attributes,
        "resource_attributes": map(&resource.attributes), "resource_attributes_json": otlp(&resource.attributes),
        "resource_schema_url": some(&resource.schema_url), "resource_dropped_attributes": resource.dropped_attributes,
        "scope_name": some(&scope.name), "scope_version": some(&scope.version),
        "scope_attributes": map(&scope.attributes), "scope_attributes_json": otlp(&scope.attributes),
        "scope_schema_url": some(&scope.schema_url), "scope_dropped_attributes": scope.dropped_attributes,
        "events": span.events.iter().map(event).collect::<Vec<_>>(), "dropped_events": span.dropped_events,
        "links": span.links.iter().map(link).collect::<Vec<_>>(), "dropped_links": span.dropped_links,
        "http_method": text("http.request.method"), "http_status": number("http.response.status_code"),
        "http_route": null, "db_system": null, "error_type": null, "code_function": null, "code_file": null,
        "code_line": null, "service_instance": null, "environment": null,
    })
}

/// Texts of JSON in a row as JSON, so that only what they say counts.
pub(crate) fn parsed(row: &mut Json) {
    match row {
        Json::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if name.ends_with("_json")
                    && let Json::String(text) = value
                {
                    *value = serde_json::from_str(text).unwrap();
                } else {
                    parsed(value);
                }
            }
        }
        Json::Array(rows) => rows.iter_mut().for_each(parsed),
        _ => {}
    }
}
