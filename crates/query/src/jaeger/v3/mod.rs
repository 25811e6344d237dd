//! Jaeger's API v3: the same questions as the legacy one, answers as OTLP and as summaries. HTTP parameters and gRPC messages become one
//! [`Call`]; a door asks it and writes what comes back as JSON (serde) or protobuf.
//!
//! Contract: `proto/api_v3/query_service.proto` of github.com/jaegertracing/jaeger-idl (Apache-2.0; August 2026) and what Jaeger's gateway makes of it.

mod call;
mod proto;
mod summary;
#[cfg(test)]
mod tests;

pub use call::{Asked, Call, SEARCH_DEPTH, SEARCH_DEPTH_MAX};
pub use proto::{decode, encode_dependencies, encode_operations, encode_services, encode_summaries};
pub use summary::{
    DependencyView, Operation, ServiceSummary, Summary, dependencies, operations, summaries, traces,
};
