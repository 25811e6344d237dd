//! The store's words and those of the questions, each into the other.

use store::{Audit, GapRecord, LogFilter, TraceFilter, TraceSummary};

use super::codec::{Audited, Gap, Listing, Logs, Summary};

impl From<&TraceFilter> for Listing {
    fn from(filter: &TraceFilter) -> Self {
        Self {
            since: filter.since,
            until: filter.until,
            errors: filter.errors,
            sites: filter.sites.clone(),
            node: filter.node.clone(),
            limit: u32::try_from(filter.limit).unwrap_or(u32::MAX),
        }
    }
}

impl From<&Listing> for TraceFilter {
    fn from(listing: &Listing) -> Self {
        Self {
            since: listing.since,
            until: listing.until,
            errors: listing.errors,
            sites: listing.sites.clone(),
            node: listing.node.clone(),
            limit: listing.limit as usize,
        }
    }
}

impl From<&LogFilter> for Logs {
    fn from(filter: &LogFilter) -> Self {
        Self {
            trace: filter.trace,
            range: filter.range,
            severity: filter.severity,
            limit: u32::try_from(filter.limit).unwrap_or(u32::MAX),
        }
    }
}

impl From<&Logs> for LogFilter {
    fn from(logs: &Logs) -> Self {
        Self {
            trace: logs.trace,
            range: logs.range,
            severity: logs.severity,
            limit: logs.limit as usize,
        }
    }
}

impl From<TraceSummary> for Summary {
    fn from(s: TraceSummary) -> Self {
        Self {
            trace: s.trace,
            time: (s.start, s.end),
            hlc: (s.hlc_min, s.hlc_max),
            events: s.events,
            errors: s.errors,
            nodes: s.nodes,
            root: s.root,
            content: s.content,
        }
    }
}

impl From<Summary> for TraceSummary {
    fn from(s: Summary) -> Self {
        Self {
            trace: s.trace,
            start: s.time.0,
            end: s.time.1,
            hlc_min: s.hlc.0,
            hlc_max: s.hlc.1,
            events: s.events,
            errors: s.errors,
            nodes: s.nodes,
            root: s.root,
            content: s.content,
        }
    }
}

impl From<GapRecord> for Gap {
    fn from(g: GapRecord) -> Self {
        Self {
            hlc: g.hlc,
            producer: g.producer,
            epoch: g.epoch,
            shard: g.shard,
            first: g.first,
            last: g.last,
            reason: g.reason,
            events: g.events,
        }
    }
}

impl From<Gap> for GapRecord {
    fn from(g: Gap) -> Self {
        Self {
            hlc: g.hlc,
            producer: g.producer,
            epoch: g.epoch,
            shard: g.shard,
            first: g.first,
            last: g.last,
            reason: g.reason,
            events: g.events,
        }
    }
}

impl From<Audit> for Audited {
    fn from(a: Audit) -> Self {
        Self {
            counts: [
                a.events,
                a.duplicates,
                a.losses,
                a.batches,
                a.missing_batches,
                a.given_up_batches,
                a.damaged_frames,
            ],
            by_node: a.by_node.into_iter().collect(),
        }
    }
}

impl From<Audited> for Audit {
    fn from(a: Audited) -> Self {
        let [
            events,
            duplicates,
            losses,
            batches,
            missing_batches,
            given_up_batches,
            damaged_frames,
        ] = a.counts;
        Self {
            events,
            duplicates,
            losses,
            batches,
            missing_batches,
            given_up_batches,
            damaged_frames,
            by_node: a.by_node.into_iter().collect(),
        }
    }
}
