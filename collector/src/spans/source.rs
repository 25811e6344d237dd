//! The stored spans as a source of answers.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use event::{Span, TraceId};
use query::tempo::{Found, Inspected, SourceError, SpanSource, TimeRange};
use store::{Class, Store, StoreError};
use traceql::Conditions;
use wire::frame::FrameError;
use wire::spans::{SpanFrame, TraceRows};

use super::plan::Plan;

/// Spans of a member's store.
#[derive(Clone, Debug)]
pub struct StoredSpans(pub Arc<Store>);

impl SpanSource for StoredSpans {
    fn trace(&self, id: TraceId, _range: TimeRange) -> Result<Found, SourceError> {
        let spans = self.0.trace_spans(id).map_err(|error| unanswered(&error))?;
        Ok(Found {
            spans,
            missing: Vec::new(),
        })
    }

    fn candidates(
        &self,
        conditions: &Conditions,
        range: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Inspected, SourceError> {
        let (plan, needs) = Plan::of(conditions);
        let mut seen: HashSet<TraceId> = HashSet::new();
        let mut traces = 0;
        let mut failure = None;
        let within = (range.start_ns, range.end_ns.saturating_sub(1));
        let inspected = self.0.visit_spans(within, &needs, &mut |frame| {
            let of_unit = frame.traces()?;
            let hits = hits(frame, &of_unit, &plan)?;
            let many = hits.len() * 2 > of_unit.len();
            let mut whole = if many {
                all_of(frame, &of_unit)?
            } else {
                Vec::new()
            };
            for (at, trace) in hits {
                if !seen.insert(trace) {
                    continue;
                }
                let spans = if self.0.span_units_of(trace) > 1 {
                    match self.0.trace_spans(trace) {
                        Ok(spans) => spans,
                        Err(error) => {
                            failure = Some(unanswered(&error));
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                } else if let Some(spans) = whole.get_mut(at) {
                    std::mem::take(spans)
                } else {
                    frame.spans(&of_unit, at..at + 1)?
                };
                traces += 1;
                let start = spans.iter().map(|span| span.start_ns).min().unwrap_or_default();
                let end = spans.iter().map(|span| span.end_ns).max().unwrap_or_default();
                if range.overlaps(start, end) && each(spans).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        match (failure, inspected) {
            (Some(error), _) => Err(error),
            (None, Ok(inspected)) => Ok(Inspected {
                traces,
                bytes: inspected.bytes,
                missing: Vec::new(),
            }),
            (None, Err(error)) => Err(unanswered(&error)),
        }
    }
}

/// Traces of a unit that may be wanted, by place in it, the latest start first.
fn hits(
    frame: &SpanFrame<'_>,
    traces: &[TraceRows],
    plan: &Plan,
) -> Result<Vec<(usize, TraceId)>, FrameError> {
    let selected = match plan.wanted() {
        Some(wanted) => frame.select(&wanted)?,
        None => vec![true; traces.len()],
    };
    let starts = frame.starts()?;
    let mut hits: Vec<(u64, usize, TraceId)> = Vec::new();
    for (at, ((trace, selected), start)) in traces.iter().zip(selected).zip(starts).enumerate() {
        if selected {
            hits.push((start, at, trace.trace));
        }
    }
    hits.sort_unstable_by(|one, other| other.cmp(one));
    Ok(hits.into_iter().map(|(_, at, trace)| (at, trace)).collect())
}

/// The spans of each trace of a unit.
fn all_of(frame: &SpanFrame<'_>, traces: &[TraceRows]) -> Result<Vec<Vec<Span>>, FrameError> {
    let mut spans = frame.spans(traces, 0..traces.len())?.into_iter();
    Ok(traces
        .iter()
        .map(|trace| spans.by_ref().take(trace.rows.len()).collect())
        .collect())
}

/// What the store could not do, as the doors say it.
pub fn unanswered(error: &StoreError) -> SourceError {
    match error.class() {
        Class::Busy => SourceError::Busy(error.to_string()),
        Class::Invalid | Class::Fatal => SourceError::Failed(error.to_string()),
    }
}
