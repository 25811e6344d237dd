//! Spans from OTLP onto the disk: requests are skimmed into the columns of a lane, lanes become frames, one sync acknowledges
//! all requests of a frame. This member is the producer; its epoch is its start.

mod commit;
mod intake;
mod lane;
mod logs;
mod metrics;
mod needs;
mod plan;
mod shown;
mod source;

pub(crate) use intake::SpanIntake;
pub use shown::{Calls, CountedSpans};
pub use source::{StoredSpans, unanswered};
