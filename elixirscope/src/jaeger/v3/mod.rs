//! Jaeger's API v3: under `/jaeger/api/v3` over HTTP, `jaeger.api_v3.QueryService` over gRPC on the same port. Thin: both make a
//! [`Call`], ask it, and write the answer.

mod given;
mod grpc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use event::Span;
use host::grpc::Code;
use query::jaeger::services;
use query::jaeger::v3::{self, Call, DependencyView, Operation, Summary};
use query::tempo::{Missing, SourceError, TempoError, TimeRange};
use serde_json::json;

use given::Given;

use super::Jaeger;
use crate::lacks;
use crate::turns::Unanswered;

const NONE: &str = "No traces found";

/// An answer, before it is written.
enum Answer {
    Services(Vec<String>),
    Operations(Vec<Operation>),
    Trace(Vec<Span>),
    Traces(Vec<Vec<Span>>),
    Summaries(Vec<Summary>),
    Dependencies(Vec<DependencyView>),
}

/// A question without one: HTTP status, gRPC code, words.
struct Failure(StatusCode, Code, String);

impl Failure {
    fn wrong(text: String) -> Self {
        Self(StatusCode::BAD_REQUEST, Code::InvalidArgument, text)
    }

    fn none() -> Self {
        Self(StatusCode::NOT_FOUND, Code::NotFound, NONE.to_owned())
    }
}

impl From<TempoError> for Failure {
    fn from(error: TempoError) -> Self {
        let text = error.to_string();
        if error.is_invalid() {
            Self::wrong(text)
        } else if error.is_forbidden() {
            Self(StatusCode::FORBIDDEN, Code::PermissionDenied, text)
        } else if matches!(error, TempoError::Source(SourceError::Busy(_))) {
            Self(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, text)
        } else {
            Self(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, text)
        }
    }
}

impl From<Unanswered> for Failure {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Asked(error) => error.into(),
            Unanswered::Crowded => {
                let text = "too many questions wait for an answer".to_owned();
                Self(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, text)
            }
            Unanswered::Broken(text) => Self(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, text),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(status, _, message) = self;
        let body = json!({"error": {"httpCode": status.as_u16(), "message": message}});
        (status, Json(body)).into_response()
    }
}

async fn ask(jaeger: &Jaeger, call: Call) -> Result<(Answer, Missing), Failure> {
    let recent = jaeger.recent();
    let answer = jaeger.turns.ask(move |source, stop| {
        Ok(match call {
            Call::Services => {
                let (found, missing) = services(source, recent, stop)?;
                (Answer::Services(found), missing)
            }
            Call::Operations { service, kind } => {
                let (found, missing) = v3::operations(source, &service, &kind, recent, stop)?;
                (Answer::Operations(found), missing)
            }
            Call::Trace(id) => {
                let found = source.trace(id, TimeRange::ALL)?;
                (Answer::Trace(found.spans), found.missing)
            }
            Call::Find(find, range) => {
                let (found, missing) = v3::traces(source, &find, range, stop)?;
                (Answer::Traces(found), missing)
            }
            Call::Summaries(find, range) => {
                let (found, missing) = v3::summaries(source, &find, range, stop)?;
                (Answer::Summaries(found), missing)
            }
            Call::Dependencies(range) => {
                let (found, missing) = v3::dependencies(source, range, stop)?;
                (Answer::Dependencies(found), missing)
            }
        })
    });
    let (answer, missing) = answer.await?;
    match answer {
        Answer::Trace(spans) if spans.is_empty() => Err(Failure::none()),
        answer => Ok((answer, missing)),
    }
}

/// The routes under `/jaeger`.
pub(crate) fn router(jaeger: Jaeger) -> Router {
    let find = get(find).post(find_posted);
    let summaries = get(summaries).post(summaries_posted);
    Router::new()
        .route("/api/v3/services", get(all_services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", find)
        .route("/api/v3/traces/{id}", get(trace))
        .route("/api/v3/trace-summaries", summaries)
        .route("/api/v3/dependencies", get(dependencies))
        .with_state(jaeger)
}

/// The calls of gRPC, at the root of the same port.
pub(crate) fn calls(jaeger: Jaeger) -> Router {
    Router::new()
        .route("/jaeger.api_v3.QueryService/{method}", post(grpc::call))
        .with_state(jaeger)
}

type Pairs = Query<Vec<(String, String)>>;
type Answered = Result<Response, Failure>;

async fn answered(jaeger: &Jaeger, call: Call) -> Answered {
    let (answer, missing) = ask(jaeger, call).await?;
    let body = match answer {
        Answer::Services(services) => json!({"services": services}),
        Answer::Operations(operations) => json!({"operations": operations}),
        Answer::Summaries(summaries) => json!({"summaries": summaries}),
        Answer::Dependencies(dependencies) => json!({"dependencies": dependencies}),
        Answer::Trace(spans) => return Ok(written(wrapped(&spans), &missing)),
        // Over HTTP it is an error to find nothing; over gRPC the stream is empty.
        Answer::Traces(traces) if traces.is_empty() => {
            let mut response = Failure::none().into_response();
            lacks::say(&missing, response.headers_mut());
            return Ok(response);
        }
        Answer::Traces(traces) => return Ok(written(wrapped(&traces.concat()), &missing)),
    };
    Ok(written(body.to_string(), &missing))
}

/// `GRPCGatewayWrapper`.
fn wrapped(spans: &[Span]) -> String {
    format!("{{\"result\":{}}}", wire::otlp::traces_json(spans))
}

fn written(text: String, missing: &Missing) -> Response {
    let mut response = ([(CONTENT_TYPE, "application/json")], text).into_response();
    lacks::say(missing, response.headers_mut());
    response
}

async fn all_services(State(jaeger): State<Jaeger>) -> Answered {
    answered(&jaeger, Call::Services).await
}

async fn operations(State(jaeger): State<Jaeger>, Query(pairs): Pairs) -> Answered {
    let given = Given(pairs);
    let kind = given.get(["spanKind", "span_kind"]).unwrap_or_default();
    let call = Call::operations(given.get(["service"; 2]).unwrap_or_default(), kind)?;
    answered(&jaeger, call).await
}

/// The times are hints where to look; here they are only checked.
async fn trace(State(jaeger): State<Jaeger>, Path(id): Path<String>, Query(pairs): Pairs) -> Answered {
    let given = Given(pairs);
    given.time(["startTime", "start_time"])?;
    given.time(["endTime", "end_time"])?;
    given.truth(["rawTraces", "raw_traces"])?;
    answered(&jaeger, Call::trace(&id)?).await
}

async fn find(State(jaeger): State<Jaeger>, Query(pairs): Pairs) -> Answered {
    let (find, range) = Given(pairs).asked()?.check()?;
    answered(&jaeger, Call::Find(find, range)).await
}

async fn summaries(State(jaeger): State<Jaeger>, Query(pairs): Pairs) -> Answered {
    let (find, range) = Given(pairs).asked()?.check()?;
    answered(&jaeger, Call::Summaries(find, range)).await
}

async fn find_posted(State(jaeger): State<Jaeger>, body: Bytes) -> Answered {
    let (find, range) = Given::posted(&body)?.asked()?.check()?;
    answered(&jaeger, Call::Find(find, range)).await
}

async fn summaries_posted(State(jaeger): State<Jaeger>, body: Bytes) -> Answered {
    let (find, range) = Given::posted(&body)?.asked()?.check()?;
    answered(&jaeger, Call::Summaries(find, range)).await
}

async fn dependencies(State(jaeger): State<Jaeger>, Query(pairs): Pairs) -> Answered {
    let given = Given(pairs);
    let start = given.time(["startTime", "start_time"])?;
    let end = given.time(["endTime", "end_time"])?;
    answered(&jaeger, Call::dependencies(start, end)?).await
}
