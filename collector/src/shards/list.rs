//! Lists of traces: asks, and has counted anew what members do not agree on.
//!
//! A trace may meet one condition by a part that one member has, and another by a part that only another has, so members are asked for one
//! of the conditions, and the rest is looked at here, of what all of them say together. What is left out then is made up for by asking for
//! more: a list is done when nothing that a member did not list could be in it.

use std::collections::BTreeSet;
use std::time::Instant;

use event::{Micros, NodeKey, TraceId};
use placement::{MemberId, shard_of};
use query::tempo::{Missing, SourceError};
use store::{LIST_MAX, TraceFilter, TraceSummary};

use super::asker::Ask;
use super::listing::{Candidate, Listed, Newest, RECOUNTED_AT_ONCE, RECOUNTED_MAX, accepts, counted};
use super::{Shards, WITHIN, Whole, add_missing, alone};
use crate::asked::codec::{Part, Question};

/// Parts of one trace that different members have are sought so far outside of a range of time, microseconds.
const SPREAD_US: u64 = 60_000_000;

/// What a round of asking brought.
struct OfRound {
    traces: Vec<TraceSummary>,
    /// Nothing that was not listed can be among them.
    is_done: bool,
}

/// What members are asked for: one condition, which a part of the trace that one member has must meet, and a wider time.
fn of_parts(filter: &TraceFilter) -> TraceFilter {
    let mut asked = filter.clone();
    asked.since = filter.since.map(|t| Micros(t.0.saturating_sub(SPREAD_US)));
    asked.until = filter.until.map(|t| Micros(t.0.saturating_add(SPREAD_US)));
    if asked.sites.is_some() {
        (asked.errors, asked.node) = (false, None);
    } else if asked.errors {
        asked.node = None;
    }
    asked.limit = filter.limit.min(LIST_MAX);
    asked
}

impl Shards {
    /// Traces that a filter accepts, newest start first.
    pub fn traces(&self, filter: &TraceFilter) -> Result<Whole<Vec<TraceSummary>>, SourceError> {
        let shards = self.0.all();
        if self.0.is_alone(&shards) {
            return alone(self.0.store.traces(filter));
        }
        let deadline = Instant::now() + WITHIN;
        let mut missing = Missing::new();
        let named = match &filter.node {
            None => BTreeSet::new(),
            Some(name) => {
                let nodes = self.nodes()?;
                add_missing(&mut missing, nodes.missing);
                let of_name = nodes.value.into_iter().filter(|node| node.name == *name);
                of_name.map(|node| node.key).collect()
            }
        };
        let mut asked = of_parts(filter);
        loop {
            let mut said = missing.clone();
            let listed = self.round(&asked, (filter, &named), deadline, &mut said)?;
            let all = asked.limit >= LIST_MAX || Instant::now() >= deadline;
            if listed.is_done || all {
                if !listed.is_done {
                    let text = format!(
                        "more than {} traces were listed: older ones may lack",
                        asked.limit
                    );
                    add_missing(&mut said, vec![text]);
                }
                return Ok(Whole {
                    value: listed.traces,
                    missing: said,
                });
            }
            asked.limit = asked.limit.saturating_mul(8).min(LIST_MAX);
        }
    }

    /// Asks members for so many traces each, and lists what the filter accepts.
    fn round(
        &self,
        asked: &TraceFilter,
        (filter, named): (&TraceFilter, &BTreeSet<NodeKey>),
        deadline: Instant,
        missing: &mut Missing,
    ) -> Result<OfRound, SourceError> {
        let shards = self.0.all();
        let mut listed = Listed::default();
        let question = Question::Summaries(asked.into());
        let ask = Ask {
            question: &question,
            shards: &shards,
            deadline,
            stop: &|| false,
        };
        let mut gathered = self.0.gather(ask, &mut |from, part| {
            if let Part::Summaries(summaries) = part {
                listed.add(from, summaries.into_iter().map(Into::into));
            }
        })?;
        add_missing(missing, std::mem::take(&mut gathered.missing));
        let unlisted = listed.unlisted(asked.limit, gathered.answered.iter().map(|(member, _)| *member));
        let asked = |trace: TraceId| -> BTreeSet<MemberId> {
            let shard = shard_of(trace, self.of());
            let of = gathered
                .answered
                .iter()
                .filter(|(_, of)| of.binary_search(&shard).is_ok());
            of.map(|(member, _)| *member).collect()
        };
        let mut newest = Newest::new(filter.limit.min(LIST_MAX));
        let mut again: Vec<TraceSummary> = Vec::new();
        let mut recounted = 0;
        let mut candidates = listed.candidates(asked).into_iter().peekable();
        while let Some(candidate) = candidates.next() {
            let (Candidate::Known(s) | Candidate::Differs(s)) = &candidate;
            if newest.is_closed_to(s.hlc_min) {
                break;
            }
            match candidate {
                Candidate::Known(summary) if accepts(filter, named, &summary) => newest.add(summary),
                Candidate::Known(_) => {}
                Candidate::Differs(summary) => again.push(summary),
            }
            if again.len() >= RECOUNTED_AT_ONCE || candidates.peek().is_none() {
                recounted += again.len();
                let some = std::mem::take(&mut again);
                self.recount(some, recounted, filter, named, &mut newest, missing)?;
            }
        }
        recounted += again.len();
        self.recount(again, recounted, filter, named, &mut newest, missing)?;
        Ok(OfRound {
            is_done: !gathered.cut && unlisted.is_none_or(|place| newest.is_full_to(place)),
            traces: newest.done(),
        })
    }

    /// Counts traces on whose summaries members differ out of their events.
    fn recount(
        &self,
        some: Vec<TraceSummary>,
        so_far: usize,
        filter: &TraceFilter,
        named: &BTreeSet<NodeKey>,
        newest: &mut Newest,
        missing: &mut Missing,
    ) -> Result<(), SourceError> {
        if some.is_empty() {
            return Ok(());
        }
        if so_far > RECOUNTED_MAX {
            let text = format!(
                "of more than {RECOUNTED_MAX} traces members know different parts: some counts are too low"
            );
            add_missing(missing, vec![text]);
            for summary in some.into_iter().filter(|s| accepts(filter, named, s)) {
                newest.add(summary);
            }
            return Ok(());
        }
        let traces: Vec<TraceId> = some.iter().map(|summary| summary.trace).collect();
        let rows = self.trace_rows_of(&traces)?;
        add_missing(missing, rows.missing);
        for (trace, rows) in traces.into_iter().zip(rows.value) {
            let summary = counted(trace, &rows.events);
            if let Some(summary) = summary.filter(|summary| accepts(filter, named, summary)) {
                newest.add(summary);
            }
        }
        Ok(())
    }
}
