//! `tempopb.StreamingQuerier` on the port of the HTTP API: each call is answered by one message, the whole answer, which a client
//! of a stream takes as its last.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use host::grpc::{Code, Status, failed, is_call, message, unary};
use query::tempo::TempoError;
use query::tempo::proto::{self, Call};

use super::answer::Failure;
use super::params::Params;
use super::{Tempo, ask};

pub(super) async fn call(
    State(tempo): State<Tempo>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    match answer(&tempo, &method, &headers, body).await {
        Ok(bytes) => unary(&bytes),
        Err(status) => failed(&status),
    }
}

async fn answer(tempo: &Tempo, method: &str, headers: &HeaderMap, body: Bytes) -> Result<Vec<u8>, Status> {
    if !is_call(headers) {
        return Err(Status::new(
            Code::InvalidArgument,
            "not a call of gRPC with protobuf",
        ));
    }
    let Some(call) = Call::of(method) else {
        return Err(Status::new(
            Code::Unimplemented,
            format!("method {method} is not known"),
        ));
    };
    let request = message(body)?;
    if request.compressed {
        return Err(Status::new(
            Code::Unimplemented,
            "compressed requests are not supported",
        ));
    }
    let pairs = call.parameters(&request.bytes);
    let given = Params(pairs.map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))?);
    let found = match call {
        Call::Search => ask::find(tempo, &given).await.map(|found| proto::search(&found)),
        Call::TagNames => ask::names(tempo, &given)
            .await
            .map(|found| proto::tag_names(&found)),
        Call::TagValues => {
            let tag = given.get("tag").unwrap_or_default().to_owned();
            ask::values(tempo, tag, &given)
                .await
                .map(|found| proto::tag_values(&found))
        }
        Call::Range => ask::measure(tempo, &given)
            .await
            .map(|found| proto::range(&found)),
        Call::Instant => ask::measure_once(tempo, &given)
            .await
            .map(|found| proto::instant(&found)),
    };
    found.map_err(status)
}

fn status(failure: Failure) -> Status {
    match failure {
        Failure::Tempo(error @ (TempoError::Query(_) | TempoError::Parameter { .. })) => {
            Status::new(Code::InvalidArgument, error.to_string())
        }
        Failure::Tempo(error) if error.is_forbidden() => {
            Status::new(Code::PermissionDenied, error.to_string())
        }
        Failure::Tempo(error) => Status::new(Code::Unavailable, error.to_string()),
        Failure::Crowded => Status::new(Code::Unavailable, "too many questions wait for an answer"),
        Failure::Broken(why) => Status::new(Code::Internal, why),
    }
}
