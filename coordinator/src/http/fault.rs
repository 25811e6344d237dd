//! Errors as JSON: what is wrong, what was expected, what came instead.

use axum::Json;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use store::blobs::{BLOB_BYTES_MAX, BlobError};

use crate::error::{Class, ProposeError};
use crate::state::Refusal;

/// An error answer.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    error: String,
    expected: Value,
    got: Value,
}

impl Fault {
    pub(super) fn new(status: StatusCode, error: impl Into<String>, expected: Value, got: Value) -> Self {
        Self {
            status,
            error: error.into(),
            expected,
            got,
        }
    }

    /// The request is wrong.
    pub(super) fn bad(error: impl Into<String>, expected: impl Into<Value>, got: impl Into<Value>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, expected.into(), got.into())
    }

    /// The cluster's state does not allow it.
    pub(super) fn conflict(refusal: &Refusal) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            refusal.to_string(),
            Value::Null,
            Value::Null,
        )
    }

    /// There is no such thing.
    pub(super) fn not_found(what: &str, got: impl Into<Value>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("no such {what}"),
            Value::String(format!("a known {what}")),
            got.into(),
        )
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "expected": self.expected, "got": self.got });
        (self.status, Json(body)).into_response()
    }
}

impl From<BlobError> for Fault {
    fn from(error: BlobError) -> Self {
        let text = error.to_string();
        match error {
            BlobError::WrongHash { expected, got } => Self::bad(text, expected.to_string(), got.to_string()),
            BlobError::TooLarge { got } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                text,
                json!(format!("at most {BLOB_BYTES_MAX} bytes")),
                json!(got),
            ),
            BlobError::Damaged { expected, got } => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                text,
                json!(expected.to_string()),
                json!(got.to_string()),
            ),
            BlobError::Task(_) | BlobError::Database(_) => {
                tracing::error!(error = text, "blob storage failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, text, Value::Null, Value::Null)
            }
        }
    }
}

impl From<ProposeError> for Fault {
    fn from(error: ProposeError) -> Self {
        let status = match error.class() {
            _ if matches!(error, ProposeError::Members(_)) => StatusCode::CONFLICT,
            Class::Retry => StatusCode::SERVICE_UNAVAILABLE,
            Class::Invalid => StatusCode::PAYLOAD_TOO_LARGE,
            Class::Fatal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string(), Value::Null, Value::Null)
    }
}

impl From<BytesRejection> for Fault {
    fn from(rejection: BytesRejection) -> Self {
        let expected = format!("a body of at most {} bytes", super::BODY_BYTES_MAX);
        Self::new(
            rejection.status(),
            rejection.body_text(),
            Value::String(expected),
            Value::Null,
        )
    }
}

impl From<QueryRejection> for Fault {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(
            rejection.status(),
            rejection.body_text(),
            Value::Null,
            Value::Null,
        )
    }
}
