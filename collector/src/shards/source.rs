//! The spans of the whole cluster as a source of answers.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use event::{Span, TraceId, Value};
use placement::MemberId;
use query::tempo::{Found, Inspected, SourceError, SpanSource, TagScope, TimeRange};
use traceql::Conditions;
use traceql::ast::Field;

use super::asker::Ask;
use super::candidates::{candidates, pieces};
use super::gather::{Gathered, TakeFrom};
use super::{Shards, WITHIN, Whole, add_missing, merge};
use crate::asked::codec::{Part, Question, TRACES_MAX};
use crate::asked::scope_of;
use crate::spans::{StoredSpans, unanswered};

impl Shards {
    fn stored(&self) -> StoredSpans {
        StoredSpans(Arc::clone(&self.0.store))
    }

    /// All spans of several traces, in their order; of each by start.
    pub fn traces_of(&self, traces: &[TraceId]) -> Result<Whole<Vec<Vec<Span>>>, SourceError> {
        let mut whole = Whole::default();
        if self.0.is_alone(&self.shards_of(traces)) {
            let spans = traces.iter().map(|trace| self.0.store.trace_spans(*trace));
            let spans: Result<Vec<_>, _> = spans.collect();
            whole.value = spans.map_err(|error| unanswered(&error))?;
            return Ok(whole);
        }
        for some in traces.chunks(TRACES_MAX) {
            let mut by_trace: BTreeMap<TraceId, BTreeMap<MemberId, Vec<Span>>> = BTreeMap::new();
            let question = Question::Spans(some.to_vec());
            let gathered = self.gather(&question, &self.shards_of(some), &mut |from, part| {
                for (trace, spans) in pieces(part) {
                    let of = by_trace.entry(trace).or_default();
                    of.entry(from).or_default().extend(spans);
                }
            })?;
            for trace in some {
                let parts = by_trace.remove(trace).unwrap_or_default();
                whole.value.push(merge::spans(parts.into_values().collect()));
            }
            add_missing(&mut whole.missing, gathered.missing);
        }
        Ok(whole)
    }

    /// Gathers names or values; none if a member cannot say them without reading spans.
    fn listed(
        &self,
        question: &Question,
        stop: &dyn Fn() -> bool,
        take: &mut TakeFrom<'_>,
    ) -> Result<Option<Inspected>, SourceError> {
        let shards = self.0.all();
        let ask = Ask {
            question,
            shards: &shards,
            deadline: Instant::now() + WITHIN,
            stop,
        };
        let Gathered {
            missing,
            cannot,
            traces,
            bytes,
            cut,
            ..
        } = self.0.gather(ask, take)?;
        if cannot {
            return Ok(None);
        }
        let mut inspected = Inspected {
            traces,
            bytes,
            missing,
        };
        if cut {
            inspected
                .missing
                .push("there are more than one answer holds".to_owned());
        }
        Ok(Some(inspected))
    }
}

impl SpanSource for Shards {
    fn trace(&self, id: TraceId, _range: TimeRange) -> Result<Found, SourceError> {
        let mut found = self.traces_of(&[id])?;
        Ok(Found {
            spans: found.value.pop().unwrap_or_default(),
            missing: found.missing,
        })
    }

    fn candidates(
        &self,
        conditions: &Conditions,
        range: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Inspected, SourceError> {
        if self.0.is_alone(&self.0.all()) {
            return self.stored().candidates(conditions, range, each);
        }
        let deadline = Instant::now() + WITHIN;
        Ok(candidates(&self.0, conditions, range, deadline, each))
    }

    fn names(
        &self,
        range: TimeRange,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(TagScope, &str),
    ) -> Result<Option<Inspected>, SourceError> {
        if self.0.is_alone(&self.0.all()) {
            return self.stored().names(range, stop, each);
        }
        let question = Question::Names {
            range: (range.start_ns, range.end_ns),
        };
        self.listed(&question, stop, &mut |_, part| {
            if let Part::Names(names) = part {
                for (scope, name) in &names {
                    if let Some(scope) = scope_of(*scope) {
                        each(scope, name);
                    }
                }
            }
        })
    }

    fn values(
        &self,
        field: &Field,
        conditions: &Conditions,
        range: TimeRange,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(&Value),
    ) -> Result<Option<Inspected>, SourceError> {
        if self.0.is_alone(&self.0.all()) {
            return self.stored().values(field, conditions, range, stop, each);
        }
        let question = Question::Values {
            field: field.clone(),
            conditions: conditions.clone(),
            range: (range.start_ns, range.end_ns),
        };
        self.listed(&question, stop, &mut |_, part| {
            if let Part::Values(values) = part {
                values.iter().for_each(&mut *each);
            }
        })
    }
}
