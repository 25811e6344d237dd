//! Jaeger's query API (legacy JSON) under `/jaeger/api`, for Grafana's Jaeger data source. Thin: reads parameters, asks
//! `query::jaeger`, writes the envelope.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use event::TraceId;
use query::jaeger::{self, Find};
use query::tempo::{SpanSource, TempoError, TimeRange};
use serde_json::{Value, json};

use crate::turns::{Turns, Unanswered};

const LIMIT: usize = 20;
const LIMIT_MAX: usize = 1_500;
/// Lists of services and operations are of so long a time back.
const NAMES_BACK_NS: u64 = 24 * 3_600 * 1_000_000_000;
/// Times below are milliseconds, those from here on microseconds: Grafana sends the first where Jaeger documents the second.
const MICROSECONDS_MIN: u64 = 100_000_000_000_000;

/// What the handlers work on.
#[derive(Clone)]
pub(crate) struct Jaeger {
    pub(crate) turns: Turns,
    now_ns: fn() -> u64,
}

type Pairs = Query<Vec<(String, String)>>;

/// An error answer: status, words, the trace it is about.
struct Failure(StatusCode, String, Option<String>);

impl Failure {
    fn wrong(what: &str, given: &str, expected: &str) -> Self {
        Self(
            StatusCode::BAD_REQUEST,
            format!("{what}: '{given}'; expected {expected}"),
            None,
        )
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(status, msg, trace) = self;
        let mut error = json!({"code": status.as_u16(), "msg": msg});
        if let (Some(trace), Some(object)) = (trace, error.as_object_mut()) {
            object.insert("traceID".to_owned(), trace.into());
        }
        let body = json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": [error]});
        (status, Json(body)).into_response()
    }
}

impl From<Unanswered> for Failure {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Asked(error) => error.into(),
            Unanswered::Crowded => {
                let text = "too many questions; ask again".to_owned();
                Self(StatusCode::SERVICE_UNAVAILABLE, text, None)
            }
            Unanswered::Broken(text) => Self(StatusCode::INTERNAL_SERVER_ERROR, text, None),
        }
    }
}

impl From<TempoError> for Failure {
    fn from(error: TempoError) -> Self {
        let status = if error.is_invalid() {
            StatusCode::BAD_REQUEST
        } else if error.is_forbidden() {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Self(status, error.to_string(), None)
    }
}

fn listed<T: serde::Serialize>(items: &[T]) -> Result<Json<Value>, Failure> {
    let failed =
        |error: serde_json::Error| Failure(StatusCode::INTERNAL_SERVER_ERROR, error.to_string(), None);
    let data = serde_json::to_value(items).map_err(failed)?;
    let body = json!({"data": data, "total": items.len(), "limit": 0, "offset": 0, "errors": null});
    Ok(Json(body))
}

impl Jaeger {
    pub(crate) fn new(turns: Turns, now_ns: fn() -> u64) -> Self {
        Self { turns, now_ns }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn SpanSource, &dyn Fn() -> bool) -> Result<T, TempoError> + Send + 'static,
    ) -> Result<T, Failure> {
        Ok(self.turns.ask(question).await?)
    }

    /// Of so long a time back are lists of names.
    pub(crate) fn recent(&self) -> TimeRange {
        let now = (self.now_ns)();
        TimeRange {
            start_ns: now.saturating_sub(NAMES_BACK_NS),
            end_ns: u64::MAX,
        }
    }
}

/// The routes, to be nested under `/jaeger`.
pub(crate) fn router(jaeger: Jaeger) -> Router {
    Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(operations))
        .route("/api/operations", get(operations_with_kind))
        .route("/api/traces", get(find))
        .route("/api/traces/{id}", get(trace))
        .route("/api/dependencies", get(dependencies))
        .with_state(jaeger)
}

async fn services(State(jaeger): State<Jaeger>) -> Result<Json<Value>, Failure> {
    let range = jaeger.recent();
    let names = jaeger
        .ask(move |source, stop| jaeger::services(source, range, stop))
        .await?;
    listed(&names)
}

async fn operations(
    State(jaeger): State<Jaeger>,
    Path(service): Path<String>,
) -> Result<Json<Value>, Failure> {
    let range = jaeger.recent();
    let names = jaeger
        .ask(move |source, stop| jaeger::operations(source, &service, range, stop))
        .await?;
    listed(&names)
}

async fn operations_with_kind(
    State(jaeger): State<Jaeger>,
    Query(pairs): Pairs,
) -> Result<Json<Value>, Failure> {
    let given = Given(pairs);
    let Some(service) = given.last("service").map(str::to_owned) else {
        return Err(Failure::wrong("service", "", "the name of a service"));
    };
    let kind = given.last("spanKind").unwrap_or_default().to_owned();
    let range = jaeger.recent();
    let names = jaeger
        .ask(move |source, stop| jaeger::operations(source, &service, range, stop))
        .await?;
    let named: Vec<Value> = names
        .into_iter()
        .map(|name| json!({"name": name, "spanKind": kind}))
        .collect();
    listed(&named)
}

/// Parameters as they came.
struct Given(Vec<(String, String)>);

impl Given {
    fn last(&self, name: &str) -> Option<&str> {
        let of_name = self
            .0
            .iter()
            .rev()
            .find(|(key, value)| key == name && !value.is_empty());
        of_name.map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, Failure> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| Failure::wrong(name, text, "a whole number"))
        };
        self.last(name).map(parse).transpose()
    }

    /// A duration as Go writes it.
    fn duration(&self, name: &'static str) -> Result<Option<u64>, Failure> {
        let parse = |text: &str| {
            traceql::duration_ns(text)
                .ok_or_else(|| Failure::wrong(name, text, "a duration: 1.5s, 20ms, 1h30m"))
        };
        self.last(name).map(parse).transpose()
    }

    /// Nanoseconds of a time in milli- or microseconds.
    fn time(&self, name: &'static str) -> Result<Option<u64>, Failure> {
        Ok(self.number(name)?.map(|time| {
            let unit = if time < MICROSECONDS_MIN { 1_000_000 } else { 1_000 };
            time.saturating_mul(unit)
        }))
    }
}

async fn find(State(jaeger): State<Jaeger>, Query(pairs): Pairs) -> Result<Json<Value>, Failure> {
    let given = Given(pairs);
    let ids: Result<Vec<TraceId>, Failure> = given.all("traceID").map(trace_id).collect();
    let ids = ids?;
    let range = TimeRange {
        start_ns: given.time("start")?.unwrap_or_default(),
        end_ns: given
            .time("end")?
            .map_or(u64::MAX, |end| end.saturating_add(1_000)),
    };
    if !ids.is_empty() {
        let traces = jaeger.ask(move |source, _| {
            let found = ids.into_iter().map(|id| jaeger::trace(source, id, range));
            found.collect::<Result<Vec<_>, _>>()
        });
        let traces: Vec<jaeger::Trace> = traces.await?.into_iter().flatten().collect();
        return listed(&traces);
    }
    let wrong = |error: jaeger::TagsError| Failure(StatusCode::BAD_REQUEST, error.to_string(), None);
    let mut tags: BTreeMap<String, String> = BTreeMap::new();
    if let Some(text) = given.last("tags") {
        tags.extend(jaeger::tags_of(text).map_err(wrong)?);
    }
    for tag in given.all("tag") {
        let Some((key, value)) = tag.split_once(':') else {
            return Err(Failure::wrong("tag", tag, "key:value"));
        };
        tags.insert(key.to_owned(), value.to_owned());
    }
    let limit = given.number("limit")?.map_or(LIMIT, |limit| limit as usize);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Failure::wrong("limit", &limit.to_string(), "1 to 1500"));
    }
    let asked = Find {
        service: given.last("service").unwrap_or_default().to_owned(),
        operation: given.last("operation").unwrap_or_default().to_owned(),
        tags,
        duration_min: given.duration("minDuration")?,
        duration_max: given.duration("maxDuration")?,
        limit,
    };
    let (traces, missing) = jaeger
        .ask(move |source, stop| jaeger::find(source, &asked, range, stop))
        .await?;
    let Json(mut body) = listed(&traces)?;
    if !missing.is_empty()
        && let Some(errors) = body.get_mut("errors")
    {
        *errors = missing
            .into_iter()
            .map(|msg| json!({"code": 206, "msg": msg}))
            .collect();
    }
    Ok(Json(body))
}

fn trace_id(text: &str) -> Result<TraceId, Failure> {
    text.parse()
        .map_err(|_| Failure::wrong("trace id", text, "up to 32 hexadecimal digits"))
}

async fn trace(State(jaeger): State<Jaeger>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let parsed = trace_id(&id)?;
    let found = jaeger
        .ask(move |source, _| jaeger::trace(source, parsed, TimeRange::ALL))
        .await?;
    let none = || Failure(StatusCode::NOT_FOUND, "trace not found".to_owned(), Some(id));
    listed(&[found.ok_or_else(none)?])
}

async fn dependencies(State(jaeger): State<Jaeger>, Query(pairs): Pairs) -> Result<Json<Value>, Failure> {
    let given = Given(pairs);
    let end_ns = given
        .number("endTs")?
        .map_or_else(|| (jaeger.now_ns)(), |ms| ms.saturating_mul(1_000_000));
    let back_ns = given
        .number("lookback")?
        .map_or(NAMES_BACK_NS, |ms| ms.saturating_mul(1_000_000));
    let range = TimeRange {
        start_ns: end_ns.saturating_sub(back_ns),
        end_ns,
    };
    let edges = jaeger
        .ask(move |source, stop| jaeger::dependencies(source, range, stop))
        .await?;
    listed(&edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a time in milliseconds and one in microseconds. Guarantee: both are the same instant.
    #[test]
    fn times_by_magnitude() {
        let given = |time: &str| Given(vec![("start".to_owned(), time.to_owned())]);
        assert_eq!(
            given("1790000000000").time("start").ok().flatten(),
            Some(1_790_000_000_000_000_000)
        );
        assert_eq!(
            given("1790000000000000").time("start").ok().flatten(),
            Some(1_790_000_000_000_000_000)
        );
    }
}
