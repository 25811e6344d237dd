//! The coordinator over HTTP, JSON; the program mounts it under `/api/v1`.
//!
//! `facts` answers from the local state; `publish` is the have/want exchange by which versions arrive. Every error is
//! `{"error", "expected", "got"}`.

mod change;
mod facts;
mod fault;
mod publish;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub use change::Who;

use crate::Coordinator;

/// Largest request body, in bytes: the largest blob.
pub const BODY_BYTES_MAX: usize = store::blobs::BLOB_BYTES_MAX;

/// The routes, without prefix.
pub fn router(coordinator: Coordinator) -> Router {
    Router::new()
        .route("/cluster", get(facts::cluster))
        .route("/cluster/members/{id}/remove", post(change::remove))
        .route("/cluster/members/{id}/weight/{weight}", post(change::weight))
        .route("/cluster/replicas/{replicas}", post(change::replicas))
        .route("/cluster/formats", get(change::formats))
        .route("/cluster/finalize", post(change::finalize))
        .route("/cluster/losses/forget", post(change::forget_losses))
        .route("/cluster/map", get(change::map))
        .route("/cluster/audit", get(change::audit))
        .route("/cluster/snapshot", get(change::snapshot))
        .route("/nodes", get(facts::nodes))
        .route("/nodes/{key}/modules", get(facts::node_modules))
        .route("/modules/{version}/nodes", get(facts::module_nodes))
        .route("/versions", get(facts::versions).post(publish::publish))
        .route("/versions/want", post(publish::want))
        .route("/site-tables", get(facts::site_tables))
        .route("/blobs/{hash}", get(publish::get_blob).put(publish::put_blob))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(coordinator)
}
