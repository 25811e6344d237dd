//! Answers in the shapes of Jaeger's query API (legacy JSON, what Grafana's Jaeger data source asks for), over any
//! [`SpanSource`](crate::tempo::SpanSource). Pure: a door reads parameters, asks, and writes what comes back.
//!
//! Contract: `model/json/model.go` and `cmd/query/app/http_handler.go` of Jaeger 1.x, as Grafana 12 and 13 read it.

pub mod v3;

mod ask;
mod calls;
mod shape;

pub use ask::{Find, TagsError, find, operations, services, tags_of, trace, trace_id};
pub use calls::dependencies;
pub use shape::{Dependency, Field, Log, Process, Reference, Span, Trace, Typed};

#[cfg(test)]
mod tests;
