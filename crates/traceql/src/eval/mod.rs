//! What a query means: expressions over a span, selections and pipelines over a trace.

mod aggregate;
mod arithmetic;
mod field;
mod node;
mod pipeline;
mod select;
mod structure;
mod value;

pub(crate) use field::{Cx, many, one};
pub(crate) use node::Node;
pub use pipeline::SpanSet;
pub(crate) use pipeline::Stages;
pub(crate) use select::Selected;
pub(crate) use value::{Val, holds};
