//! Lists of traces: asks, and has counted anew what members do not agree on.

use std::collections::BTreeSet;

use event::{NodeKey, TraceId};
use placement::{MemberId, shard_of};
use query::tempo::{Missing, SourceError};
use store::{TraceFilter, TraceSummary};

use super::listing::{Candidate, Listed, Newest, RECOUNTED_AT_ONCE, RECOUNTED_MAX, accepts, counted};
use super::{Shards, Whole, add_missing, alone};
use crate::asked::codec::{Part, Question};

impl Shards {
    /// Traces that a filter accepts, newest start first.
    pub fn traces(&self, filter: &TraceFilter) -> Result<Whole<Vec<TraceSummary>>, SourceError> {
        let shards = self.0.all();
        if self.0.is_alone(&shards) {
            return alone(self.0.store.traces(filter));
        }
        let mut listed = Listed::default();
        let question = Question::Summaries(filter.into());
        let mut gathered = self.gather(&question, &shards, &mut |from, part| {
            if let Part::Summaries(summaries) = part {
                listed.add(from, summaries.into_iter().map(Into::into));
            }
        })?;
        let mut missing = std::mem::take(&mut gathered.missing);
        let named = match &filter.node {
            None => BTreeSet::new(),
            Some(name) => {
                let nodes = self.nodes()?;
                add_missing(&mut missing, nodes.missing);
                let of_name = nodes.value.into_iter().filter(|node| node.name == *name);
                of_name.map(|node| node.key).collect()
            }
        };
        let asked = |trace: TraceId| -> BTreeSet<MemberId> {
            let shard = shard_of(trace, self.of());
            let of = gathered
                .answered
                .iter()
                .filter(|(_, of)| of.binary_search(&shard).is_ok());
            of.map(|(member, _)| *member).collect()
        };
        let mut newest = Newest::new(filter.limit.min(store::LIST_MAX));
        let mut again: Vec<TraceSummary> = Vec::new();
        let mut recounted = 0;
        let mut candidates = listed.candidates(asked).into_iter().peekable();
        while let Some(candidate) = candidates.next() {
            let (Candidate::Known(s) | Candidate::Differs(s)) = &candidate;
            if newest.is_closed_to(s.hlc_min) {
                break;
            }
            match candidate {
                Candidate::Known(summary) => newest.add(summary),
                Candidate::Differs(summary) => again.push(summary),
            }
            if again.len() >= RECOUNTED_AT_ONCE || candidates.peek().is_none() {
                recounted += again.len();
                let some = std::mem::take(&mut again);
                self.recount(some, recounted, filter, &named, &mut newest, &mut missing)?;
            }
        }
        recounted += again.len();
        self.recount(again, recounted, filter, &named, &mut newest, &mut missing)?;
        Ok(Whole {
            value: newest.done(),
            missing,
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
            for summary in some {
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
