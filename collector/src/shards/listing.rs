//! Lists of traces of several members as one. Of a trace whose holders say the same that is the answer; where they differ (one has not
//! caught up) its events are merged and counted, so that nothing is counted twice or lost. What a member says of a start is an upper bound
//! of the true one: candidates come by that bound, and none can enter once the list is full and the bound is older than its oldest (the
//! threshold algorithm of Fagin, Lotem and Naor, 2003, as in the store).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use event::{Event, EventIdentity, Hlc, NodeKey, TraceId};
use placement::MemberId;
use store::{TraceFilter, TraceSummary};

/// Traces whose holders differ that are counted anew for one list; of more what the fullest holder has is shown.
pub(super) const RECOUNTED_MAX: usize = 2_048;
/// Traces that are counted anew at once.
pub(super) const RECOUNTED_AT_ONCE: usize = 64;

/// What members listed.
#[derive(Debug, Default)]
pub(super) struct Listed {
    by_trace: BTreeMap<TraceId, BTreeMap<MemberId, TraceSummary>>,
}

/// A trace of the list, or one that must be counted anew.
#[derive(Debug)]
pub(super) enum Candidate {
    Known(TraceSummary),
    Differs(TraceSummary),
}

impl Listed {
    pub(super) fn add(&mut self, from: MemberId, summaries: impl IntoIterator<Item = TraceSummary>) {
        for summary in summaries {
            self.by_trace
                .entry(summary.trace)
                .or_default()
                .insert(from, summary);
        }
    }

    /// Of members that were asked for so many traces each: what they did not list comes after this one in the order of the list. None:
    /// they listed all.
    pub(super) fn unlisted(
        &self,
        limit: usize,
        members: impl IntoIterator<Item = MemberId>,
    ) -> Option<(Hlc, TraceId)> {
        let bounds = members.into_iter().filter_map(|member| {
            let of = self.by_trace.values().filter_map(|of| of.get(&member));
            let places: Vec<(Hlc, TraceId)> = of.map(|s| (s.hlc_min, s.trace)).collect();
            let last = places.iter().min().copied();
            last.filter(|_| places.len() >= limit)
        });
        bounds.max()
    }

    /// All, by the upper bound of their start, the latest first. `asked` says who answered for a trace.
    pub(super) fn candidates(self, asked: impl Fn(TraceId) -> BTreeSet<MemberId>) -> Vec<Candidate> {
        let mut candidates: Vec<Candidate> = Vec::with_capacity(self.by_trace.len());
        for (trace, mut of) in self.by_trace {
            let all_say = asked(trace).iter().all(|member| of.contains_key(member));
            let Some((_, first)) = of.pop_first() else {
                continue;
            };
            let same = all_say && of.values().all(|other| *other == first);
            // Bounds: of each number the one that is nearest to the truth.
            let bound = of.into_values().fold(first, |one, other| TraceSummary {
                events: one.events.max(other.events),
                errors: one.errors.max(other.errors),
                ..merged(one, &other)
            });
            candidates.push(if same {
                Candidate::Known(bound)
            } else {
                Candidate::Differs(bound)
            });
        }
        candidates.sort_by_key(|candidate| {
            let (Candidate::Known(s) | Candidate::Differs(s)) = candidate;
            Reverse((s.hlc_min, s.trace))
        });
        candidates
    }
}

fn merged(mut one: TraceSummary, other: &TraceSummary) -> TraceSummary {
    one.merge(other);
    one
}

/// The list while it is made.
#[derive(Debug)]
pub(super) struct Newest {
    limit: usize,
    traces: Vec<TraceSummary>,
}

impl Newest {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            traces: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, summary: TraceSummary) {
        let at = self
            .traces
            .partition_point(|known| (known.hlc_min, known.trace) > (summary.hlc_min, summary.trace));
        self.traces.insert(at, summary);
        self.traces.truncate(self.limit);
    }

    /// Can nothing enter whose start is at this time at the latest?
    pub(super) fn is_closed_to(&self, bound: Hlc) -> bool {
        self.traces.len() >= self.limit && self.traces.last().is_none_or(|oldest| bound < oldest.hlc_min)
    }

    /// Can nothing enter that comes after this place?
    pub(super) fn is_full_to(&self, place: (Hlc, TraceId)) -> bool {
        let last = self.traces.last().map(|s| (s.hlc_min, s.trace));
        self.traces.len() >= self.limit && last.is_none_or(|last| place <= last)
    }

    pub(super) fn done(self) -> Vec<TraceSummary> {
        self.traces
    }
}

/// A trace in short, out of all its events.
pub(super) fn counted(trace: TraceId, events: &[(EventIdentity, Event)]) -> Option<TraceSummary> {
    let mut summary = TraceSummary::empty(trace);
    for (identity, event) in events {
        summary.add_identified(identity, event);
    }
    (summary.events > 0).then_some(summary)
}

/// Does a filter accept a trace that was counted anew? Sites were looked at by the members.
pub(super) fn accepts(filter: &TraceFilter, named: &BTreeSet<NodeKey>, s: &TraceSummary) -> bool {
    filter.since.is_none_or(|since| s.hlc_max.micros() >= since)
        && filter.until.is_none_or(|until| s.hlc_min.micros() <= until)
        && (!filter.errors || s.errors > 0)
        && (filter.node.is_none() || s.nodes.iter().any(|node| named.contains(node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Micros;

    fn summary(trace: u128, hlc: u64, events: u64) -> TraceSummary {
        TraceSummary {
            hlc_min: Hlc(hlc),
            hlc_max: Hlc(hlc + 9),
            start: Micros(1),
            end: Micros(2),
            events,
            ..TraceSummary::empty(TraceId(trace))
        }
    }

    /// Scenario: two members list the same trace, one a trace that the other lacks, both one with other counts. Guarantee: the first is
    /// known, the others differ; the latest bound comes first.
    #[test]
    fn where_members_differ() {
        let mut listed = Listed::default();
        listed.add(
            MemberId(1),
            [summary(1, 50, 3), summary(2, 40, 3), summary(3, 60, 3)],
        );
        listed.add(MemberId(2), [summary(1, 50, 3), summary(3, 55, 4)]);
        let both = |_| BTreeSet::from([MemberId(1), MemberId(2)]);
        let candidates = listed.candidates(both);
        let shown: Vec<_> = candidates
            .iter()
            .map(|candidate| match candidate {
                Candidate::Known(s) => (s.trace.0, true, s.hlc_min.0, s.events),
                Candidate::Differs(s) => (s.trace.0, false, s.hlc_min.0, s.events),
            })
            .collect();
        assert_eq!(shown, [(3, false, 55, 4), (1, true, 50, 3), (2, false, 40, 3)]);
    }

    /// Scenario: three traces for a list of two. Guarantee: the newest two, and it is closed to what is older than both.
    #[test]
    fn the_newest_stay() {
        let mut newest = Newest::new(2);
        assert!(!newest.is_closed_to(Hlc(0)));
        for (trace, hlc) in [(1, 10), (2, 30), (3, 20)] {
            newest.add(summary(trace, hlc, 1));
        }
        assert!(newest.is_closed_to(Hlc(19)));
        assert!(!newest.is_closed_to(Hlc(20)));
        let traces: Vec<u128> = newest.done().iter().map(|s| s.trace.0).collect();
        assert_eq!(traces, [2, 3]);
    }
}
