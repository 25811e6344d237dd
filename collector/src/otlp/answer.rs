//! Why a request was not accepted, and what each door says then.

use axum::http::StatusCode;
use wire::otlp::{Code, Detail};

use super::body::BodyFault;
use super::intake::Refusal;
use super::unpack::UnpackFault;

/// A request that was not accepted.
#[derive(Debug)]
pub(super) struct Failure {
    /// Over HTTP.
    pub(super) status: StatusCode,
    /// Over gRPC; over HTTP in the body.
    pub(super) code: Code,
    /// For the developer of the client.
    pub(super) message: String,
    /// When to come again, what is wrong.
    pub(super) detail: Detail,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            detail: Detail::None,
        }
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self {
            detail: Detail::BadRequest,
            ..Self::new(StatusCode::BAD_REQUEST, Code::InvalidArgument, message)
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(message) => Self::malformed(message),
            Refusal::TooLarge { bytes, max } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                Code::ResourceExhausted,
                format!("request of {bytes} bytes or more exceeds the limit of {max}"),
            ),
            Refusal::Busy { retry_after_ms } => Self {
                detail: Detail::RetryAfter(retry_after_ms),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    Code::Unavailable,
                    "too many bytes of requests at once, send again later",
                )
            },
            Refusal::Unavailable(message) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message)
            }
        }
    }
}

impl From<BodyFault> for Failure {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::Refused(refusal) => refusal.into(),
            BodyFault::TimedOut(within) => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                Code::DeadlineExceeded,
                format!("the request did not come within {} ms", within.as_millis()),
            ),
            BodyFault::Broken(error) => Self::malformed(format!("the request ended early: {error}")),
        }
    }
}

impl From<UnpackFault> for Failure {
    fn from(fault: UnpackFault) -> Self {
        match fault {
            UnpackFault::Refused(refusal) => refusal.into(),
            UnpackFault::Compression(error) => {
                Self::malformed(format!("the request cannot be decompressed: {error}"))
            }
        }
    }
}

/// The code as in metrics.
pub(super) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::Unauthenticated => "unauthenticated",
    }
}
