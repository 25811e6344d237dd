//! One request: which door it came through, what it carries, and the way that both doors share.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use host::access::{Access, Needs};
use hyper::body::Incoming;
use hyper::{Request, Response};
use wire::otlp::schema::{Message, log_response, logs, response, traces};

use super::budget::{Budget, Reservation};
use super::config::OtlpLimits;
use super::intake::{Intake, Receipt, Refusal};
use super::metrics::Metrics;
use super::{grpc, http};

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Http,
    Grpc,
}

impl Door {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
        }
    }
}

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Logs,
}

impl Signal {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }
    /// The message of its requests.
    pub(super) fn request(self) -> &'static Message {
        match self {
            Self::Traces => &traces::MESSAGE,
            Self::Logs => &logs::MESSAGE,
        }
    }
    /// The message of its responses.
    pub(super) fn response(self) -> &'static Message {
        match self {
            Self::Traces => &response::MESSAGE,
            Self::Logs => &log_response::MESSAGE,
        }
    }
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct Context<I> {
    pub(super) intake: Arc<I>,
    pub(super) limits: OtlpLimits,
    pub(super) access: Access,
    pub(super) budget: Budget,
    pub(super) metrics: Arc<Metrics>,
}

impl<I: Intake> Context<I> {
    /// Hands protobuf on; what it holds is held until there is an answer.
    pub(super) async fn take_in(
        &self,
        signal: Signal,
        request: Bytes,
        held: Reservation,
    ) -> Result<Receipt, Refusal> {
        self.metrics.unpacked(signal, request.len());
        let receipt = match signal {
            Signal::Traces => self.intake.traces(request).await,
            Signal::Logs => self.intake.logs(request).await,
        };
        drop(held);
        receipt.inspect(|receipt| self.metrics.taken_in(signal, receipt))
    }
}

/// Answers a request. Both doors are open on both ports: what a request is says its content type.
pub(super) async fn answer<I: Intake>(
    context: Arc<Context<I>>,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (door, name) = if host::grpc::is_call(request.headers()) {
        (Door::Grpc, "otlp_grpc")
    } else {
        (Door::Http, "otlp_http")
    };
    let admitted = context
        .access
        .admit(name, request.headers(), Some(peer), Needs::Send);
    Ok(match (door, admitted) {
        (Door::Grpc, Ok(_)) => grpc::answer(&context, request).await,
        (Door::Http, Ok(_)) => http::answer(&context, request).await,
        (Door::Grpc, Err(denied)) => grpc::deny(&context, &denied),
        (Door::Http, Err(denied)) => http::deny(&context, request, &denied).await,
    })
}
