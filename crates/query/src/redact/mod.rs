//! Answers for those who may not see values: what the role `viewer-redacted` gets, at every door.
//!
//! Redaction stands below all questions: [`Redacted`] is a [`SpanSource`](crate::tempo::SpanSource) whose spans have lost their values before any
//! query sees them, and whose index is asked only about what is shown. So an answer cannot depend on a value that is not shown, whatever
//! the question: that is the guarantee, not a list of questions. Questions that name such values are refused all the same, so that
//! nobody takes an empty answer for "there is none".
//!
//! Shown: names of spans, keys of attributes, times, ids, kinds, statuses, places in the code, and values of the attributes in `allow`.
//! Not shown: all other values, messages of statuses and exceptions, names of events that are not known, bodies of logs, trace states.

mod allow;
mod answer;
mod ask;
mod span;

pub use answer::trace_answer;
pub use ask::Redacted;
pub use span::{logs, spans};

/// In place of a value.
pub const REDACTED: &str = "<redacted>";

#[cfg(test)]
mod tests;
