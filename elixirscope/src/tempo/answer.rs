//! Answers and errors as HTTP.

use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use query::tempo::{Missing, SourceError, TempoError};
use serde::Serialize;

use crate::lacks;
use crate::turns::Unanswered;

pub(super) const PROTOBUF: &str = "application/protobuf";

/// A question without an answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong, or the store failed.
    Tempo(TempoError),
    /// Too many questions wait.
    Crowded,
    /// A bug of ours.
    Broken(String),
}

impl From<Unanswered> for Failure {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Asked(error) => Self::Tempo(error),
            Unanswered::Crowded => Self::Crowded,
            Unanswered::Broken(text) => Self::Broken(text),
        }
    }
}

impl From<TempoError> for Failure {
    fn from(error: TempoError) -> Self {
        Self::Tempo(error)
    }
}

impl IntoResponse for Failure {
    /// Plain text, as from Tempo; Grafana shows it.
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Tempo(error) if error.is_invalid() => (StatusCode::BAD_REQUEST, error.to_string()),
            Self::Tempo(error) if error.is_forbidden() => (StatusCode::FORBIDDEN, error.to_string()),
            Self::Tempo(error @ TempoError::Source(SourceError::Busy(_))) => {
                (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            Self::Tempo(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            Self::Crowded => (
                StatusCode::TOO_MANY_REQUESTS,
                "too many questions wait for an answer".to_owned(),
            ),
            Self::Broken(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
        };
        let mut response = (status, text + "\n").into_response();
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// JSON, and what it lacks in the header.
pub(super) fn json<T: Serialize>(of: &T, missing: &Missing) -> Result<Response, Failure> {
    let text = serde_json::to_string(of).map_err(|error| Failure::Broken(error.to_string()))?;
    Ok(body("application/json", text.into_bytes(), missing))
}

/// A body of a type, and what it lacks in the header.
pub(super) fn body(kind: &'static str, bytes: Vec<u8>, missing: &Missing) -> Response {
    let mut response = bytes.into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    lacks::say(missing, response.headers_mut());
    response
}

/// Whether protobuf is asked for.
pub(super) fn wants_protobuf(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains(PROTOBUF))
}
