//! Search: traces in which a query finds something, the latest first.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use event::{KeyValue, Span};
use serde::Serialize;
use traceql::{Query, SpanSet, Trace};

use super::attribute::{key_values, long};
use super::source::{may_ask, out_of_time};
use super::{Missing, SpanSource, TempoError, TimeRange};

/// Most traces of an answer.
pub const LIMIT_MAX: usize = 5_000;
/// Most spans of a set in an answer.
pub const SPANS_MAX: usize = 10_000;
/// What the service of a trace without a root is called, as in Tempo.
pub const ROOT_UNKNOWN: &str = "<root span not yet received>";

/// A search.
#[derive(Debug)]
pub struct SearchRequest {
    /// For what.
    pub query: Query,
    /// When: traces that overlap it.
    pub range: TimeRange,
    /// Most traces.
    pub limit: usize,
    /// Most spans of each set; 0 = all.
    pub spans_per_set: usize,
}

/// `tempopb.SearchResponse`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SearchResponse {
    /// The latest first.
    pub traces: Vec<TraceView>,
    /// What it cost.
    pub metrics: SearchMetrics,
    /// What it lacks.
    #[serde(skip)]
    pub missing: Missing,
}

/// `tempopb.SearchMetrics`, as far as it has a meaning here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchMetrics {
    /// Traces that the query was asked of.
    pub inspected_traces: u32,
    /// Bytes read for them.
    #[serde(serialize_with = "long")]
    pub inspected_bytes: u64,
}

/// `tempopb.TraceSearchMetadata`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceView {
    /// 32 hexadecimal digits.
    #[serde(rename = "traceID")]
    pub trace_id: String,
    /// Of the root.
    pub root_service_name: String,
    /// Of the root.
    pub root_trace_name: String,
    /// Of the earliest span.
    #[serde(serialize_with = "long")]
    pub start_time_unix_nano: u64,
    /// From the first start to the last end.
    pub duration_ms: u32,
    /// The first set, for older clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_set: Option<SpanSetView>,
    /// What was found.
    pub span_sets: Vec<SpanSetView>,
    /// By service.
    pub service_stats: BTreeMap<String, ServiceCounts>,
}

/// `tempopb.ServiceStats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceCounts {
    /// Spans.
    pub span_count: u32,
    /// Spans whose status is error.
    pub error_count: u32,
}

/// `tempopb.SpanSet`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SpanSetView {
    /// So many as were asked for.
    pub spans: Vec<SpanView>,
    /// How many were found.
    pub matched: u32,
    /// What `by` and aggregates said.
    #[serde(serialize_with = "key_values", skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<KeyValue>,
}

/// `tempopb.Span`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpanView {
    /// 16 hexadecimal digits.
    #[serde(rename = "spanID")]
    pub span_id: String,
    /// Operation.
    pub name: String,
    /// Start.
    #[serde(serialize_with = "long")]
    pub start_time_unix_nano: u64,
    /// How long it took.
    #[serde(serialize_with = "long")]
    pub duration_nanos: u64,
    /// What the query wanted to know.
    #[serde(serialize_with = "key_values", skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<KeyValue>,
}

/// Searches until there are enough traces, or `stop` says that time is over.
pub fn search(
    source: &dyn SpanSource,
    request: &SearchRequest,
    stop: &dyn Fn() -> bool,
) -> Result<SearchResponse, TempoError> {
    if request.query.is_metrics() {
        let why = "a query for time series; /api/metrics/query_range and /api/metrics/query answer it";
        return Err(TempoError::parameter("q", why));
    }
    may_ask(source, &request.query)?;
    let mut response = SearchResponse::default();
    let mut stopped = false;
    if request.limit == 0 {
        return Ok(response);
    }
    let inspected = source.candidates(&request.query.conditions(), request.range, &mut |spans| {
        if let Some(found) = view(request, &spans) {
            response.traces.push(found);
        }
        if response.traces.len() >= request.limit {
            return ControlFlow::Break(());
        }
        stopped = stop();
        if stopped {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    response.traces.sort_by(|one, two| {
        let latest_first = two.start_time_unix_nano.cmp(&one.start_time_unix_nano);
        latest_first.then_with(|| one.trace_id.cmp(&two.trace_id))
    });
    response.metrics = SearchMetrics {
        inspected_traces: u32::try_from(inspected.traces).unwrap_or(u32::MAX),
        inspected_bytes: inspected.bytes,
    };
    response.missing = inspected.missing;
    if stopped {
        out_of_time(&mut response.missing);
    }
    Ok(response)
}

/// A trace in which something was found.
fn view(request: &SearchRequest, spans: &[Span]) -> Option<TraceView> {
    let trace = Trace::new(spans);
    let (start_ns, end_ns) = trace.times();
    if !request.range.overlaps(start_ns, end_ns) {
        return None;
    }
    let sets = request.query.search(&trace);
    let sets: Vec<SpanSetView> = sets.iter().map(|set| set_view(request, &trace, set)).collect();
    let first = sets.first()?.clone();
    let root = trace.root();
    let counts = |stats: traceql::ServiceStats| ServiceCounts {
        span_count: stats.spans,
        error_count: stats.errors,
    };
    let services = trace.services().into_iter();
    Some(TraceView {
        trace_id: trace.id().to_string(),
        root_service_name: root
            .map_or(ROOT_UNKNOWN, |root| root.resource.service())
            .to_owned(),
        root_trace_name: root.map_or("", |root| &root.name).to_owned(),
        start_time_unix_nano: start_ns,
        duration_ms: u32::try_from((end_ns - start_ns) / 1_000_000).unwrap_or(u32::MAX),
        span_set: Some(first),
        span_sets: sets,
        service_stats: services
            .map(|(name, stats)| (name.to_owned(), counts(stats)))
            .collect(),
    })
}

fn set_view(request: &SearchRequest, trace: &Trace<'_>, set: &SpanSet) -> SpanSetView {
    let most = match request.spans_per_set {
        0 => SPANS_MAX,
        most => most.min(SPANS_MAX),
    };
    let places = set.spans.iter().take(most);
    let spans = places.filter_map(|place| {
        let span = trace.span(*place)?;
        Some(SpanView {
            span_id: span.id.to_string(),
            name: span.name.clone(),
            start_time_unix_nano: span.start_ns,
            duration_nanos: span.duration_ns(),
            attributes: request.query.attributes(trace, *place),
        })
    });
    let attributes = set.attributes.iter().map(|(key, value)| KeyValue {
        key: key.clone(),
        value: value.clone(),
    });
    SpanSetView {
        spans: spans.collect(),
        matched: u32::try_from(set.spans.len()).unwrap_or(u32::MAX),
        attributes: attributes.collect(),
    }
}
