//! What this member's store says to a question: for others, and for itself. Blocks; ends soon after `stop` turns true or nobody takes
//! the parts any more.

use std::num::NonZeroU16;
use std::ops::ControlFlow;
use std::sync::Arc;

use event::{Shard, Span, TraceId};
use placement::shard_of;
use query::tempo::{Inspected, SourceError, SpanSource as _, TimeRange};
use store::{LIST_MAX, LOSSES_MAX, Store, TraceFilter};
use traceql::Conditions;

use super::codec::{About, End, Outcome, Part, Question};
use crate::spans::{StoredSpans, unanswered};

/// Parts of one trace that different members have are sought so far outside of a range of time, nanoseconds.
const SPREAD_NS: u64 = 60_000_000_000;

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
            Question::Summaries(listing) => self.summaries(listing.into(), take, end)?,
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
            Question::About => drop_flow(take(Part::About(self.about()))),
            Question::Audit => drop_flow(take(Part::Audit(self.store.audit().map_err(failed)?.into()))),
        }
        Ok(())
    }

    fn about(&self) -> About {
        About {
            release: env!("CARGO_PKG_VERSION").to_owned(),
            now: host::now(),
            unwritable: self.store.check_writable().err().map(|error| error.to_string()),
            disk: self.store.disk_space().unwrap_or_default(),
        }
    }

    fn has(&self, shard: Shard) -> bool {
        self.shards.binary_search(&shard).is_ok()
    }

    fn asks_for(&self, trace: TraceId) -> bool {
        self.has(shard_of(trace, self.of))
    }

    /// The newest of the shards that are asked for: of others the store may hold as many, and newer ones.
    fn summaries(
        &self,
        mut filter: TraceFilter,
        take: &mut Take<'_>,
        end: &mut End,
    ) -> Result<(), SourceError> {
        let wanted = filter.limit.min(LIST_MAX);
        filter.limit = wanted;
        let listed = loop {
            let mut listed = self.store.traces(&filter).map_err(|error| unanswered(&error))?;
            let all = listed.len() < filter.limit;
            listed.retain(|summary| self.asks_for(summary.trace));
            if all || listed.len() >= wanted {
                break listed;
            }
            if filter.limit >= LIST_MAX {
                end.cut = true;
                break listed;
            }
            if (self.stop)() {
                out_of_time(end);
                break listed;
            }
            filter.limit = (filter.limit * 4).min(LIST_MAX);
        };
        let listed = listed.into_iter().take(wanted).map(Into::into);
        let _ = take(Part::Summaries(listed.collect()));
        Ok(())
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
        // Of a trace this member may have a part outside of the range that meets the conditions, and another the part inside.
        let (first, last) = range;
        let range = (first.saturating_sub(SPREAD_NS), last.saturating_add(SPREAD_NS));
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

    pub(super) fn stored(&self) -> StoredSpans {
        StoredSpans(Arc::clone(self.store))
    }
}

pub(super) fn cost(inspected: Inspected, end: &mut End) {
    end.traces += inspected.traces;
    end.bytes += inspected.bytes;
    end.missing.extend(inspected.missing);
}

fn out_of_time(end: &mut End) {
    end.missing
        .push("the time for this question ran out before all was read".to_owned());
}

/// A range as questions say it.
pub(super) fn time_range((start_ns, end_ns): (u64, u64)) -> TimeRange {
    TimeRange { start_ns, end_ns }
}

/// Whoever asked may have enough: there is nothing else to give.
pub(super) fn drop_flow(_enough: ControlFlow<()>) {}
