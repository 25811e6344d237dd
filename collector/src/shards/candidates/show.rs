//! What a search shows: the traces of all streams in one order, each whole.

use std::collections::{BTreeMap, BTreeSet};

use event::{Span, TraceId};
use placement::{MemberId, shard_of};
use query::tempo::TimeRange;

use super::{Each, Merge};
use crate::control_plane::ClusterView;
use crate::shards::merge;
use crate::shards::streams::{Stream, drain, wait};

/// Traces that are put together at once: few at first, so that the first come early.
const FIRST: usize = 4;
const AT_ONCE_MAX: usize = 128;

/// Traces that come next, each with what members showed of it.
type Batch = Vec<(TraceId, Vec<(MemberId, Vec<Span>)>)>;

impl Merge<'_> {
    /// Shows traces until there are no more, or enough; how many.
    pub(super) fn show(&mut self, view: &ClusterView, range: TimeRange, each: &mut Each<'_>) -> u64 {
        let (mut shown, mut at_once) = (0, FIRST);
        loop {
            while self.streams.iter().any(Stream::is_blind) {
                if !wait(
                    &self.asker.runtime,
                    &mut self.streams,
                    Stream::is_blind,
                    self.ask.deadline,
                ) {
                    for stream in self.streams.iter_mut().filter(|stream| stream.is_open()) {
                        stream.fail("did not answer in time".to_owned());
                    }
                }
            }
            drain(&mut self.streams);
            self.replace_failed(view);
            let batch = self.batch(at_once);
            if batch.is_empty() {
                if self.streams.iter().all(|stream| !stream.is_open()) {
                    return shown;
                }
                continue;
            }
            at_once = (at_once * 2).min(AT_ONCE_MAX);
            for (_, parts) in self.complete(view, batch) {
                let spans = merge::spans(parts);
                let start = spans.iter().map(|span| span.start_ns).min().unwrap_or_default();
                let end = spans.iter().map(|span| span.end_ns).max().unwrap_or_default();
                shown += 1;
                if range.overlaps(start, end) && each(spans).is_break() {
                    return shown;
                }
            }
        }
    }

    /// The next traces, the latest start first, with the members that showed them and what they showed. Stops where it is not known what a
    /// member shows next.
    fn batch(&mut self, at_once: usize) -> Batch {
        let mut batch = Vec::new();
        while batch.len() < at_once && !self.streams.iter().any(Stream::is_blind) {
            let Some((_, trace)) = self.streams.iter_mut().filter_map(Stream::next).max() else {
                break;
            };
            let of = self.streams.iter_mut();
            let parts: Vec<(MemberId, Vec<Span>)> = of
                .filter_map(|stream| Some((stream.member, stream.take(trace)?)))
                .collect();
            // What was shown already comes late from a member that was asked for it by id.
            if self.seen.insert(trace) {
                batch.push((trace, parts));
            }
        }
        batch
    }

    /// Fetches what members have of these traces and have not shown; of a member that fails the next holder is asked, while there is one.
    fn complete(&mut self, view: &ClusterView, batch: Batch) -> Vec<(TraceId, Vec<Vec<Span>>)> {
        let mut heard: BTreeSet<(MemberId, TraceId)> = BTreeSet::new();
        let mut whole: Vec<(TraceId, Vec<Vec<Span>>)> = Vec::with_capacity(batch.len());
        for (trace, parts) in batch {
            heard.extend(parts.iter().map(|(member, _)| (*member, trace)));
            whole.push((trace, parts.into_iter().map(|(_, spans)| spans).collect()));
        }
        loop {
            let lacking = self.lacking(&whole, &heard);
            if lacking.is_empty() {
                return whole;
            }
            for (member, traces) in &lacking {
                heard.extend(traces.iter().map(|trace| (*member, *trace)));
            }
            let mut fetched: BTreeMap<TraceId, Vec<Vec<Span>>> = BTreeMap::new();
            let (epoch, deadline) = (self.plan.epoch(), self.ask.deadline);
            let failed = self
                .asker
                .fetch(view, epoch, deadline, lacking, &mut |trace, spans| {
                    fetched.entry(trace).or_default().push(spans);
                });
            for (trace, parts) in &mut whole {
                parts.extend(fetched.remove(trace).unwrap_or_default());
            }
            for (member, why) in failed {
                for stream in self.streams.iter_mut().filter(|stream| stream.member == member) {
                    stream.fail(why.clone());
                }
            }
            self.replace_failed(view);
        }
    }

    /// Of these traces, what readers of their shards were not heard of.
    fn lacking(
        &self,
        whole: &[(TraceId, Vec<Vec<Span>>)],
        heard: &BTreeSet<(MemberId, TraceId)>,
    ) -> BTreeMap<MemberId, Vec<TraceId>> {
        let mut lacking: BTreeMap<MemberId, Vec<TraceId>> = BTreeMap::new();
        for (trace, _) in whole {
            let shard = shard_of(*trace, self.asker.settings.shards);
            for member in self.plan.asked(shard) {
                // Who shows nothing of a shard is not a reader of it.
                let reads = |s: &Stream| s.member == member && s.shards.binary_search(&shard).is_ok();
                if self.streams.iter().any(reads) && !heard.contains(&(member, *trace)) {
                    lacking.entry(member).or_default().push(*trace);
                }
            }
        }
        lacking
    }
}
