//! Grafana Tempo's API under `/tempo/api`. Thin: reads parameters, asks `query::tempo`, writes JSON or protobuf. What an answer lacks
//! is in the header `x-elixirscope-missing`, as Grafana refuses keys that it does not know.

mod answer;
mod ask;
mod grpc;
mod params;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use query::redact::Redacted;
use query::tempo::SpanSource;
use tokio::sync::Semaphore;

/// Time for a question; what was not read by then is said to be missing.
const DEADLINE: Duration = Duration::from_secs(20);
/// Questions that are answered at once; others wait.
const AT_ONCE: usize = 4;
/// Questions that wait; more are told to come again.
const WAITING_MAX: usize = 60;

/// What the handlers work on.
#[derive(Clone)]
pub(crate) struct Tempo {
    source: Arc<dyn SpanSource>,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    now_ns: fn() -> u64,
}

impl Tempo {
    pub(crate) fn new(source: Arc<dyn SpanSource>, now_ns: fn() -> u64) -> Self {
        Self {
            source,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING_MAX)),
            now_ns,
        }
    }

    /// For those who see no values; its questions wait for the same turns.
    pub(crate) fn redacted(&self) -> Self {
        let source = Arc::new(Redacted::of(Arc::clone(&self.source)));
        Self {
            source,
            ..self.clone()
        }
    }
}

/// The routes, to be nested under `/tempo`.
pub(crate) fn router(tempo: Tempo) -> Router {
    Router::new()
        .route("/api/echo", get(|| async { "echo" }))
        .route("/api/status/buildinfo", get(ask::build))
        .route("/api/search", get(ask::search))
        .route("/api/search/tags", get(ask::tag_names_v1))
        .route("/api/search/tag/{tag}/values", get(ask::tag_values_v1))
        .route("/api/v2/search/tags", get(ask::tag_names))
        .route("/api/v2/search/tag/{tag}/values", get(ask::tag_values))
        .route("/api/metrics/query_range", get(ask::series))
        .route("/api/metrics/query", get(ask::instant))
        .route("/api/traces/{id}", get(ask::trace_v1))
        .route("/api/v2/traces/{id}", get(ask::trace))
        .with_state(tempo)
}

/// The calls of gRPC, at the root of the same port.
pub(crate) fn streaming(tempo: Tempo) -> Router {
    Router::new()
        .route("/tempopb.StreamingQuerier/{method}", post(grpc::call))
        .with_state(tempo)
}
