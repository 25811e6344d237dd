//! What this member's store says to a question: for others, and for itself. Blocks; ends soon after `stop` turns true or nobody takes
//! the parts any more.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU16;
use std::ops::ControlFlow;
use std::sync::Arc;

use event::{Shard, Span, TraceId, Value};
use placement::shard_of;
use query::tempo::{Inspected, SourceError, SpanSource as _, TagScope, TimeRange};
use store::{LOSSES_MAX, Store};
use traceql::ast::Field;
use traceql::{Conditions, Label};

use super::codec::{End, Outcome, Part, Question};
use crate::spans::{StoredSpans, unanswered};

/// Distinct values and names that one answer holds.
const VALUES_MAX: usize = 200_000;

/// A part of the answer goes to whoever asked; a break: enough.
pub(super) type Take<'t> = dyn FnMut(Part) -> ControlFlow<()> + 't;

/// One question to one store.
pub(crate) struct Answer<'a> {
    pub(crate) store: &'a Arc<Store>,
    /// How many shards the cluster has.
    pub(crate) of: NonZeroU16,
    /// The shards that are asked for, ascending.
    pub(crate) shards: &'a [Shard],
    /// Turns true at the deadline.
    pub(crate) stop: &'a dyn Fn() -> bool,
}

impl Answer<'_> {
    /// Gives all parts, and says how it ended. Of the end, what concerns the map and the disk is the caller's to say.
    pub(crate) fn give(&self, question: &Question, take: &mut Take<'_>) -> End {
        let mut end = End::default();
        let given = self.parts(question, take, &mut end);
        if let Err(error) = given {
            end.outcome = match error {
                SourceError::Busy(why) => Outcome::Busy(why),
                other => Outcome::Failed(other.to_string()),
            };
        }
        end
    }

    fn parts(&self, question: &Question, take: &mut Take<'_>, end: &mut End) -> Result<(), SourceError> {
        let failed = |error| unanswered(&error);
        match question {
            Question::Events(traces) => self.events(traces, take, end)?,
            Question::Summaries(listing) => {
                let mut listed = self.store.traces(&listing.into()).map_err(failed)?;
                listed.retain(|summary| self.asks_for(summary.trace));
                let _ = take(Part::Summaries(listed.into_iter().map(Into::into).collect()));
            }
            Question::Losses { since, until } => {
                let mut losses = self.store.losses(*since, *until).map_err(failed)?;
                end.cut = losses.events.len().max(losses.gaps.len()) >= LOSSES_MAX;
                losses.events.retain(|(identity, _)| self.has(identity.shard));
                losses.gaps.retain(|gap| self.has(gap.shard));
                let gaps = losses.gaps.into_iter().map(Into::into).collect();
                if take(Part::Events(losses.events)).is_continue() {
                    let _ = take(Part::Gaps(gaps));
                }
            }
            Question::Nodes => drop_flow(take(Part::Nodes(self.store.nodes().map_err(failed)?))),
            Question::Spans(traces) => self.spans(traces, take, end)?,
            Question::Candidates { conditions, range } => self.candidates(conditions, *range, take, end)?,
            Question::Names { range } => self.names(*range, take, end)?,
            Question::Values {
                field,
                conditions,
                range,
            } => self.values(field, conditions, *range, take, end)?,
            Question::Logs(logs) => {
                let records = self.store.find_logs(&logs.into()).map_err(failed)?;
                drop_flow(take(Part::Logs(records)));
            }
            Question::Audit => drop_flow(take(Part::Audit(self.store.audit().map_err(failed)?.into()))),
        }
        Ok(())
    }

    fn has(&self, shard: Shard) -> bool {
        self.shards.binary_search(&shard).is_ok()
    }

    fn asks_for(&self, trace: TraceId) -> bool {
        self.has(shard_of(trace, self.of))
    }

    fn events(&self, traces: &[TraceId], take: &mut Take<'_>, end: &mut End) -> Result<(), SourceError> {
        for trace in traces {
            if (self.stop)() {
                out_of_time(end);
                return Ok(());
            }
            let rows = self
                .store
                .trace_rows(*trace)
                .map_err(|error| unanswered(&error))?;
            end.damaged += rows.damaged;
            end.cut |= rows.cut;
            if !rows.events.is_empty()
                && (take(Part::Nodes(rows.nodes)).is_break() || take(Part::Events(rows.events)).is_break())
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn spans(&self, traces: &[TraceId], take: &mut Take<'_>, end: &mut End) -> Result<(), SourceError> {
        for trace in traces {
            if (self.stop)() {
                out_of_time(end);
                return Ok(());
            }
            let spans = self
                .store
                .trace_spans(*trace)
                .map_err(|error| unanswered(&error))?;
            if !spans.is_empty() && take(Part::Spans(vec![(*trace, false, spans)])).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn candidates(
        &self,
        conditions: &Conditions,
        range: (u64, u64),
        take: &mut Take<'_>,
        end: &mut End,
    ) -> Result<(), SourceError> {
        let mut stopped = false;
        let inspected = self
            .stored()
            .candidates(conditions, time_range(range), &mut |spans| {
                stopped = (self.stop)();
                let trace = spans.first().map_or(TraceId(0), |span: &Span| span.trace);
                if stopped {
                    ControlFlow::Break(())
                } else if self.asks_for(trace) {
                    take(Part::Spans(vec![(trace, false, spans)]))
                } else {
                    ControlFlow::Continue(())
                }
            })?;
        cost(inspected, end);
        if stopped {
            out_of_time(end);
        }
        Ok(())
    }

    fn names(&self, range: (u64, u64), take: &mut Take<'_>, end: &mut End) -> Result<(), SourceError> {
        let mut seen: HashSet<(u8, String)> = HashSet::new();
        let named = self
            .stored()
            .names(time_range(range), self.stop, &mut |scope, name| {
                let scope = code_of(scope);
                if seen.len() < VALUES_MAX && !seen.contains(&(scope, name.to_owned())) {
                    seen.insert((scope, name.to_owned()));
                }
            })?;
        let Some(inspected) = named else {
            end.outcome = Outcome::Cannot;
            return Ok(());
        };
        end.cut = seen.len() >= VALUES_MAX;
        cost(inspected, end);
        drop_flow(take(Part::Names(seen.into_iter().collect())));
        Ok(())
    }

    fn values(
        &self,
        field: &Field,
        conditions: &Conditions,
        range: (u64, u64),
        take: &mut Take<'_>,
        end: &mut End,
    ) -> Result<(), SourceError> {
        let mut seen: BTreeSet<Label> = BTreeSet::new();
        let mut values: Vec<Value> = Vec::new();
        let range = time_range(range);
        let stored = self.stored();
        let listed = stored.values(field, conditions, range, self.stop, &mut |value| {
            if let Some(label) = Label::of_value(value)
                && values.len() < VALUES_MAX
                && seen.insert(label)
            {
                values.push(value.clone());
            }
        })?;
        let Some(inspected) = listed else {
            end.outcome = Outcome::Cannot;
            return Ok(());
        };
        end.cut = values.len() >= VALUES_MAX;
        cost(inspected, end);
        drop_flow(take(Part::Values(values)));
        Ok(())
    }

    fn stored(&self) -> StoredSpans {
        StoredSpans(Arc::clone(self.store))
    }
}

fn cost(inspected: Inspected, end: &mut End) {
    end.traces += inspected.traces;
    end.bytes += inspected.bytes;
    end.missing.extend(inspected.missing);
}

fn out_of_time(end: &mut End) {
    end.missing
        .push("the time for this question ran out before all was read".to_owned());
}

/// A range as questions say it.
fn time_range((start_ns, end_ns): (u64, u64)) -> TimeRange {
    TimeRange { start_ns, end_ns }
}

/// The number of a scope of names.
fn code_of(scope: TagScope) -> u8 {
    match scope {
        TagScope::Resource => 1,
        TagScope::Span => 2,
        TagScope::Event => 3,
        TagScope::Link => 4,
        TagScope::Instrumentation => 5,
        TagScope::Intrinsic => 6,
    }
}

/// The scope of a number.
pub(crate) fn scope_of(code: u8) -> Option<TagScope> {
    TagScope::ALL.into_iter().find(|scope| code_of(*scope) == code)
}

/// Whoever asked may have enough: there is nothing else to give.
fn drop_flow(_enough: ControlFlow<()>) {}
