//! Answers that are not spans themselves.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

use event::{Span, SpanKind, StatusCode};
use serde::Serialize;
use traceql::Query;

use crate::jaeger::ask::{find_spans, quoted};
use crate::jaeger::{self, Find};
use crate::tempo::{Missing, SpanSource, TempoError, TimeRange, attribute::long, may_ask, out_of_time};

/// Operations of an answer.
const OPERATIONS_MAX: usize = 1_000;
/// Traces that names are read off, the latest.
const TRACES_MAX: usize = 2_000;

/// `jaeger.api_v3.Operation`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Name of spans.
    pub name: String,
    /// Their kind; `internal` if not said.
    pub span_kind: String,
}

/// `jaeger.api_v3.Dependency`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DependencyView {
    /// Who called.
    pub parent: String,
    /// Whom.
    pub child: String,
    /// How often.
    #[serde(serialize_with = "long")]
    pub call_count: u64,
}

/// `jaeger.api_v3.TraceSummary`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// Of the root; empty if it is not there.
    pub root_service_name: String,
    /// Of the root; empty if it is not there.
    pub root_operation_name: String,
    /// Unix nanoseconds of the first start.
    #[serde(serialize_with = "long")]
    pub min_start_time_unix_nano: u64,
    /// Unix nanoseconds of the last end.
    #[serde(serialize_with = "long")]
    pub max_end_time_unix_nano: u64,
    /// Spans.
    pub span_count: u32,
    /// Those whose status is error.
    pub error_span_count: u32,
    /// Those whose parent is not there.
    pub orphan_span_count: u32,
    /// By name.
    pub services: Vec<ServiceSummary>,
}

/// `jaeger.api_v3.ServiceSummary`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSummary {
    /// `service.name`.
    pub name: String,
    /// Spans.
    pub span_count: u32,
    /// Those whose status is error.
    pub error_span_count: u32,
}

impl Summary {
    /// Of a trace's spans; none of none.
    pub fn of(spans: &[Span]) -> Option<Self> {
        let trace = traceql::Trace::new(spans);
        let first = spans.first()?;
        let (start_ns, end_ns) = trace.times();
        let ids: HashSet<_> = spans.iter().map(|span| span.id).collect();
        let orphan = |span: &&Span| span.parent.0 != 0 && !ids.contains(&span.parent);
        let failed = |span: &&Span| span.status == StatusCode::Error;
        let services = trace.services().into_iter().map(|(name, stats)| ServiceSummary {
            name: name.to_owned(),
            span_count: stats.spans,
            error_span_count: stats.errors,
        });
        Some(Self {
            trace_id: first.trace.to_string(),
            root_service_name: trace.root().map_or("", |root| root.resource.service()).to_owned(),
            root_operation_name: trace.root().map_or("", |root| &root.name).to_owned(),
            min_start_time_unix_nano: start_ns,
            max_end_time_unix_nano: end_ns,
            span_count: count(spans.len()),
            error_span_count: count(spans.iter().filter(failed).count()),
            orphan_span_count: count(spans.iter().filter(orphan).count()),
            services: services.collect(),
        })
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// Traces that a search finds, the latest first, each with all its spans.
pub fn traces(
    source: &dyn SpanSource,
    find: &Find,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Vec<Span>>, Missing), TempoError> {
    find_spans(source, find, range, stop)
}

/// Their summaries.
pub fn summaries(
    source: &dyn SpanSource,
    find: &Find,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Summary>, Missing), TempoError> {
    let (traces, missing) = find_spans(source, find, range, stop)?;
    Ok((
        traces.iter().filter_map(|spans| Summary::of(spans)).collect(),
        missing,
    ))
}

/// Names and kinds of a service's spans, sorted.
pub fn operations(
    source: &dyn SpanSource,
    service: &str,
    kind: &str,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Operation>, Missing), TempoError> {
    let query = Query::new(&format!("{{ resource.service.name = {} }}", quoted(service)))?;
    may_ask(source, &query)?;
    let mut found = BTreeSet::new();
    let (mut read, mut more, mut stopped) = (0, false, false);
    let inspected = source.candidates(&query.conditions(), range, &mut |spans| {
        let of = spans.iter().filter(|span| span.resource.service() == service);
        for span in of {
            let named = Operation {
                name: span.name.clone(),
                span_kind: kind_name(span.kind).to_owned(),
            };
            if kind.is_empty() || named.span_kind == kind {
                more |= found.len() >= OPERATIONS_MAX && !found.contains(&named);
                if !more {
                    found.insert(named);
                }
            }
        }
        read += 1;
        more |= read >= TRACES_MAX;
        stopped = stop();
        if stopped || more {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let mut missing = inspected.missing;
    if stopped {
        out_of_time(&mut missing);
    }
    if more {
        missing.push(format!("only the latest {read} traces were read"));
    }
    Ok((found.into_iter().collect(), missing))
}

/// A kind that is not said counts as internal, as OTLP allows and Jaeger answers.
fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => SpanKind::Internal.name(),
        kind => kind.name(),
    }
}

/// Who called whom, and how often, as [`jaeger::dependencies`] counts.
pub fn dependencies(
    source: &dyn SpanSource,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<DependencyView>, Missing), TempoError> {
    let (edges, missing) = jaeger::dependencies(source, range, stop)?;
    let view = |edge: jaeger::Dependency| DependencyView {
        parent: edge.parent,
        child: edge.child,
        call_count: edge.call_count,
    };
    Ok((edges.into_iter().map(view).collect(), missing))
}
