//! What answers are made from, and what can go wrong.

use std::ops::ControlFlow;

use event::{Span, TraceId, Value};
use traceql::ast::Field;
use traceql::{Conditions, ParseError, Query};

use super::TagScope;

/// From a time on, until before another; Unix nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// Included.
    pub start_ns: u64,
    /// Not included.
    pub end_ns: u64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self {
        start_ns: 0,
        end_ns: u64::MAX,
    };

    /// Whether something that began and ended so lies in it, at least in part.
    pub fn overlaps(&self, start_ns: u64, end_ns: u64) -> bool {
        start_ns < self.end_ns && end_ns >= self.start_ns
    }
}

/// What an answer lacks, in words: a shard that did not answer, a gap, a deadline. Empty = it is complete.
pub type Missing = Vec<String>;

/// The spans of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// All that are known; empty if the trace is not known.
    pub spans: Vec<Span>,
    /// What is not.
    pub missing: Missing,
}

/// What was read for an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// Traces read.
    pub traces: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What could not be read.
    pub missing: Missing,
}

/// A source that cannot answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Not now; later perhaps.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// It failed.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The one who asks may not.
    #[error("this needs the role viewer: values of {0} are not shown to the role viewer-redacted")]
    Forbidden(String),
}

/// Where spans come from: a store, or several.
pub trait SpanSource: Send + Sync {
    /// A trace with all its spans. Of a range, only parts that may lie in it need be read.
    fn trace(&self, id: TraceId, range: TimeRange) -> Result<Found, SourceError>;

    /// Calls for each trace that may meet the conditions and overlaps the range, each with all its spans, that with the latest start first,
    /// until `each` breaks. More traces than meet them may come; none that does may be left out, unless `missing` says so.
    fn candidates(
        &self,
        conditions: &Conditions,
        range: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Inspected, SourceError>;

    /// Whether a question may name the field: its values are shown.
    fn shows(&self, _field: &Field) -> bool {
        true
    }

    /// Calls for the names of all attributes that spans of a range have, events and links of theirs, services and libraries; for
    /// some more than once, and for some of spans shortly outside of it. None if it cannot without reading the spans.
    fn names(
        &self,
        range: TimeRange,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(TagScope, &str),
    ) -> Result<Option<Inspected>, SourceError> {
        let _ = (range, stop, each);
        Ok(None)
    }

    /// The same for the values of a field, of spans that meet conditions which say all that is asked ([`traceql::Query::is_plain`]).
    fn values(
        &self,
        field: &Field,
        conditions: &Conditions,
        range: TimeRange,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(&Value),
    ) -> Result<Option<Inspected>, SourceError> {
        let _ = (field, conditions, range, stop, each);
        Ok(None)
    }
}

/// Refuses a query that names a field whose values the source does not show.
pub(crate) fn may_ask(source: &dyn SpanSource, query: &Query) -> Result<(), SourceError> {
    let mut hidden = None;
    query.ast().fields(&mut |field| {
        if hidden.is_none() && !source.shows(field) {
            hidden = Some(field.to_string());
        }
    });
    hidden.map_or(Ok(()), |field| Err(SourceError::Forbidden(field)))
}

/// A question that has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TempoError {
    /// The query is none.
    #[error("invalid TraceQL query: {0}")]
    Query(#[from] ParseError),
    /// A parameter is wrong.
    #[error("invalid {name}: {why}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What was expected.
        why: String,
    },
    /// The source cannot answer.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl TempoError {
    /// Whether the one who asked has to change the question.
    pub fn is_invalid(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Parameter { .. })
    }

    /// Whether the one who asked may not.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Source(SourceError::Forbidden(_)))
    }

    pub(crate) fn parameter(name: &'static str, why: impl Into<String>) -> Self {
        Self::Parameter {
            name,
            why: why.into(),
        }
    }
}

/// Says in `missing` that time ran out.
pub(crate) fn out_of_time(missing: &mut Missing) {
    missing.push("the time for this question ran out before all traces were read".to_owned());
}
