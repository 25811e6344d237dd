//! What is known to be missing, and what happened outside of traces.

use crate::error::StoreError;
use crate::events::Unit;
use crate::state::Shared;
use event::{Bucket, Epoch, Event, EventIdentity, EventKind, Hlc, Micros, Producer, Seq, Shard, TraceId};
use std::cmp::Reverse;

/// Items that one answer holds: the newest.
pub const LOSSES_MAX: usize = 10_000;

/// Batches that their producer gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapRecord {
    /// Who.
    pub producer: Producer,
    /// In which life.
    pub epoch: Epoch,
    /// Of which shard.
    pub shard: Shard,
    /// First number.
    pub first: Seq,
    /// Last number.
    pub last: Seq,
    /// Why (`docs/wire-format.md`, section).
    pub reason: u8,
    /// Events that were in them, 0 = not known.
    pub events: u64,
    /// The producer's time when it said so.
    pub hlc: Hlc,
}

/// Gaps and events of loss that overlap a range of time.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    /// Events of kind `loss`, newest first.
    pub events: Vec<(EventIdentity, Event)>,
    /// Batches given up in that time or in a bucket that overlaps it, newest first. Data that came nevertheless is there.
    pub gaps: Vec<GapRecord>,
}

impl Shared {
    /// What is missing of `since..=until`.
    pub(crate) fn losses(&self, since: Micros, until: Micros) -> Result<Losses, StoreError> {
        let events = self.loose_events(EventKind::Loss, since, until, LOSSES_MAX)?;
        let seconds = self.options.bucket_seconds;
        let mut gaps = Vec::new();
        for (number, bucket) in self.events.buckets.read().iter() {
            let slice = placement::bucket_start(*number, seconds) <= until
                && placement::bucket_end(*number, seconds) > since;
            for frame in &bucket.frames {
                if slice || overlaps(frame.hlc, since, until) {
                    gaps.extend_from_slice(&frame.gaps);
                }
            }
            for run in bucket.runs.values().map(|run| &run.record) {
                if slice || overlaps(run.hlc, since, until) {
                    gaps.extend_from_slice(&run.gaps);
                }
            }
        }
        gaps.sort_unstable_by_key(|g: &GapRecord| Reverse((g.hlc, g.producer, g.epoch, g.shard, g.first)));
        gaps.truncate(LOSSES_MAX);
        Ok(Losses { events, gaps })
    }

    /// Events in no trace, of one kind, with an HLC time in `since..=until`, newest first.
    pub(crate) fn loose_events(
        &self,
        kind: EventKind,
        since: Micros,
        until: Micros,
        limit: usize,
    ) -> Result<Vec<(EventIdentity, Event)>, StoreError> {
        let limit = limit.min(LOSSES_MAX);
        let has = |_: Bucket, unit: &Unit| {
            let times = match unit {
                Unit::Frame(frame) => frame.loose.of(kind),
                Unit::Run(_, _, run) => run.record.loose.of(kind),
            };
            times.is_some_and(|times| overlaps(times, since, until))
        };
        let view = self.view(has);
        let mut found = Vec::new();
        for place in view.units.iter().flat_map(Unit::loose_places) {
            let rows = self
                .rows_at(view.bytes(&place)?, &place, TraceId(0))
                .unwrap_or_default();
            found.extend(
                rows.into_iter()
                    .filter(|(_, e)| e.kind == kind && (since..=until).contains(&e.hlc.micros())),
            );
            if found.len() > 2 * LOSSES_MAX {
                newest(&mut found, limit);
            }
        }
        newest(&mut found, limit);
        Ok(found)
    }
}

fn newest(found: &mut Vec<(EventIdentity, Event)>, limit: usize) {
    found.sort_by_key(|(id, e)| Reverse((e.hlc, *id)));
    found.dedup_by_key(|(id, _)| *id);
    found.truncate(limit);
}

fn overlaps((min, max): (Hlc, Hlc), since: Micros, until: Micros) -> bool {
    min <= max && min.micros() <= until && max.micros() >= since
}
