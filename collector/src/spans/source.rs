//! The stored spans as a source of answers.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use event::{Span, TraceId, Value};
use query::tempo::{Found, Inspected, SourceError, SpanSource, TagScope, TimeRange};
use store::{Class, Needs, Store, StoreError};
use traceql::Conditions;
use traceql::ast::Field;
use wire::frame::FrameError;
use wire::spans::{Owner, SpanFrame, TraceRows};

use super::plan::{Plan, column_of, exactly};

/// Traces of a unit that are decoded one by one, before all are at once.
const ALONE: usize = 32;

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
            let hits = self.hits(frame, &of_unit, &plan)?;
            let many = hits.len() * 2 > of_unit.len();
            let mut whole = Vec::new();
            for (number, (at, trace)) in hits.into_iter().enumerate() {
                if !seen.insert(trace) {
                    continue;
                }
                // Who wants few traces has enough of the first ones: these are decoded alone.
                if many && number == ALONE {
                    whole = all_of(frame, &of_unit)?;
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

    fn names(
        &self,
        range: TimeRange,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(TagScope, &str),
    ) -> Result<Option<Inspected>, SourceError> {
        let inspected = self.each_unit(range, &Needs::default(), stop, &mut |frame| {
            frame.attribute_names(&mut |owner, name| each(scope_of(owner), name))
        })?;
        Ok(Some(inspected))
    }

    fn values(
        &self,
        field: &Field,
        conditions: &Conditions,
        range: TimeRange,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(&Value),
    ) -> Result<Option<Inspected>, SourceError> {
        let (Some(column), Some(plan)) = (column_of(field), exactly(conditions)) else {
            return Ok(None);
        };
        let (_, needs) = Plan::of(conditions);
        let wanted = plan.wanted();
        let inspected = self.each_unit(range, &needs, stop, &mut |frame| {
            frame.values(column, wanted.first(), each)
        })?;
        Ok(Some(inspected))
    }
}

fn scope_of(owner: Owner) -> TagScope {
    match owner {
        Owner::Resource => TagScope::Resource,
        Owner::Span => TagScope::Span,
        Owner::Scope => TagScope::Instrumentation,
        Owner::Event => TagScope::Event,
        Owner::Link => TagScope::Link,
    }
}

impl StoredSpans {
    /// Traces of a unit that may be wanted, by place in it, the latest start first.
    fn hits(
        &self,
        frame: &SpanFrame<'_>,
        traces: &[TraceRows],
        plan: &Plan<'_>,
    ) -> Result<Vec<(usize, TraceId)>, FrameError> {
        let wanted = plan.wanted();
        let (mut selected, mut others) = (vec![true; traces.len()], Vec::new());
        if let Some((first, rest)) = wanted.split_first() {
            selected = frame.select(first)?;
            for part in rest.iter().filter(|_| selected.contains(&true)) {
                others.push(frame.select(part)?);
            }
        }
        let starts = frame.starts()?;
        let mut hits: Vec<(u64, usize, TraceId)> = Vec::new();
        for (at, ((trace, selected), start)) in traces.iter().zip(selected).zip(starts).enumerate() {
            let meets = |part: &Vec<bool>| part.get(at).copied().unwrap_or_default();
            // What a trace lacks here it may have in another unit.
            if selected && (others.iter().all(meets) || self.0.span_units_of(trace.trace) > 1) {
                hits.push((start, at, trace.trace));
            }
        }
        hits.sort_unstable_by(|one, other| other.cmp(one));
        Ok(hits.into_iter().map(|(_, at, trace)| (at, trace)).collect())
    }

    /// Shows the units of a range.
    fn each_unit(
        &self,
        range: TimeRange,
        needs: &Needs,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(&SpanFrame<'_>) -> Result<(), FrameError>,
    ) -> Result<Inspected, SourceError> {
        let within = (range.start_ns, range.end_ns.saturating_sub(1));
        let mut stopped = false;
        let inspected = self.0.visit_spans(within, needs, &mut |frame| {
            each(frame)?;
            stopped = stop();
            Ok(if stopped {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        });
        let inspected = inspected.map_err(|error| unanswered(&error))?;
        let mut missing = Vec::new();
        if stopped {
            missing.push("the time for this question ran out before all was read".to_owned());
        }
        Ok(Inspected {
            traces: 0,
            bytes: inspected.bytes,
            missing,
        })
    }
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
