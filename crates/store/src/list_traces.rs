//! Which traces there are: newest first, by time, error, site, node.
//!
//! A trace may lie in several frames and runs, and an early part may lie in an older one, so a part's start is an upper bound of
//! its trace's. Candidates come in descending order of that bound; once the list is full and the bound is older than its
//! oldest trace, no further candidate can enter: the threshold algorithm of Fagin, Lotem and Naor (2003), with one list.

use crate::error::StoreError;
use crate::events::{Part, Unit, UnitBytes};
use crate::state::Shared;
use crate::summary::TraceSummary;
use event::{Hlc, Micros, ModuleKey, NodeKey, SiteId, TraceId};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

/// Traces that one answer lists.
pub const LIST_MAX: usize = 10_000;
/// Candidates looked at: the newest.
const CANDIDATES_MAX: usize = 1_000_000;

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
pub(crate) struct Wanted {
    since: Option<Micros>,
    until: Option<Micros>,
    pub(crate) errors: bool,
    pub(crate) sites: Option<BTreeSet<(ModuleKey, SiteId)>>,
    pub(crate) nodes: Option<BTreeSet<NodeKey>>,
}

impl Wanted {
    fn accepts(&self, s: &TraceSummary) -> bool {
        self.in_time((s.hlc_min, s.hlc_max))
            && (!self.errors || s.errors > 0)
            && self
                .nodes
                .as_ref()
                .is_none_or(|nodes| s.nodes.iter().any(|n| nodes.contains(n)))
    }

    fn in_time(&self, (min, max): (Hlc, Hlc)) -> bool {
        min <= max
            && self.since.is_none_or(|t| max.micros() >= t)
            && self.until.is_none_or(|t| min.micros() <= t)
    }

    /// May parts in this unit be the reason why a trace is wanted? Of each condition it is enough that one part of a trace has
    /// it; candidates come from the parts that have the first of sites, errors, node that is asked for.
    fn may_be_in(&self, unit: &Unit) -> bool {
        if !self.in_time(unit.hlc()) {
            return false;
        }
        match unit {
            Unit::Frame(frame) => self.sites.is_some() || !self.errors || frame.errors,
            Unit::Run(_, _, run) => {
                let run = &run.record;
                if let Some(sites) = &self.sites {
                    sites.iter().any(|site| run.sites.binary_search(site).is_ok())
                } else if self.errors {
                    run.errors
                } else {
                    let on = |nodes: &BTreeSet<NodeKey>| nodes.iter().any(|node| run.nodes.contains(node));
                    self.nodes.as_ref().is_none_or(on)
                }
            }
        }
    }
}

/// The newest traces so far.
struct Newest {
    limit: usize,
    starts: BinaryHeap<Reverse<(Hlc, TraceId)>>,
    summaries: HashMap<TraceId, TraceSummary>,
}

impl Newest {
    /// Can nothing enter that started at this time or before?
    fn is_closed_to(&self, start_bound: Hlc) -> bool {
        let full = self.starts.len() >= self.limit;
        full && self
            .starts
            .peek()
            .is_none_or(|Reverse((oldest, _))| start_bound < *oldest)
    }

    fn push(&mut self, summary: TraceSummary) {
        self.starts.push(Reverse((summary.hlc_min, summary.trace)));
        self.summaries.insert(summary.trace, summary);
        if self.starts.len() > self.limit
            && let Some(Reverse((_, out))) = self.starts.pop()
        {
            self.summaries.remove(&out);
        }
    }

    fn descending(self) -> Vec<TraceSummary> {
        let mut traces: Vec<_> = self.summaries.into_values().collect();
        traces.sort_unstable_by_key(|s| Reverse((s.hlc_min, s.trace)));
        traces
    }
}

impl Shared {
    pub(crate) fn traces(&self, filter: &TraceFilter) -> Result<Vec<TraceSummary>, StoreError> {
        let mut newest = Newest {
            limit: filter.limit.min(LIST_MAX),
            starts: BinaryHeap::new(),
            summaries: HashMap::new(),
        };
        if newest.limit == 0 {
            return Ok(Vec::new());
        }
        let wanted = Wanted {
            since: filter.since,
            until: filter.until,
            errors: filter.errors,
            sites: filter.sites.as_ref().map(|sites| sites.iter().copied().collect()),
            nodes: filter.node.as_ref().map(|name| self.keys_of(name)).transpose()?,
        };
        let mut view = self.view(|_, unit| wanted.may_be_in(unit));
        let mut units = std::mem::take(&mut view.units);
        units.sort_by_key(|unit| Reverse(unit.hlc().1));
        let mut seen = HashSet::new();
        for unit in units {
            if newest.is_closed_to(unit.hlc().1) || seen.len() >= CANDIDATES_MAX {
                break;
            }
            let mut parts: Vec<Part> = Vec::new();
            for place in unit.places() {
                let Some(bytes) = view.bytes(&place)? else {
                    continue;
                };
                match UnitBytes::new(bytes).parts(&wanted, place.held()) {
                    Ok(found) => parts.extend(found),
                    Err(error) => tracing::error!(%error, ?place, "stored events cannot be read"),
                }
            }
            parts.sort_unstable_by_key(|part| Reverse((part.hlc_min, part.trace)));
            for part in parts {
                if newest.is_closed_to(part.hlc_min) {
                    break;
                }
                if seen.insert(part.trace)
                    && let Some(whole) = self.summary(part.trace)?.filter(|s| wanted.accepts(s))
                {
                    newest.push(whole);
                }
            }
        }
        Ok(newest.descending())
    }

    /// All that is stored of a trace, in short.
    pub(crate) fn summary(&self, trace: TraceId) -> Result<Option<TraceSummary>, StoreError> {
        if trace == TraceId(0) {
            return Ok(None);
        }
        let (view, places) = self.places_of(trace);
        let mut whole = TraceSummary::empty(trace);
        let mut seen = HashSet::new();
        for place in &places {
            let rows = self.rows_at(view.bytes(place)?, place, trace).unwrap_or_default();
            for (id, event) in rows.iter().filter(|(id, _)| seen.insert(*id)) {
                whole.add_identified(id, event);
            }
        }
        Ok((whole.events > 0).then_some(whole))
    }

    fn keys_of(&self, name: &str) -> Result<BTreeSet<NodeKey>, StoreError> {
        Ok(self
            .nodes()?
            .into_iter()
            .filter(|n| n.name == name)
            .map(|n| n.key)
            .collect())
    }
}
