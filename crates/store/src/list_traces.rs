//! Which traces there are: newest first, by time, error, site, node.
//!
//! A trace may lie in several buckets, and an early part may lie in an older one, so a part's start is an upper bound of its
//! trace's. Candidates come in descending order of that bound; once the list is full and the bound is older than its
//! oldest trace, no further candidate can enter: the threshold algorithm of Fagin, Lotem and Naor (2003), with one list.

use crate::error::StoreError;
use crate::postings::Topic;
use crate::run;
use crate::state::Shared;
use crate::summary::TraceSummary;
use event::{Bucket, Hlc, Micros, ModuleKey, NodeKey, SiteId, TraceId};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashSet};

/// Traces that one answer lists.
pub const LIST_MAX: usize = 10_000;
/// Candidates looked at in one bucket: its newest.
const CANDIDATES_MAX: usize = 1_000_000;
/// Traces of one run that are looked up one by one; of more the whole run is read.
const LOOKUPS_MAX: usize = 64;

/// What to list. Everything given must hold.
#[derive(Clone, Debug, Default)]
pub struct TraceFilter {
    /// Ended at or after this HLC time.
    pub since: Option<Micros>,
    /// Started at or before this HLC time.
    pub until: Option<Micros>,
    /// Only with errors.
    pub errors: bool,
    /// Ran one of these sites.
    pub sites: Option<Vec<(ModuleKey, SiteId)>>,
    /// Ran on a node of this name.
    pub node: Option<String>,
    /// How many at most; bounded by [`LIST_MAX`].
    pub limit: usize,
}

/// A filter with its node's name looked up.
struct Wanted<'a> {
    filter: &'a TraceFilter,
    nodes: Option<BTreeSet<NodeKey>>,
}

impl Wanted<'_> {
    fn accepts(&self, s: &TraceSummary) -> bool {
        self.in_time(s.hlc_min, s.hlc_max)
            && (!self.filter.errors || s.errors > 0)
            && self
                .nodes
                .as_ref()
                .is_none_or(|nodes| s.nodes.iter().any(|n| nodes.contains(n)))
    }

    fn in_time(&self, min: Hlc, max: Hlc) -> bool {
        self.filter.since.is_none_or(|t| max.micros() >= t)
            && self.filter.until.is_none_or(|t| min.micros() <= t)
    }

    /// Lists one of which holds every trace that is wanted; `None` = no list does.
    fn topics(&self) -> Option<Vec<Topic>> {
        if let Some(sites) = &self.filter.sites {
            return Some(sites.iter().map(|(m, s)| Topic::Site(*m, *s)).collect());
        }
        if self.filter.errors {
            return Some(vec![Topic::Error]);
        }
        self.nodes
            .as_ref()
            .map(|nodes| nodes.iter().map(|n| Topic::Node(*n)).collect())
    }
}

impl Shared {
    pub(crate) fn traces(&self, filter: &TraceFilter) -> Result<Vec<TraceSummary>, StoreError> {
        let limit = filter.limit.min(LIST_MAX);
        let nodes = filter.node.as_ref().map(|name| self.keys_of(name)).transpose()?;
        let wanted = Wanted { filter, nodes };
        let mut list: BinaryHeap<Reverse<(Hlc, TraceId)>> = BinaryHeap::new();
        let mut summaries = std::collections::HashMap::new();
        let mut seen = HashSet::new();
        for (bucket, _, hlc_max) in self.buckets_by_time(&wanted) {
            let full_from = |list: &BinaryHeap<Reverse<(Hlc, TraceId)>>| {
                if list.len() < limit {
                    None
                } else {
                    list.peek().map(|Reverse((hlc, _))| *hlc)
                }
            };
            if limit == 0 || full_from(&list).is_some_and(|oldest| hlc_max < oldest) {
                break;
            }
            for (start_bound, trace) in self.candidates(bucket, &wanted)? {
                if full_from(&list).is_some_and(|oldest| start_bound < oldest) {
                    break;
                }
                if !seen.insert(trace) {
                    continue;
                }
                let Some(whole) = self.summary(trace)?.filter(|s| wanted.accepts(s)) else {
                    continue;
                };
                list.push(Reverse((whole.hlc_min, trace)));
                summaries.insert(trace, whole);
                if list.len() > limit
                    && let Some(Reverse((_, out))) = list.pop()
                {
                    summaries.remove(&out);
                }
            }
        }
        let mut traces: Vec<_> = summaries.into_values().collect();
        traces.sort_unstable_by_key(|s| Reverse((s.hlc_min, s.trace)));
        Ok(traces)
    }

    /// All that is stored of a trace, in short.
    pub(crate) fn summary(&self, trace: TraceId) -> Result<Option<TraceSummary>, StoreError> {
        let mut whole: Option<TraceSummary> = None;
        for entry in self.entries(trace)? {
            whole
                .get_or_insert_with(|| TraceSummary::empty(trace))
                .merge(&entry.summary);
        }
        Ok(whole)
    }

    fn keys_of(&self, name: &str) -> Result<BTreeSet<NodeKey>, StoreError> {
        Ok(self
            .nodes()?
            .into_iter()
            .filter(|n| n.name == name)
            .map(|n| n.key)
            .collect())
    }

    /// Buckets that may hold what is wanted, those with the latest events first.
    fn buckets_by_time(&self, wanted: &Wanted<'_>) -> Vec<(Bucket, Hlc, Hlc)> {
        let index = self.index.read();
        let mut spans: Vec<_> = index
            .iter()
            .map(|(bucket, slot)| {
                let (min, max) = (slot.record.hlc_min, slot.record.hlc_max);
                let spans = slot.in_memory().map(|p| (p.hlc_min, p.hlc_max));
                let (min, max) = spans.fold((min, max), |(a, b), (c, d)| (a.min(c), b.max(d)));
                (*bucket, min, max)
            })
            .filter(|(_, min, max)| min <= max && wanted.in_time(*min, *max))
            .collect();
        spans.sort_unstable_by_key(|(bucket, _, max)| Reverse((*max, *bucket)));
        spans
    }

    /// Traces of a bucket that may be wanted, with an upper bound of their start, descending.
    fn candidates(&self, bucket: Bucket, wanted: &Wanted<'_>) -> Result<Vec<(Hlc, TraceId)>, StoreError> {
        let mut newest = Newest::default();
        let topics = wanted.topics();
        let runs = {
            let index = self.index.read();
            let Some(slot) = index.get(&bucket) else {
                return Ok(Vec::new());
            };
            for part in slot.in_memory() {
                match &topics {
                    Some(topics) => topics
                        .iter()
                        .flat_map(|t| part.posted(*t))
                        .filter_map(|t| part.get(t))
                        .for_each(|e| newest.push(e.summary.hlc_min, e.summary.trace)),
                    None => part
                        .iter()
                        .for_each(|e| newest.push(e.summary.hlc_min, e.summary.trace)),
                }
            }
            slot.record.runs
        };
        for run in 0..runs {
            match &topics {
                Some(topics) => self.posted_candidates(bucket, run, topics, &mut newest)?,
                None => {
                    run::each_trace(&self.db, bucket, run, |e| {
                        newest.push(e.summary.hlc_min, e.summary.trace);
                    })?;
                }
            }
        }
        Ok(newest.descending())
    }

    /// Traces that a run lists under one of the topics: few are looked up, many are found by reading the run.
    fn posted_candidates(
        &self,
        bucket: Bucket,
        run: u32,
        topics: &[Topic],
        newest: &mut Newest,
    ) -> Result<(), StoreError> {
        let mut posted = HashSet::new();
        for t in topics {
            posted.extend(run::posted(&self.db, bucket, run, *t)?);
        }
        if posted.len() > LOOKUPS_MAX {
            return run::each_trace(&self.db, bucket, run, |e| {
                if posted.contains(&e.summary.trace) {
                    newest.push(e.summary.hlc_min, e.summary.trace);
                }
            });
        }
        for trace in posted {
            if let Some(e) = run::find_trace(&self.db, bucket, run, trace)? {
                newest.push(e.summary.hlc_min, trace);
            }
        }
        Ok(())
    }
}

/// The [`CANDIDATES_MAX`] newest of what is pushed.
#[derive(Default)]
struct Newest(BinaryHeap<Reverse<(Hlc, TraceId)>>);

impl Newest {
    fn push(&mut self, start_bound: Hlc, trace: TraceId) {
        self.0.push(Reverse((start_bound, trace)));
        if self.0.len() > CANDIDATES_MAX {
            self.0.pop();
        }
    }
    fn descending(self) -> Vec<(Hlc, TraceId)> {
        self.0.into_sorted_vec().into_iter().map(|Reverse(c)| c).collect()
    }
}
