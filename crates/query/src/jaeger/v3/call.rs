//! What can be asked.

use std::collections::BTreeMap;

use event::TraceId;

use crate::jaeger::{Find, trace_id};
use crate::tempo::{TempoError, TimeRange};

/// Traces of a search that names no number, and the most.
pub const SEARCH_DEPTH: u64 = 100;
/// See [`SEARCH_DEPTH`].
pub const SEARCH_DEPTH_MAX: u64 = 1_500;

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// `GetServices`
    Services,
    /// `GetOperations`
    Operations {
        /// Of which service.
        service: String,
        /// Of which kind; empty = any.
        kind: String,
    },
    /// `GetTrace`
    Trace(TraceId),
    /// `FindTraces`
    Find(Find, TimeRange),
    /// `FindTraceSummaries`
    Summaries(Find, TimeRange),
    /// `GetDependencies`
    Dependencies(TimeRange),
}

/// A search as it was asked for, not checked yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Service of a span.
    pub service: String,
    /// Its name.
    pub operation: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Unix nanoseconds; must be there.
    pub start_ns: Option<u64>,
    /// Unix nanoseconds; must be there.
    pub end_ns: Option<u64>,
    /// Nanoseconds.
    pub duration_min: Option<u64>,
    /// Nanoseconds.
    pub duration_max: Option<u64>,
    /// Most traces.
    pub depth: Option<u64>,
    /// It has the structured expression that Jaeger calls experimental.
    pub filter: bool,
}

fn wrong(name: &'static str, why: &str) -> TempoError {
    TempoError::Parameter {
        name,
        why: why.to_owned(),
    }
}

impl Asked {
    /// The search, if it is whole.
    pub fn check(self) -> Result<(Find, TimeRange), TempoError> {
        if self.filter {
            return Err(wrong(
                "query.filter",
                "structured expressions are not supported; use query.attributes",
            ));
        }
        let start_ns = self
            .start_ns
            .ok_or_else(|| wrong("query.startTimeMin", "it is required, as RFC 3339"))?;
        let end_ns = self
            .end_ns
            .ok_or_else(|| wrong("query.startTimeMax", "it is required, as RFC 3339"))?;
        let range = range(["query.startTimeMin", "query.startTimeMax"], start_ns, end_ns)?;
        let limit = match self.depth.unwrap_or_default() {
            0 => SEARCH_DEPTH,
            depth if depth <= SEARCH_DEPTH_MAX => depth,
            depth => {
                let why = format!("expected 1 to {SEARCH_DEPTH_MAX}, found {depth}");
                return Err(wrong("query.searchDepth", &why));
            }
        };
        let find = Find {
            service: self.service,
            operation: self.operation,
            tags: self.attributes,
            duration_min: self.duration_min,
            duration_max: self.duration_max,
            limit: limit as usize,
        };
        Ok((find, range))
    }
}

/// A range; its end is after its start. The names of both are those of the parameters.
fn range(names: [&'static str; 2], start_ns: u64, end_ns: u64) -> Result<TimeRange, TempoError> {
    if end_ns <= start_ns {
        return Err(wrong(names[1], &format!("it is not after {}", names[0])));
    }
    Ok(TimeRange { start_ns, end_ns })
}

impl Call {
    /// The question for operations; they are a service's.
    pub fn operations(service: &str, kind: &str) -> Result<Self, TempoError> {
        if service.is_empty() {
            return Err(wrong("service", "it is required"));
        }
        Ok(Self::Operations {
            service: service.to_owned(),
            kind: kind.to_owned(),
        })
    }

    /// The question for a trace.
    pub fn trace(id: &str) -> Result<Self, TempoError> {
        let expected = "expected up to 32 hexadecimal digits, not all 0, or base64";
        trace_id(id)
            .map(Self::Trace)
            .ok_or_else(|| wrong("trace_id", &format!("'{id}': {expected}")))
    }

    /// The question for dependencies.
    pub fn dependencies(start_ns: Option<u64>, end_ns: Option<u64>) -> Result<Self, TempoError> {
        let names = ["startTime", "endTime"];
        let start_ns = start_ns.ok_or_else(|| wrong(names[0], "it is required, as RFC 3339"))?;
        let end_ns = end_ns.ok_or_else(|| wrong(names[1], "it is required, as RFC 3339"))?;
        range(names, start_ns, end_ns).map(Self::Dependencies)
    }
}
