//! Reads every frame held and counts: for tests, and for an operator who doubts. It trusts no index.

use std::collections::{BTreeMap, HashSet};

use event::{Epoch, EventId, EventKind, NodeKey, Producer, Shard};
use placement::IntervalSet;
use wire::frame::decode_directory;

use crate::error::StoreError;
use crate::frames;
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
    /// Frames that cannot be read.
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
        let mut seen = Seen::default();
        for item in self.db.scan(frames::FAMILY, &[]) {
            let (_, frame) = item?;
            if seen.frame(&frame).is_err() {
                seen.audit.damaged_frames += 1;
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
    fn frame(&mut self, frame: &[u8]) -> Result<(), wire::frame::FrameError> {
        let directory = decode_directory(frame)?;
        let (producer, epoch) = (directory.header().producer, directory.header().epoch);
        for entry in directory.sections() {
            let held = self.held.entry((producer, epoch, entry.shard)).or_default();
            held.insert_range(entry.seq.0, entry.last_seq().0);
            let batches = entry.last_seq().0 - entry.seq.0 + 1;
            if entry.gap.is_some() {
                self.audit.given_up_batches = self.audit.given_up_batches.saturating_add(batches);
                continue;
            }
            self.audit.batches += batches;
            for event in directory.rows(entry)? {
                if event.kind == EventKind::Loss {
                    self.audit.losses += 1;
                    continue;
                }
                self.audit.events += 1;
                *self.audit.by_node.entry(event.node).or_default() += 1;
                if self.ids.len() < AUDIT_EVENTS_MAX && !self.ids.insert((event.node, event.id)) {
                    self.audit.duplicates += 1;
                }
            }
        }
        Ok(())
    }
}
