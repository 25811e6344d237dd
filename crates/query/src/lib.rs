//! Questions and answers: plans over stored events and the code graph. Every door (CLI, HTTP, later Jaeger, Tempo, SQL)
//! is a thin translation of what this crate answers; it is not a door itself and holds no I/O.
//!
//! Read [`assemble`] first: it turns one trace's events into a causal tree ([`TraceAnswer`]), each call at its place in
//! the source that ran. [`CodeIndex`] answers which place that is.

#![warn(clippy::indexing_slicing)]

mod answer;
mod beam_spans;
mod clock;
mod code;
pub mod jaeger;
mod pattern;
mod payload;
pub mod redact;
pub mod span_metrics;
pub mod tempo;
mod text;
mod tree;

pub use answer::{
    CapturedValue, Closed, ErrorInfo, FrameEnd, Item, Missing, NodeShift, Place, StackEntry, TraceAnswer,
    TraceListing, TraceRow,
};
pub use beam_spans::{BeamTrace, beam_spans, span_id};
pub use code::{CodeBlobs, CodeIndex, CodeSource, SiteInfo};
pub use text::{Style, render_trace, render_traces};
pub use tree::{Recorded, assemble};
