//! Time series: `query_range` and `query`.

use std::ops::ControlFlow;

use event::Value;
use serde::Serialize;
use traceql::metrics::{Answer, Exemplar, Limits, Partial, Range, Series};
use traceql::{Query, Trace};

use super::attribute::{double, labels, long};
use super::search::SearchMetrics;
use super::source::{may_ask, out_of_time};
use super::{Missing, SpanSource, TempoError, TimeRange};

/// `tempopb.QueryRangeResponse`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RangeResponse {
    /// In the order of their labels.
    pub series: Vec<SeriesView>,
    /// What it cost.
    pub metrics: SearchMetrics,
    /// `PARTIAL` if the message says what it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// What it lacks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What it lacks.
    #[serde(skip)]
    pub missing: Missing,
}

/// `tempopb.TimeSeries`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SeriesView {
    /// Names and values.
    #[serde(serialize_with = "labels")]
    pub labels: Vec<(String, Value)>,
    /// In time.
    pub samples: Vec<SampleView>,
    /// Spans that stand for others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exemplars: Vec<ExemplarView>,
}

/// `tempopb.Sample`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SampleView {
    /// Where its step begins.
    #[serde(serialize_with = "long")]
    pub timestamp_ms: i64,
    /// The sample.
    #[serde(serialize_with = "double")]
    pub value: f64,
}

/// `tempopb.Exemplar`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExemplarView {
    /// `trace:id`, `span:id`.
    #[serde(serialize_with = "labels")]
    pub labels: Vec<(String, Value)>,
    /// Where it lies on the series' axis.
    #[serde(serialize_with = "double")]
    pub value: f64,
    /// When it started.
    #[serde(serialize_with = "long")]
    pub timestamp_ms: i64,
}

/// `tempopb.QueryInstantResponse`; unknown keys are refused by Grafana.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InstantResponse {
    /// In the order of their labels.
    pub series: Vec<InstantView>,
    /// What it cost.
    pub metrics: SearchMetrics,
    /// What it lacks.
    #[serde(skip)]
    pub missing: Missing,
}

/// `tempopb.InstantSeries`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InstantView {
    /// Names and values.
    #[serde(serialize_with = "labels")]
    pub labels: Vec<(String, Value)>,
    /// Over the whole range.
    #[serde(serialize_with = "double")]
    pub value: f64,
}

/// Answers `query_range`.
pub fn range(
    source: &dyn SpanSource,
    query: &Query,
    range: Range,
    limits: Limits,
    stop: &dyn Fn() -> bool,
) -> Result<RangeResponse, TempoError> {
    let (answer, metrics, missing) = evaluate(source, query, range, limits, stop)?;
    Ok(RangeResponse {
        series: answer.series.into_iter().map(series_view).collect(),
        metrics,
        status: (!missing.is_empty()).then_some("PARTIAL"),
        message: missing.join("; "),
        missing,
    })
}

/// Answers `query`: one sample over the whole range.
pub fn instant(
    source: &dyn SpanSource,
    query: &Query,
    range: TimeRange,
    limits: Limits,
    stop: &dyn Fn() -> bool,
) -> Result<InstantResponse, TempoError> {
    let range = Range::instant(range.start_ns, range.end_ns);
    let range = range.map_err(|error| TempoError::parameter("end", error.to_string()))?;
    let (answer, metrics, missing) = evaluate(source, query, range, limits, stop)?;
    let series = answer.series.into_iter().filter_map(|series| {
        let (_, value) = *series.samples.first()?;
        Some(InstantView {
            labels: series.labels,
            value,
        })
    });
    Ok(InstantResponse {
        series: series.collect(),
        metrics,
        missing,
    })
}

fn evaluate(
    source: &dyn SpanSource,
    query: &Query,
    range: Range,
    limits: Limits,
    stop: &dyn Fn() -> bool,
) -> Result<(Answer, SearchMetrics, Missing), TempoError> {
    let Some(evaluator) = query.metrics(range, limits) else {
        let why = "no query for time series, such as { } | rate(); /api/search answers it";
        return Err(TempoError::parameter("q", why));
    };
    may_ask(source, query)?;
    let times = TimeRange {
        start_ns: range.start_ns(),
        end_ns: range.end_ns(),
    };
    let mut partial = Partial::default();
    let mut stopped = false;
    let inspected = source.candidates(&query.conditions(), times, &mut |spans| {
        evaluator.observe(&mut partial, &Trace::new(&spans));
        stopped = stop();
        if stopped {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let answer = evaluator.finish(&partial);
    let mut missing = inspected.missing;
    if stopped {
        out_of_time(&mut missing);
    }
    if answer.truncated {
        missing.push(format!(
            "there are more than the {} series kept",
            answer.series.len()
        ));
    }
    let metrics = SearchMetrics {
        inspected_traces: u32::try_from(inspected.traces).unwrap_or(u32::MAX),
        inspected_bytes: inspected.bytes,
    };
    Ok((answer, metrics, missing))
}

fn series_view(series: Series) -> SeriesView {
    let samples = series
        .samples
        .into_iter()
        .map(|(timestamp_ms, value)| SampleView { timestamp_ms, value });
    SeriesView {
        labels: series.labels,
        samples: samples.collect(),
        exemplars: series.exemplars.iter().map(exemplar_view).collect(),
    }
}

fn exemplar_view(exemplar: &Exemplar) -> ExemplarView {
    ExemplarView {
        labels: vec![
            ("trace:id".to_owned(), Value::String(exemplar.trace.to_string())),
            ("span:id".to_owned(), Value::String(exemplar.span.to_string())),
        ],
        value: exemplar.value,
        timestamp_ms: exemplar.time_ms,
    }
}
