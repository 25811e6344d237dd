//! The handlers: parameters in, `query::tempo` asked off the asynchronous threads, an answer out.

use std::fmt::Write as _;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use event::Span;
use query::tempo::{
    InstantResponse, LIMIT_MAX, Missing, RangeResponse, SPANS_MAX, SearchRequest, SearchResponse, SpanSource,
    TagNamesResponse, TagNamesV1, TagRequest, TagScope, TagValuesResponse, TagValuesV1, TempoError,
    TimeRange, TraceRequest, legacy, params, proto,
};
use serde_json::json;
use traceql::Query as TraceQl;
use traceql::metrics::{Limits, Range};

use super::Tempo;
use super::answer::{Failure, PROTOBUF, body, json, wants_protobuf};
use super::params::Params;

type Pairs = Query<Vec<(String, String)>>;
type Answer = Result<Response, Failure>;

/// Traces of a search, spans of each of its sets, exemplars of time series, unless it says otherwise.
const TRACES: usize = 20;
const SPANS: usize = 3;
const EXEMPLARS: usize = 100;
const EXEMPLARS_MAX: usize = 1_000;

impl Tempo {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn SpanSource, &dyn Fn() -> bool) -> Result<T, TempoError> + Send + 'static,
    ) -> Result<T, Failure> {
        Ok(self.turns.ask(question).await?)
    }
}

pub(super) async fn build() -> Response {
    let version = env!("CARGO_PKG_VERSION");
    Json(json!({
        "version": version, "revision": "", "branch": "", "buildDate": "", "buildUser": "", "goVersion": "",
    }))
    .into_response()
}

pub(super) async fn search(State(tempo): State<Tempo>, Query(pairs): Pairs) -> Answer {
    let found = find(&tempo, &Params(pairs)).await?;
    json(&found, &found.missing)
}

pub(super) async fn find(tempo: &Tempo, given: &Params) -> Result<SearchResponse, Failure> {
    let request = search_request(given)?;
    tempo
        .ask(move |source, stop| query::tempo::search(source, &request, stop))
        .await
}

fn search_request(given: &Params) -> Result<SearchRequest, TempoError> {
    let duration = |name| {
        given
            .get(name)
            .map(|text| params::duration(name, text))
            .transpose()
    };
    let query = match given.get("q") {
        Some(text) => TraceQl::new(text)?,
        None => legacy::query(
            given.get("tags").unwrap_or_default(),
            duration("minDuration")?,
            duration("maxDuration")?,
        )?,
    };
    Ok(SearchRequest {
        query,
        range: params::search_range(given.get("start"), given.get("end"))?,
        limit: params::count("limit", given.get("limit"), TRACES, LIMIT_MAX)?,
        spans_per_set: params::count("spss", given.get("spss"), SPANS, SPANS_MAX)?,
    })
}

fn tag_request(given: &Params) -> Result<TagRequest, TempoError> {
    Ok(TagRequest {
        range: params::search_range(given.get("start"), given.get("end"))?,
        filter: given.get("q").unwrap_or_default().to_owned(),
        limit: params::count("limit", given.get("limit"), 0, usize::MAX)?,
    })
}

pub(super) async fn names(tempo: &Tempo, given: &Params) -> Result<TagNamesResponse, Failure> {
    let (scopes, request) = (TagScope::of(given.get("scope"))?, tag_request(given)?);
    tempo
        .ask(move |source, stop| query::tempo::tag_names(source, &scopes, &request, stop))
        .await
}

pub(super) async fn values(tempo: &Tempo, tag: String, given: &Params) -> Result<TagValuesResponse, Failure> {
    let request = tag_request(given)?;
    tempo
        .ask(move |source, stop| query::tempo::tag_values(source, &tag, &request, stop))
        .await
}

pub(super) async fn tag_names(State(tempo): State<Tempo>, Query(pairs): Pairs) -> Answer {
    let found = names(&tempo, &Params(pairs)).await?;
    json(&found, &found.missing)
}

pub(super) async fn tag_names_v1(State(tempo): State<Tempo>, Query(pairs): Pairs) -> Answer {
    let found = names(&tempo, &Params(pairs)).await?;
    let missing = found.missing.clone();
    json(&TagNamesV1::from(found), &missing)
}

pub(super) async fn tag_values(
    State(tempo): State<Tempo>,
    Path(tag): Path<String>,
    Query(pairs): Pairs,
) -> Answer {
    let found = values(&tempo, tag, &Params(pairs)).await?;
    json(&found, &found.missing)
}

pub(super) async fn tag_values_v1(
    State(tempo): State<Tempo>,
    Path(tag): Path<String>,
    Query(pairs): Pairs,
) -> Answer {
    let found = values(&tempo, tag, &Params(pairs)).await?;
    let missing = found.missing.clone();
    json(&TagValuesV1::from(found), &missing)
}

fn limits(given: &Params) -> Result<Limits, TempoError> {
    Ok(Limits {
        exemplars: params::count("exemplars", given.get("exemplars"), EXEMPLARS, EXEMPLARS_MAX)?,
        ..Limits::default()
    })
}

/// The query; older clients name it `query`.
fn query_of(given: &Params) -> Result<TraceQl, TempoError> {
    match given.get("q").or_else(|| given.get("query")) {
        Some(text) => Ok(TraceQl::new(text)?),
        None => Err(TempoError::Parameter {
            name: "q",
            why: "expected a TraceQL query".to_owned(),
        }),
    }
}

pub(super) async fn series(State(tempo): State<Tempo>, Query(pairs): Pairs) -> Answer {
    let found = measure(&tempo, &Params(pairs)).await?;
    json(&found, &found.missing)
}

pub(super) async fn measure(tempo: &Tempo, given: &Params) -> Result<RangeResponse, Failure> {
    let (query, limits, times) = (query_of(given)?, limits(given)?, times(tempo, given)?);
    let step = params::step(given.get("step"), times)?;
    let range = Range::steps(times.start_ns, times.end_ns, step).map_err(|error| TempoError::Parameter {
        name: "step",
        why: error.to_string(),
    })?;
    tempo
        .ask(move |source, stop| query::tempo::range(source, &query, range, limits, stop))
        .await
}

pub(super) async fn instant(State(tempo): State<Tempo>, Query(pairs): Pairs) -> Answer {
    let found = measure_once(&tempo, &Params(pairs)).await?;
    json(&found, &found.missing)
}

pub(super) async fn measure_once(tempo: &Tempo, given: &Params) -> Result<InstantResponse, Failure> {
    let (query, limits, times) = (query_of(given)?, limits(given)?, times(tempo, given)?);
    tempo
        .ask(move |source, stop| query::tempo::instant(source, &query, times, limits, stop))
        .await
}

fn times(tempo: &Tempo, given: &Params) -> Result<TimeRange, TempoError> {
    params::series_range(
        given.get("start"),
        given.get("end"),
        given.get("since"),
        (tempo.now_ns)(),
    )
}

async fn spans(tempo: &Tempo, id: &str, given: &Params) -> Result<(Vec<Span>, Missing), Failure> {
    let request = TraceRequest {
        id: params::trace_id(id)?,
        range: params::search_range(given.get("start"), given.get("end"))?,
        filter: given
            .get("q")
            .map(TraceQl::new)
            .transpose()
            .map_err(TempoError::from)?,
        keep_hierarchy: given.truth("keep_hierarchy", true)?,
    };
    let found = tempo
        .ask(move |source, _| query::tempo::trace(source, &request))
        .await?;
    Ok((found.spans, found.missing))
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "trace not found\n").into_response()
}

/// v2. An absent trace is 404, after which Grafana asks v1; what a filter leaves empty is an empty trace.
pub(super) async fn trace(
    State(tempo): State<Tempo>,
    Path(id): Path<String>,
    Query(pairs): Pairs,
    headers: HeaderMap,
) -> Answer {
    let given = Params(pairs);
    let (spans, missing) = spans(&tempo, &id, &given).await?;
    if spans.is_empty() && given.get("q").is_none() {
        return Ok(not_found());
    }
    if wants_protobuf(&headers) {
        return Ok(body(PROTOBUF, proto::trace_by_id(&spans, &missing), &missing));
    }
    let mut text = format!("{{\"trace\":{},\"metrics\":{{}}", wire::otlp::traces_json(&spans));
    if !missing.is_empty() {
        let message = json!(missing.join("; "));
        // Writing into a string does not fail.
        let _ = write!(text, ",\"status\":\"PARTIAL\",\"message\":{message}");
    }
    text.push('}');
    Ok(body("application/json", text.into_bytes(), &missing))
}

/// v1: the trace alone.
pub(super) async fn trace_v1(
    State(tempo): State<Tempo>,
    Path(id): Path<String>,
    Query(pairs): Pairs,
    headers: HeaderMap,
) -> Answer {
    let (spans, missing) = spans(&tempo, &id, &Params(pairs)).await?;
    if spans.is_empty() {
        return Ok(not_found());
    }
    if wants_protobuf(&headers) {
        return Ok(body(PROTOBUF, proto::trace(&spans), &missing));
    }
    // Tempo's first version names the list `batches`.
    let text = wire::otlp::traces_json(&spans).replacen("{\"resourceSpans\":", "{\"batches\":", 1);
    Ok(body("application/json", text.into_bytes(), &missing))
}
