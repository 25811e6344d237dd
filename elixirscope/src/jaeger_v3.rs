//! Jaeger's API v3: under `/jaeger/api/v3` over HTTP, `jaeger.api_v3.QueryService` over gRPC on the same port. Thin: both make a
//! [`Call`], ask it, and write the answer.

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use event::Span;
use host::grpc::{Code, Status, failed, is_call, message, streaming, unary};
use query::jaeger::v3::{self, Asked, Call, DependencyView, Operation, Summary};
use query::jaeger::{services, tags_of};
use query::tempo::{Missing, TempoError, TimeRange, params};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::jaeger::Jaeger;
use crate::turns::Unanswered;

/// What an answer lacks.
const MISSING: HeaderName = HeaderName::from_static("x-elixirscope-missing");
/// Characters of that header.
const MISSING_CHARS_MAX: usize = 1_000;

/// An answer, before it is written.
enum Answer {
    Services(Vec<String>),
    Operations(Vec<Operation>),
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
        Self(
            StatusCode::NOT_FOUND,
            Code::NotFound,
            "No traces found".to_owned(),
        )
    }
}

impl From<TempoError> for Failure {
    fn from(error: TempoError) -> Self {
        let text = error.to_string();
        if error.is_invalid() {
            Self::wrong(text)
        } else if error.is_forbidden() {
            Self(StatusCode::FORBIDDEN, Code::PermissionDenied, text)
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
            Call::Services => (Answer::Services(services(source, recent, stop)?), Vec::new()),
            Call::Operations { service, kind } => {
                let (found, missing) = v3::operations(source, &service, &kind, recent, stop)?;
                (Answer::Operations(found), missing)
            }
            Call::Trace(id) => {
                let found = source.trace(id, TimeRange::ALL)?;
                (Answer::Traces(vec![found.spans]), found.missing)
            }
            Call::Find(find, range) => {
                let (found, missing) = v3::traces(source, &find, range, stop)?;
                (Answer::Traces(found), missing)
            }
            Call::Summaries(find, range) => {
                let (found, missing) = v3::summaries(source, &find, range, stop)?;
                (Answer::Summaries(found), missing)
            }
            Call::Dependencies(range) => (
                Answer::Dependencies(v3::dependencies(source, range, stop)?),
                Vec::new(),
            ),
        })
    });
    let (answer, missing) = answer.await?;
    if let Answer::Traces(traces) = &answer
        && traces.iter().all(Vec::is_empty)
    {
        return Err(Failure::none());
    }
    Ok((answer, missing))
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
        .route("/jaeger.api_v3.QueryService/{method}", post(call))
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
        Answer::Traces(traces) => {
            let text = format!("{{\"result\":{}}}", wire::otlp::traces_json(&traces.concat()));
            return Ok(written(text, &missing));
        }
    };
    Ok(written(body.to_string(), &missing))
}

fn written(text: String, missing: &Missing) -> Response {
    let kind = [(axum::http::header::CONTENT_TYPE, "application/json")];
    let mut response = (kind, text).into_response();
    if !missing.is_empty() {
        let said = missing
            .join("; ")
            .replace(|c: char| !(' '..='~').contains(&c), "?");
        let said = said.get(..MISSING_CHARS_MAX).unwrap_or(&said);
        if let Ok(value) = HeaderValue::from_str(said) {
            response.headers_mut().insert(MISSING, value);
        }
    }
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

async fn trace(State(jaeger): State<Jaeger>, Path(id): Path<String>) -> Answered {
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

/// Parameters as they came; each has its name in JSON and the older one of the message.
struct Given(Vec<(String, String)>);

impl Given {
    fn get(&self, names: [&'static str; 2]) -> Option<&str> {
        let named = |(key, value): &&(String, String)| names.contains(&key.as_str()) && !value.is_empty();
        self.0.iter().find(named).map(|(_, value)| value.as_str())
    }

    fn time(&self, names: [&'static str; 2]) -> Result<Option<u64>, TempoError> {
        let time = |text| params::time(names[0], text);
        self.get(names).map(time).transpose()
    }

    fn duration(&self, names: [&'static str; 2]) -> Result<Option<u64>, TempoError> {
        let duration = |text| params::duration(names[0], text);
        self.get(names).map(duration).transpose()
    }

    fn asked(&self) -> Result<Asked, Failure> {
        let text = |names| self.get(names).unwrap_or_default().to_owned();
        let attributes = match self.get(["query.attributes"; 2]) {
            Some(text) => tags_of(text).map_err(|error| Failure::wrong(error.to_string()))?,
            None => std::collections::BTreeMap::new(),
        };
        let depth = self
            .get(["query.searchDepth", "query.search_depth"])
            .or_else(|| self.get(["query.numTraces", "query.num_traces"]));
        let depth = depth.map(|text| {
            let wrong = |_| Failure::wrong(format!("query.searchDepth: '{text}' is not a whole number"));
            text.parse().map_err(wrong)
        });
        Ok(Asked {
            service: text(["query.serviceName", "query.service_name"]),
            operation: text(["query.operationName", "query.operation_name"]),
            attributes,
            start_ns: self.time(["query.startTimeMin", "query.start_time_min"])?,
            end_ns: self.time(["query.startTimeMax", "query.start_time_max"])?,
            duration_min: self.duration(["query.durationMin", "query.duration_min"])?,
            duration_max: self.duration(["query.durationMax", "query.duration_max"])?,
            depth: depth.transpose()?,
            filter: self.get(["query.filter"; 2]).is_some(),
        })
    }

    /// Of a posted `{"query": {...}}`: its fields by their names as parameters.
    fn posted(body: &[u8]) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::wrong(format!(
                "body: {why}; expected {{\"query\": {{\"serviceName\": ...}}}}"
            ))
        };
        let body: Value = serde_json::from_slice(body).map_err(|error| wrong(&error.to_string()))?;
        let query = body.get("query").and_then(Value::as_object);
        let query = query.ok_or_else(|| wrong("it has no object 'query'"))?;
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let pair = |(name, value): (&String, &Value)| (format!("query.{name}"), text(value));
        Ok(Self(query.iter().map(pair).collect()))
    }
}

async fn call(
    State(jaeger): State<Jaeger>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    match called(&jaeger, &method, &headers, body).await {
        Ok(response) => response,
        Err(status) => failed(&status),
    }
}

async fn called(
    jaeger: &Jaeger,
    method: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response<Body>, Status> {
    if !is_call(headers) {
        let text = "not a call of gRPC with protobuf";
        return Err(Status::new(Code::InvalidArgument, text));
    }
    let request = message(body)?;
    if request.compressed {
        let text = "compressed requests are not supported";
        return Err(Status::new(Code::Unimplemented, text));
    }
    let status = |Failure(_, code, text): Failure| Status::new(code, text);
    let Some(call) = v3::decode(method, &request.bytes) else {
        return Err(Status::new(
            Code::Unimplemented,
            format!("method {method} is not known"),
        ));
    };
    let call = call.map_err(|error| status(error.into()))?;
    let (answer, _) = ask(jaeger, call).await.map_err(status)?;
    Ok(match answer {
        Answer::Services(services) => unary(&v3::encode_services(&services)),
        Answer::Operations(operations) => unary(&v3::encode_operations(&operations)),
        Answer::Dependencies(dependencies) => unary(&v3::encode_dependencies(&dependencies)),
        Answer::Summaries(summaries) => unary(&v3::encode_summaries(&summaries)),
        // A message for each trace: clients bound the size of one.
        Answer::Traces(traces) => {
            let (sender, receiver) = mpsc::channel(traces.len().max(1));
            for spans in &traces {
                let bytes = Bytes::from(wire::otlp::encode_traces(spans));
                // There is room for all of them, and the receiver is here.
                let _ = sender.try_send(Ok(bytes));
            }
            streaming(receiver)
        }
    })
}
