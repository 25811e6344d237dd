//! Grafana Tempo's API under `/tempo/api`. Thin: reads parameters, asks `query::tempo`, writes JSON or protobuf. What an answer lacks
//! is in the header `x-elixirscope-missing`, as Grafana refuses keys that it does not know.

mod answer;
mod ask;
mod grpc;
mod params;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::{get, post};

use crate::turns::Turns;

/// What the handlers work on.
#[derive(Clone)]
pub(crate) struct Tempo {
    turns: Turns,
    now_ns: fn() -> u64,
}

impl Tempo {
    pub(crate) fn new(turns: Turns, now_ns: fn() -> u64) -> Self {
        Self { turns, now_ns }
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
