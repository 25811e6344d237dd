//! What is known to be missing, and what happened outside of traces.

use crate::error::StoreError;
use crate::postings::{GapRecord, LooseRef};
use crate::run;
use crate::state::{Shared, Slot};
use crate::traces::RowsRef;
use event::{Bucket, Event, EventIdentity, EventKind, Micros};
use std::cmp::Reverse;

/// Items that one answer holds: the newest.
pub const LOSSES_MAX: usize = 10_000;

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
        let mut gaps = Vec::new();
        for (bucket, runs) in self.buckets_between(since, until, |slot| {
            gaps.extend(slot.in_memory().flat_map(|p| &p.gaps).copied());
        }) {
            for r in 0..runs {
                gaps.extend(run::gaps(&self.db, bucket, r)?);
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
        let mut refs: Vec<LooseRef> = Vec::new();
        for (bucket, runs) in self.buckets_between(since, until, |slot| {
            refs.extend(slot.in_memory().flat_map(|p| &p.loose).copied());
        }) {
            for r in 0..runs {
                refs.extend(run::loose(&self.db, bucket, r)?);
            }
        }
        refs.retain(|l| l.kind == kind && (since..=until).contains(&l.hlc.micros()));
        refs.sort_unstable_by_key(|l| Reverse(l.hlc));
        refs.truncate(limit.min(LOSSES_MAX));
        let mut found = Vec::with_capacity(refs.len());
        for l in refs {
            let rows = RowsRef {
                frame: l.frame,
                section: l.section,
                first: l.row,
                rows: 1,
            };
            match self.frame_rows(l.frame, &[rows]) {
                Ok(events) => found.extend(events),
                Err(_) if l.frame.bucket < self.floor() => {}
                Err(e) => return Err(e),
            }
        }
        Ok(found)
    }

    /// Buckets whose slice of time or whose events overlap a range, with their number of runs; `in_memory` sees each.
    fn buckets_between(
        &self,
        since: Micros,
        until: Micros,
        mut in_memory: impl FnMut(&Slot),
    ) -> Vec<(Bucket, u32)> {
        let seconds = self.options.bucket_seconds;
        let mut found = Vec::new();
        for (bucket, slot) in self.index.read().iter() {
            let spans = slot.in_memory().map(|p| (p.hlc_min, p.hlc_max));
            let own = (slot.record.hlc_min, slot.record.hlc_max);
            let events = spans
                .chain([own])
                .any(|(a, b)| a <= b && a.micros() <= until && b.micros() >= since);
            let slice = placement::bucket_start(*bucket, seconds) <= until
                && placement::bucket_end(*bucket, seconds) > since;
            if events || slice {
                in_memory(slot);
                found.push((*bucket, slot.record.runs));
            }
        }
        found
    }
}
