//! Reads every frame and block held and counts: for tests, and for an operator who doubts. It trusts no index in memory.

use std::collections::{BTreeMap, HashSet};

use event::{Epoch, Event, EventId, EventKind, NodeKey, Producer, Shard};
use placement::IntervalSet;

use crate::batches::{self, BatchEntry, FrameRecord};
use crate::bytes::Reader;
use crate::error::StoreError;
use crate::events::{Run, UnitBytes, keys};
use crate::frame_key::FrameKey;
use crate::frames;
use crate::runs::batches::{ShardBatches, read_list_key};
use crate::state::Shared;

/// Events whose identities are compared; beyond it only counts are made (about 40 bytes each).
pub const AUDIT_EVENTS_MAX: usize = 20_000_000;

/// What is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Events, those of loss apart.
    pub events: u64,
    /// Events that the same node recorded under the same id as another event: 0 unless something is broken.
    pub duplicates: u64,
    /// Events of kind `loss`.
    pub losses: u64,
    /// Batches.
    pub batches: u64,
    /// Batches that are not held although later ones of the same producer, epoch and shard are.
    pub missing_batches: u64,
    /// Batches that their producer gave up.
    pub given_up_batches: u64,
    /// Frames and blocks that cannot be read.
    pub damaged_frames: u64,
    /// Events by node incarnation.
    pub by_node: BTreeMap<NodeKey, u64>,
}

/// What is learned on the way.
#[derive(Default)]
struct Seen {
    audit: Audit,
    ids: HashSet<(NodeKey, EventId)>,
    held: BTreeMap<(Producer, Epoch, Shard), IntervalSet>,
}

impl Shared {
    /// Reads everything; slow.
    pub(crate) fn audit(&self) -> Result<Audit, StoreError> {
        // Nothing moves from one family to another meanwhile.
        let _no_sealing = self.events.sealing.lock();
        let mut seen = Seen::default();
        for item in self.db.scan(batches::FAMILY, &[]) {
            let (key, value) = item?;
            let key = FrameKey::read_by_producer(&mut Reader::new(batches::FAMILY, &key))?;
            let record = FrameRecord::decode(&value)?;
            match self.db.get(frames::FAMILY, &key.by_time())? {
                Some(bytes) => seen.frame(bytes, key, &record),
                None => seen.audit.damaged_frames += 1,
            }
        }
        for item in self.db.scan(keys::RUNS, &[]) {
            let (key, value) = item?;
            let run = Run::decode(&value)?;
            for gap in &run.record.gaps {
                let held = seen.held.entry((gap.producer, gap.epoch, gap.shard)).or_default();
                held.insert_range(gap.first.0, gap.last.0);
                seen.audit.given_up_batches += (gap.last.0 - gap.first.0).saturating_add(1);
            }
            for item in self.db.scan(keys::BATCHES, &key) {
                let (key, value) = item?;
                let Some((_, _, shard)) = read_list_key(keys::BATCHES, &key)? else {
                    continue;
                };
                for ((producer, epoch), seq, _) in ShardBatches::decode(keys::BATCHES, &value)?.iter() {
                    let held = seen.held.entry((producer, epoch, shard)).or_default();
                    held.insert(seq.0);
                    seen.audit.batches += 1;
                }
            }
            // A block that no run counts is none.
            for item in self.db.scan(keys::BLOCKS, &key) {
                let (at, bytes) = item?;
                let at = at.last_chunk().map_or(u32::MAX, |at| u32::from_be_bytes(*at));
                if (at as usize) < run.record.blocks.len() {
                    seen.unit(bytes.into_vec(), &[]);
                }
            }
        }
        seen.audit.missing_batches = seen.held.values().map(missing).fold(0, u64::saturating_add);
        Ok(seen.audit)
    }
}

/// How many numbers between 1 and the greatest that are not in the set.
fn missing(held: &IntervalSet) -> u64 {
    let last = held.iter().next_back().map_or(0, |i| i.last);
    held.gaps(1, last)
        .iter()
        .fold(0, |n, gap| n.saturating_add(gap.last - gap.first + 1))
}

impl Seen {
    fn frame(&mut self, bytes: Vec<u8>, key: FrameKey, record: &FrameRecord) {
        let counts = |s: &&BatchEntry| !s.held;
        for s in record.sections.iter().filter(counts) {
            let held = self.held.entry((key.producer, key.epoch, s.shard)).or_default();
            held.insert_range(s.seq.0, s.last.0);
            let batches = (s.last.0.saturating_sub(s.seq.0)).saturating_add(1);
            let sum = if s.gap {
                &mut self.audit.given_up_batches
            } else {
                &mut self.audit.batches
            };
            *sum = sum.saturating_add(batches);
        }
        let held = (0u32..).zip(&record.sections).filter(|(_, s)| s.held);
        let held: Vec<u32> = held.map(|(at, _)| at).collect();
        self.unit(bytes, &held);
    }

    fn unit(&mut self, bytes: Vec<u8>, held: &[u32]) {
        match UnitBytes::new(bytes).all(held) {
            Ok(events) => events.iter().for_each(|(_, event)| self.event(event)),
            Err(_) => self.audit.damaged_frames += 1,
        }
    }

    fn event(&mut self, event: &Event) {
        if event.kind == EventKind::Loss {
            self.audit.losses += 1;
            return;
        }
        self.audit.events += 1;
        *self.audit.by_node.entry(event.node).or_default() += 1;
        if self.ids.len() < AUDIT_EVENTS_MAX && !self.ids.insert((event.node, event.id)) {
            self.audit.duplicates += 1;
        }
    }
}
