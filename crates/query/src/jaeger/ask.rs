//! What Jaeger's API asks, in TraceQL's terms: one engine answers both doors.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use event::{Span, TraceId};
use traceql::Query;

use super::shape::Trace;
use crate::tempo::{Missing, SpanSource, TagRequest, TempoError, TimeRange, tag_values};
use crate::tempo::{may_ask, out_of_time};

/// A search of traces. Empty texts ask for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Find {
    /// Service of a span.
    pub service: String,
    /// Its name.
    pub operation: String,
    /// Attributes of it, of its resource, of its status: `error` = `true` is the status.
    pub tags: BTreeMap<String, String>,
    /// Nanoseconds.
    pub duration_min: Option<u64>,
    /// Nanoseconds.
    pub duration_max: Option<u64>,
    /// Most traces.
    pub limit: usize,
}

/// Tags that are no JSON object of texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tags: {0}; expected a JSON object of texts, numbers and truths, {{\"http.method\":\"GET\"}}")]
pub struct TagsError(String);

/// Tags as the `tags` parameter has them.
pub fn tags_of(text: &str) -> Result<BTreeMap<String, String>, TagsError> {
    let object: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|error| TagsError(error.to_string()))?;
    let mut tags = BTreeMap::new();
    for (key, value) in object {
        let text = match value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Bool(truth) => truth.to_string(),
            other => return Err(TagsError(format!("{key} is {other}"))),
        };
        tags.insert(key, text);
    }
    Ok(tags)
}

/// A text as TraceQL writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

impl Find {
    /// The same as a query: one span has it all, as in Jaeger.
    pub fn query(&self) -> Result<Query, TempoError> {
        let mut parts = Vec::new();
        if !self.service.is_empty() {
            parts.push(format!("resource.service.name = {}", quoted(&self.service)));
        }
        if !self.operation.is_empty() {
            parts.push(format!("name = {}", quoted(&self.operation)));
        }
        for (key, value) in &self.tags {
            parts.push(tag(key, value));
        }
        if let Some(least) = self.duration_min {
            parts.push(format!("duration >= {least}ns"));
        }
        if let Some(most) = self.duration_max {
            parts.push(format!("duration <= {most}ns"));
        }
        let mut text = String::from("{ ");
        let _ = write!(text, "{} }}", parts.join(" && "));
        Ok(Query::new(&text)?)
    }
}

/// Jaeger's tags are texts whatever the attribute's type: a number or truth is asked for as both.
fn tag(key: &str, value: &str) -> String {
    match (key, value) {
        ("error", "true") | ("otel.status_code", "ERROR") => return "status = error".to_owned(),
        ("error", "false") => return "status != error".to_owned(),
        ("span.kind", kind) if matches!(kind, "server" | "client" | "producer" | "consumer" | "internal") => {
            return format!("kind = {kind}");
        }
        ("otel.status_code", "OK") => return "status = ok".to_owned(),
        _ => {}
    }
    let field = format!(".{}", quoted(key));
    let text = format!("{field} = {}", quoted(value));
    let number = value.parse::<i64>().is_ok()
        || value.parse::<f64>().is_ok_and(f64::is_finite) && !value.contains(['e', 'E']);
    if number || matches!(value, "true" | "false") {
        format!("({text} || {field} = {value})")
    } else {
        text
    }
}

/// Traces of which a span has all that is asked for, the latest first.
pub fn find(
    source: &dyn SpanSource,
    find: &Find,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Trace>, Missing), TempoError> {
    let (traces, missing) = find_spans(source, find, range, stop)?;
    Ok((
        traces.iter().filter_map(|spans| Trace::of(spans, &[])).collect(),
        missing,
    ))
}

/// The same, as spans.
pub(super) fn find_spans(
    source: &dyn SpanSource,
    find: &Find,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Vec<Span>>, Missing), TempoError> {
    let query = find.query()?;
    may_ask(source, &query)?;
    let mut traces: Vec<(u64, Vec<Span>)> = Vec::new();
    let mut stopped = false;
    let inspected = source.candidates(&query.conditions(), range, &mut |spans| {
        let found = !query.search(&traceql::Trace::new(&spans)).is_empty();
        if found {
            let start = spans.iter().map(|span| span.start_ns).min().unwrap_or_default();
            traces.push((start, spans));
        }
        stopped = stop();
        if stopped || traces.len() >= find.limit {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    traces.sort_by_key(|(start, _)| std::cmp::Reverse(*start));
    let mut missing = inspected.missing;
    if stopped {
        out_of_time(&mut missing);
    }
    Ok((traces.into_iter().map(|(_, spans)| spans).collect(), missing))
}

/// A trace's id as Jaeger takes it: up to 32 hexadecimal digits, or its 8 or 16 bytes as base64.
pub fn trace_id(text: &str) -> Option<TraceId> {
    let hex = !text.is_empty() && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = if hex {
        u128::from_str_radix(text, 16).ok()
    } else {
        // 24 characters are 16 bytes with padding.
        let bytes = wire::base64::decode(text.as_bytes()).filter(|_| text.len() <= 24)?;
        let whole = matches!(bytes.len(), 8 | 16);
        whole.then(|| bytes.iter().fold(0, |id: u128, byte| id << 8 | u128::from(*byte)))
    };
    id.filter(|id| *id != 0).map(TraceId)
}

/// One trace.
pub fn trace(source: &dyn SpanSource, id: TraceId, range: TimeRange) -> Result<Option<Trace>, TempoError> {
    let found = source.trace(id, range)?;
    Ok(Trace::of(&found.spans, &found.missing))
}

/// Names of services, sorted.
pub fn services(
    source: &dyn SpanSource,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<String>, Missing), TempoError> {
    values(source, "resource.service.name", String::new(), range, stop)
}

/// Names of a service's spans, sorted.
pub fn operations(
    source: &dyn SpanSource,
    service: &str,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<String>, Missing), TempoError> {
    let filter = format!("{{ resource.service.name = {} }}", quoted(service));
    values(source, "name", filter, range, stop)
}

fn values(
    source: &dyn SpanSource,
    tag: &str,
    filter: String,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<String>, Missing), TempoError> {
    let request = TagRequest {
        range,
        filter,
        limit: 0,
    };
    let found = tag_values(source, tag, &request, stop)?;
    let mut names: Vec<String> = found.tag_values.into_iter().map(|value| value.value).collect();
    names.sort();
    names.dedup();
    Ok((names, found.missing))
}
