//! How frames leave the index: acknowledged, or given up.

use event::Epoch;
use wire::control::AckRange;

use super::{Index, Location, Part, PartKey};
use crate::spool::ledger::AgentDrop;

/// A part that was given up, and where its frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) epoch: Epoch,
    pub(crate) part: Part,
    pub(crate) at: Location,
}

impl Index {
    /// These are on the collector's disks. Returns the events among them that were still open.
    pub(crate) fn ack(&mut self, range: AckRange) -> u64 {
        let closed = self.close(range);
        let events = closed.iter().map(|c| u64::from(c.part.rows)).sum();
        self.ledger.acked += events;
        events
    }

    /// These are given up. If `hold`, the segments of what is no gap itself stay until [`Index::settle`]: were they
    /// deleted before the gap is on disk, an end of the process between the two would lose events that nobody counts.
    pub(crate) fn give_up(&mut self, range: AckRange, reason: AgentDrop, hold: bool) -> Vec<GivenUp> {
        let closed = self.close(range);
        self.ledger
            .drop(reason, closed.iter().map(|c| u64::from(c.part.rows)).sum());
        for given in closed.iter().filter(|g| hold && !g.part.gap) {
            self.segments.hold(given.at.segment, 0);
        }
        closed
    }

    /// All parts of the frame at `at` are given up; nothing, where no frame is there (any more). Holds.
    pub(crate) fn give_up_frame(&mut self, at: Location, reason: AgentDrop) -> Vec<GivenUp> {
        let found = self
            .by_place
            .get(&(at.segment, at.offset))
            .and_then(|id| self.frames.get(id))
            .map(|f| (f.epoch, f.open.clone()));
        let Some((epoch, parts)) = found else {
            return Vec::new();
        };
        parts
            .iter()
            .flat_map(|p| self.give_up(crate::spool::range_of(epoch, p), reason, true))
            .collect()
    }

    /// The gap for a part that was given up is on disk.
    pub(crate) fn settle(&mut self, segment: u64) {
        self.segments.release(segment, 0);
    }

    fn close(&mut self, range: AckRange) -> Vec<GivenUp> {
        if range.first > range.last {
            return Vec::new();
        }
        let keys = (range.epoch, range.shard, range.first)..=(range.epoch, range.shard, range.last);
        let covered: Vec<(PartKey, u64)> = self.by_part.range(keys).map(|(k, id)| (*k, *id)).collect();
        let mut closed = Vec::new();
        for (key, id) in covered {
            let Some(frame) = self.frames.get_mut(&id) else {
                continue;
            };
            let is_named = |p: &Part| (p.shard, p.first) == (key.1, key.2) && p.last <= range.last;
            let Some(i) = frame.open.iter().position(is_named) else {
                continue;
            };
            let part = frame.open.swap_remove(i);
            self.by_part.remove(&key);
            let rows = u64::from(part.rows);
            if frame.sent.is_some() {
                self.ledger.in_flight -= rows;
            } else {
                self.ledger.spooled -= rows;
            }
            closed.push(GivenUp {
                epoch: frame.epoch,
                part,
                at: frame.at,
            });
            if frame.open.is_empty() {
                let (at, sent) = (frame.at, frame.sent.is_some());
                self.frames.remove(&id);
                self.by_place.remove(&(at.segment, at.offset));
                if sent {
                    self.in_flight_bytes -= u64::from(at.bytes);
                }
                self.segments.release(at.segment, u64::from(at.bytes));
            }
        }
        closed
    }
}
