//! TraceQL: the language in which Grafana asks for traces, and what it means over [`event::Span`]. Pure: no store, no HTTP.
//!
//! Read [`Query`] first: it reads a text once, and then says which spans of a [`Trace`] it finds. [`ast`] is what a query
//! says, as a tree; [`parse()`] makes it, its `Display` shows it again. [`Conditions`] are what an index may ask first; [`metrics`] makes
//! time series.
//!
//! What is supported, and where it differs from Tempo, is in `docs/traceql.md`. Written from Grafana's public documentation of the
//! language alone.

#![warn(clippy::indexing_slicing)]

pub mod ast;
mod compare;
mod conditions;
mod error;
mod eval;
mod label;
mod lex;
mod lex_literal;
pub mod metrics;
mod parse;
mod query;
mod shape;
mod token;
mod trace;

pub use compare::{Comparison, Scalar};
pub use conditions::{Condition, Conditions, SpanCondition};
pub use error::{HEIGHT_MAX, NESTING_MAX, ParseError, QUERY_BYTES_MAX};
pub use eval::SpanSet;
pub use label::Label;
pub use lex_literal::duration_ns;
pub use parse::{parse, parse_field};
pub use query::Query;
pub use shape::Shape;
pub use trace::{ServiceStats, Trace};
