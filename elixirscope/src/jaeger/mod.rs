//! Jaeger's query API (legacy JSON) under `/jaeger/api`, for Grafana's Jaeger data source. Thin: reads parameters, asks
//! `query::jaeger`, writes the envelope.

mod given;
pub(crate) mod v3;

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use event::TraceId;
use query::jaeger::{self, Find};
use query::tempo::{Missing, SpanSource, TempoError, TimeRange};
use serde_json::{Value, json};

use given::Given;

use crate::lacks;
use crate::turns::{Turns, Unanswered};

const LIMIT: usize = 20;
const LIMIT_MAX: usize = 1_500;
const MILLISECOND_NS: u64 = 1_000_000;
/// Lists of services and operations are of so long a time back.
const NAMES_BACK_NS: u64 = 24 * 3_600 * 1_000_000_000;

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

/// The envelope, and what it lacks in a header. In it Grafana takes any error for the failure of a dependency graph.
fn listed<T: serde::Serialize>(items: &[T], missing: &Missing) -> Answered {
    listed_with(items, &Value::Null, missing)
}

fn listed_with<T: serde::Serialize>(items: &[T], errors: &Value, missing: &Missing) -> Answered {
    let failed =
        |error: serde_json::Error| Failure(StatusCode::INTERNAL_SERVER_ERROR, error.to_string(), None);
    let data = serde_json::to_value(items).map_err(failed)?;
    let body = json!({"data": data, "total": items.len(), "limit": 0, "offset": 0, "errors": errors});
    let mut response = Json(body).into_response();
    lacks::say(missing, response.headers_mut());
    Ok(response)
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

type Answered = Result<Response, Failure>;

async fn services(State(jaeger): State<Jaeger>) -> Answered {
    let range = jaeger.recent();
    let (names, missing) = jaeger
        .ask(move |source, stop| jaeger::services(source, range, stop))
        .await?;
    listed(&names, &missing)
}

async fn operations(State(jaeger): State<Jaeger>, Path(service): Path<String>) -> Answered {
    let range = jaeger.recent();
    let (names, missing) = jaeger
        .ask(move |source, stop| jaeger::operations(source, &service, range, stop))
        .await?;
    listed(&names, &missing)
}

async fn operations_with_kind(State(jaeger): State<Jaeger>, Query(pairs): Pairs) -> Answered {
    let given = Given(pairs);
    let Some(service) = given.last("service").map(str::to_owned) else {
        return Err(Failure::wrong("service", "", "the name of a service"));
    };
    let kind = given.last("spanKind").unwrap_or_default().to_owned();
    let range = jaeger.recent();
    let (operations, missing) = jaeger
        .ask(move |source, stop| jaeger::v3::operations(source, &service, &kind, range, stop))
        .await?;
    listed(&operations, &missing)
}

async fn find(State(jaeger): State<Jaeger>, Query(pairs): Pairs) -> Answered {
    let given = Given(pairs);
    let range = TimeRange {
        start_ns: given.time("start")?.unwrap_or_default(),
        end_ns: given
            .time("end")?
            .map_or(u64::MAX, |end| end.saturating_add(1_000)),
    };
    let ids: Result<Vec<TraceId>, Failure> = given.all("traceID").map(trace_id).collect();
    let ids = ids?;
    if !ids.is_empty() {
        let traces = jaeger.ask(move |source, _| {
            let found = ids.into_iter().map(|id| jaeger::trace(source, id, range));
            found.collect::<Result<Vec<_>, _>>()
        });
        let traces: Vec<jaeger::Trace> = traces.await?.into_iter().flatten().collect();
        return listed(&traces, &Missing::new());
    }
    let asked = search(&given)?;
    let (traces, missing) = jaeger
        .ask(move |source, stop| jaeger::find(source, &asked, range, stop))
        .await?;
    let said = missing.iter().map(|msg| json!({"code": 206, "msg": msg}));
    let said: Vec<Value> = said.collect();
    let errors = if said.is_empty() { Value::Null } else { said.into() };
    listed_with(&traces, &errors, &missing)
}

fn search(given: &Given) -> Result<Find, Failure> {
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
    Ok(Find {
        service: given.last("service").unwrap_or_default().to_owned(),
        operation: given.last("operation").unwrap_or_default().to_owned(),
        tags,
        duration_min: given.duration("minDuration")?,
        duration_max: given.duration("maxDuration")?,
        limit,
    })
}

fn trace_id(text: &str) -> Result<TraceId, Failure> {
    let expected = "up to 32 hexadecimal digits, not all 0, or base64";
    jaeger::trace_id(text).ok_or_else(|| Failure::wrong("trace id", text, expected))
}

async fn trace(State(jaeger): State<Jaeger>, Path(id): Path<String>) -> Answered {
    let parsed = trace_id(&id)?;
    let found = jaeger
        .ask(move |source, _| jaeger::trace(source, parsed, TimeRange::ALL))
        .await?;
    let none = || Failure(StatusCode::NOT_FOUND, "trace not found".to_owned(), Some(id));
    listed(&[found.ok_or_else(none)?], &Missing::new())
}

async fn dependencies(State(jaeger): State<Jaeger>, Query(pairs): Pairs) -> Answered {
    let given = Given(pairs);
    let end_ns = given
        .number("endTs")?
        .map_or_else(|| (jaeger.now_ns)(), |ms| ms.saturating_mul(MILLISECOND_NS));
    let back_ns = given
        .number("lookback")?
        .map_or(NAMES_BACK_NS, |ms| ms.saturating_mul(MILLISECOND_NS));
    let range = TimeRange {
        start_ns: end_ns.saturating_sub(back_ns),
        end_ns,
    };
    let (mut edges, missing) = jaeger
        .ask(move |source, stop| jaeger::dependencies(source, range, stop))
        .await?;
    if let Some(service) = given.last("service") {
        edges.retain(|edge| edge.parent == service || edge.child == service);
    }
    listed(&edges, &missing)
}
