//! One commit: many frames, one write batch, one sync.

use crate::admit::{Admission, FrameOutcome, Pending, SectionOutcome, admit, frame_key};
use crate::batches::{self, BatchEntry, FrameRecord};
use crate::counters::add;
use crate::digest::FrameToStore;
use crate::error::StoreError;
use crate::events::OpenFrame;
use crate::frame_key::FrameKey;
use crate::nodes::{self, NodeRecord};
use crate::state::{CommitState, Shared};
use crate::{frames, producers};
use rocksdb::WriteBatch;
use std::sync::Arc;

/// A frame that the commit stores.
struct Staged<'a> {
    frame: &'a FrameToStore,
    key: FrameKey,
    arrival: u64,
    /// By position; none of sections that were not chosen.
    admissions: Vec<Option<Admission>>,
}

impl Shared {
    /// Stores what is new of the frames and returns when it is on disk. An error means that nothing is known to be stored.
    pub(crate) fn commit(&self, frames: &[&FrameToStore]) -> Result<Vec<FrameOutcome>, StoreError> {
        let mut state = self.commit.lock();
        // Spans are written again when they are sealed.
        let needed = |f: &&FrameToStore| f.bytes.len() as u64 * if f.is_spans() { 2 } else { 1 };
        let bytes: u64 = frames.iter().map(needed).sum();
        self.check_writable()?;
        self.check_space(bytes)
            .inspect_err(|_| add(&self.counters.disk_full, 1))?;
        let result = self.commit_locked(&mut state, frames);
        if result.is_err() {
            // What the caches hold may not be on disk.
            state.forget();
        }
        result
    }

    fn commit_locked(
        &self,
        state: &mut CommitState,
        frames: &[&FrameToStore],
    ) -> Result<Vec<FrameOutcome>, StoreError> {
        let mut pending = Pending::default();
        let mut batch = WriteBatch::default();
        let mut staged = Vec::with_capacity(frames.len());
        let mut outcomes = Vec::with_capacity(frames.len());
        let (mut spans, mut logs) = (Vec::new(), Vec::new());
        for frame in frames {
            let admissions = admit(self, state, &mut pending, frame)?;
            outcomes.push(outcome(frame, &admissions));
            if !frame.is_events() {
                let new = |at: usize| admissions.get(at).is_some_and(|a| is_new(*a));
                let part = frame.is_part() && frame.digest.bucket >= self.floor();
                if part || (0..admissions.len()).any(new) {
                    self.stage_spans(&mut batch, frame, new, &mut spans);
                    self.stage_logs(&mut batch, frame, new, &mut logs);
                }
                continue;
            }
            let first_new = admissions.iter().position(|a| is_new(*a));
            if let Some(s) = first_new.and_then(|i| frame.digest.sections.get(i)) {
                let arrival = state.next_arrival;
                state.next_arrival += 1;
                let staged_frame = Staged {
                    frame,
                    key: frame_key(frame, s),
                    arrival,
                    admissions,
                };
                self.stage(&mut batch, &staged_frame);
                self.stage_nodes(state, &mut batch, frame)?;
                staged.push(staged_frame);
            }
        }
        if !staged.is_empty() || !spans.is_empty() || !logs.is_empty() {
            for key in &pending.touched {
                if let Some(group) = state.held.get(key) {
                    batch.put_cf(self.db.family(producers::FAMILY), key.encode(), group.encode());
                }
            }
            self.stage_hints(&mut batch);
            self.write(batch, true)?;
            add(&self.counters.commits, 1);
            self.apply(&staged);
            self.apply_spans(spans);
            self.apply_logs(logs);
        }
        self.count(&outcomes, &staged);
        Ok(outcomes)
    }

    fn stage(&self, batch: &mut WriteBatch, s: &Staged<'_>) {
        let sections = s.frame.digest.sections.iter().zip(&s.admissions);
        let record = FrameRecord {
            arrival: s.arrival,
            hash: s.frame.digest.hash,
            frame_bytes: s.frame.bytes.len() as u32,
            sections: sections
                .map(|(d, a)| BatchEntry {
                    shard: d.shard,
                    seq: d.seq,
                    last: d.gap.map_or(d.seq, |g| g.last_seq),
                    gap: d.gap.is_some(),
                    held: !is_new(*a),
                    content: d.content,
                })
                .collect(),
        };
        batch.put_cf(
            self.db.family(frames::FAMILY),
            s.key.by_time(),
            s.frame.bytes.as_slice(),
        );
        batch.put_cf(
            self.db.family(batches::FAMILY),
            s.key.by_producer(),
            record.encode(),
        );
    }

    /// Names of nodes are stored once a bucket.
    fn stage_nodes(
        &self,
        state: &mut CommitState,
        batch: &mut WriteBatch,
        frame: &FrameToStore,
    ) -> Result<(), StoreError> {
        let last_bucket = frame.digest.bucket;
        for node in &frame.digest.nodes {
            if !state.nodes.contains(&node.key)
                && let Some(bytes) = self.db.get(nodes::FAMILY, &nodes::key(node.key))?
            {
                state.nodes.put(node.key, NodeRecord::decode(&bytes)?.last_bucket);
            }
            if state.nodes.get(&node.key).is_none_or(|b| *b < last_bucket) {
                state.nodes.put(node.key, last_bucket);
                let record = NodeRecord {
                    last_bucket,
                    node: node.clone(),
                };
                batch.put_cf(
                    self.db.family(nodes::FAMILY),
                    nodes::key(node.key),
                    record.encode(),
                );
            }
        }
        Ok(())
    }

    fn apply(&self, staged: &[Staged<'_>]) {
        let frame = |s: &Staged<'_>| {
            let new = |i: usize| s.admissions.get(i).is_some_and(|a| is_new(*a));
            OpenFrame::of(s.key, s.arrival, s.frame.bytes.len(), &s.frame.digest, new)
        };
        let frames: Vec<_> = staged.iter().map(|s| Arc::new(frame(s))).collect();
        let mut buckets = self.events.buckets.write();
        for frame in frames {
            buckets.entry(frame.key.bucket).or_default().push_new(frame);
        }
    }

    fn count(&self, outcomes: &[FrameOutcome], staged: &[Staged<'_>]) {
        let c = &self.counters;
        for s in staged {
            add(&c.frames, 1);
            add(&c.bytes, s.frame.bytes.len() as u64);
            let new = s.frame.digest.sections.iter().zip(&s.admissions);
            add(
                &c.events,
                new.filter(|(_, a)| is_new(**a))
                    .map(|(d, _)| u64::from(d.rows))
                    .sum(),
            );
        }
        for section in outcomes.iter().flat_map(|o| &o.sections) {
            let counter = match section.admission {
                Admission::Stored => &c.sections,
                Admission::Duplicate => &c.duplicates,
                Admission::Expired => &c.expired,
                Admission::Conflict => &c.conflicts,
                Admission::Later => &c.put_off,
            };
            add(counter, 1);
        }
    }
}

fn is_new(admission: Option<Admission>) -> bool {
    admission == Some(Admission::Stored)
}

fn outcome(frame: &FrameToStore, admissions: &[Option<Admission>]) -> FrameOutcome {
    let d = &frame.digest;
    let sections = d.sections.iter().zip(admissions).filter_map(|(s, a)| {
        Some(SectionOutcome {
            shard: s.shard,
            first: s.seq,
            last: s.gap.map_or(s.seq, |g| g.last_seq),
            admission: (*a)?,
        })
    });
    FrameOutcome {
        producer: d.producer,
        epoch: d.epoch,
        sections: sections.collect(),
    }
}
