//! Spans of a trace, and spans by what they have.

use super::keys;
use super::make::unreadable;
use super::run::Run;
use super::terms::{CHUNK_BLOCKS, Needs, Terms};
use crate::error::StoreError;
use crate::state::Shared;
use event::{Bucket, Span, TraceId};
use rocksdb::Snapshot;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use wire::spans::SpanFrame;

/// What a question looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// Frames and blocks that were read.
    pub units: u64,
    /// Those that could be passed over by time or by terms.
    pub skipped: u64,
    /// Spans in what was read.
    pub spans: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

/// Where a unit is. Blocks stay there while somebody has their run, merged or not.
#[derive(Clone, Debug)]
enum Place {
    Frame(u64),
    Block(
        u32,
        u32,
        #[expect(dead_code, reason = "held, not looked at")] Arc<Run>,
    ),
}

impl Shared {
    /// All spans of a trace, by start. A span that is there more than once with the same content is given once.
    pub(crate) fn trace_spans(&self, trace: TraceId) -> Result<Vec<Span>, StoreError> {
        let mut places = Vec::new();
        // Index and snapshot agree: sealing changes both under the lock.
        let snapshot = {
            let buckets = self.spans.buckets.read();
            for (bucket, spans) in &*buckets {
                let frames = spans.frames.iter().filter(|frame| frame.may_have(trace));
                places.extend(frames.map(|frame| (*bucket, Place::Frame(frame.arrival))));
                for (run, record) in &spans.runs {
                    places.extend(
                        record
                            .blocks_of(trace)
                            .map(|block| (*bucket, Place::Block(*run, block, Arc::clone(record)))),
                    );
                }
            }
            self.db.raw.snapshot()
        };
        let mut found: Vec<Span> = Vec::new();
        for (bucket, place) in places {
            if let Some(bytes) = self.unit(&snapshot, bucket, &place)? {
                let frame = SpanFrame::open(&bytes).map_err(|error| unreadable(&error))?;
                found.extend(frame.trace(trace).map_err(|error| unreadable(&error))?);
            }
        }
        found.sort_by_key(|span| (span.start_ns, span.id));
        Ok(without_repeats(found))
    }

    /// The bytes of a unit; none if its bucket was dropped.
    fn unit(
        &self,
        snapshot: &Snapshot<'_>,
        bucket: Bucket,
        place: &Place,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let found = match place {
            Place::Frame(arrival) => {
                snapshot.get_cf(self.db.family(keys::FRAMES), keys::frame(bucket, *arrival))?
            }
            Place::Block(run, block, _) => {
                snapshot.get_cf(self.db.family(keys::BLOCKS), keys::block(bucket, *run, *block))?
            }
        };
        Ok(found)
    }

    /// Shows units whose time (Unix nanoseconds) overlaps a range, newest bucket and run first, until the visitor has enough.
    /// Blocks that cannot have what is needed are passed over.
    pub(crate) fn visit_spans(
        &self,
        range: (u64, u64),
        needs: &Needs,
        visit: &mut dyn FnMut(&SpanFrame<'_>) -> Result<ControlFlow<()>, wire::frame::FrameError>,
    ) -> Result<Inspected, StoreError> {
        let mut inspected = Inspected::default();
        let buckets: Vec<Bucket> = self.spans.buckets.read().keys().rev().copied().collect();
        let overlaps = |time: (u64, u64)| time.0 <= range.1 && time.1 >= range.0;
        for bucket in buckets {
            let mut places = Vec::new();
            let snapshot = {
                let known = self.spans.buckets.read();
                let Some(spans) = known.get(&bucket) else {
                    continue;
                };
                for frame in spans.frames.iter().rev() {
                    places.push((Place::Frame(frame.arrival), frame.time));
                }
                // Runs that were merged have higher numbers than some that are newer.
                let mut runs: Vec<_> = spans
                    .runs
                    .iter()
                    .map(|(run, record)| (record.until(), *run, record))
                    .collect();
                runs.sort_unstable_by_key(|(until, run, _)| std::cmp::Reverse((*until, *run)));
                for (_, run, record) in runs {
                    let blocks = (0u32..).zip(&record.blocks);
                    places.extend(
                        blocks.map(|(at, block)| (Place::Block(run, at, Arc::clone(record)), block.time)),
                    );
                }
                self.db.raw.snapshot()
            };
            let mut terms: Option<((u32, u32), Terms)> = None;
            for (place, time) in places {
                if !overlaps(time) || !self.may_have(bucket, &place, needs, &mut terms)? {
                    inspected.skipped += 1;
                    continue;
                }
                let Some(bytes) = self.unit(&snapshot, bucket, &place)? else {
                    continue;
                };
                let frame = SpanFrame::open(&bytes).map_err(|error| unreadable(&error))?;
                inspected.units += 1;
                inspected.spans += u64::from(frame.rows());
                inspected.bytes += bytes.len() as u64;
                if visit(&frame).map_err(|error| unreadable(&error))?.is_break() {
                    return Ok(inspected);
                }
            }
        }
        Ok(inspected)
    }

    fn may_have(
        &self,
        bucket: Bucket,
        place: &Place,
        needs: &Needs,
        known: &mut Option<((u32, u32), Terms)>,
    ) -> Result<bool, StoreError> {
        let Place::Block(run, block, _) = place else {
            return Ok(true);
        };
        if needs.clauses.is_empty() {
            return Ok(true);
        }
        let at = (*run, block / CHUNK_BLOCKS as u32);
        if known.as_ref().is_none_or(|(known, _)| *known != at) {
            // None if the run was merged meanwhile.
            let Some(bytes) = self.db.get(keys::TERMS, &keys::block(bucket, at.0, at.1))? else {
                return Ok(true);
            };
            *known = Some((at, Terms::decode(&bytes)?));
        }
        Ok(known
            .as_ref()
            .is_none_or(|(_, terms)| terms.may_have(*block as usize, needs)))
    }
}

/// Of spans that are the same in all, one. Ordered by start and id.
fn without_repeats(spans: Vec<Span>) -> Vec<Span> {
    let key = |span: &Span| (span.start_ns, span.id);
    let twice = spans
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if key(one) == key(other)));
    if !twice {
        return spans;
    }
    let mut seen = HashSet::new();
    // By text: doubles that are not numbers are equal to themselves here.
    spans
        .into_iter()
        .filter(|span| seen.insert(format!("{span:?}")))
        .collect()
}
