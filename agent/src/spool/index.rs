//! What is in the spool and where, what was sent, what was acknowledged. Pure: the files are the writer's.

mod closing;
mod descriptions;
mod segments;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use event::{Epoch, Seq, Shard};

use super::ledger::Ledger;
pub(crate) use closing::GivenUp;
use descriptions::Descriptions;
use segments::Segments;

/// Frames in the spool beyond which it counts as full: bounds the memory of this index.
const FRAMES_MAX: usize = 500_000;
/// Bytes of descriptions that wait to be noted, beyond which the spool counts as full.
const DESCRIPTION_BYTES_MAX: usize = 64 << 20;

/// Rounds after which a frame without acknowledgement is sent again.
pub(crate) const OVERDUE_ROUNDS: u64 = 4;

/// Where bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
}

/// One section of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) shard: Shard,
    pub(crate) first: Seq,
    pub(crate) last: Seq,
    pub(crate) rows: u32,
    pub(crate) gap: bool,
}

#[derive(Clone, Debug)]
struct Frame {
    at: Location,
    epoch: Epoch,
    open: Vec<Part>,
    /// The round in which it was sent on this connection.
    sent: Option<u64>,
}

/// Key of a part: frames are found by what acknowledgements name.
type PartKey = (Epoch, Shard, Seq);

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    frames: BTreeMap<u64, Frame>,
    by_part: BTreeMap<PartKey, u64>,
    /// By segment and offset.
    by_place: BTreeMap<(u64, u64), u64>,
    next_frame: u64,
    /// First frame that may be unsent.
    cursor: u64,
    /// Counts looks at what is overdue.
    round: u64,
    segments: Segments,
    descriptions: Descriptions,
    in_flight_bytes: u64,
    ledger: Ledger,
}

impl Index {
    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger
    }
    /// Bytes of all segment files.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.bytes()
    }
    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }
    pub(crate) fn in_flight_bytes(&self) -> u64 {
        self.in_flight_bytes
    }
    /// Must no more be taken in?
    pub(crate) fn is_full(&self, bytes_max: u64) -> bool {
        self.bytes() >= bytes_max
            || self.frames.len() >= FRAMES_MAX
            || self.descriptions.bytes() >= DESCRIPTION_BYTES_MAX
    }

    /// A segment file has grown to `bytes`.
    pub(crate) fn segment_bytes(&mut self, segment: u64, bytes: u64) {
        self.segments.set_bytes(segment, bytes);
    }

    /// A frame was stored (in this life: `received`, else recovered). Parts that are known already are ignored.
    pub(crate) fn insert(&mut self, at: Location, epoch: Epoch, parts: &[Part], received: bool) {
        let open: Vec<Part> = parts
            .iter()
            .filter(|p| !self.by_part.contains_key(&(epoch, p.shard, p.first)))
            .copied()
            .collect();
        if open.is_empty() {
            return;
        }
        let id = self.next_frame;
        self.next_frame += 1;
        let rows: u64 = open.iter().map(|p| u64::from(p.rows)).sum();
        if received {
            self.ledger.received += rows;
        } else {
            self.ledger.recovered += rows;
        }
        self.ledger.spooled += rows;
        for part in &open {
            self.by_part.insert((epoch, part.shard, part.first), id);
        }
        self.by_place.insert((at.segment, at.offset), id);
        self.segments.hold(at.segment, u64::from(at.bytes));
        let frame = Frame {
            at,
            epoch,
            open,
            sent: None,
        };
        self.frames.insert(id, frame);
    }

    /// The next unsent frames, at least one if there is any and `at_least_one`, of at most `budget` bytes together;
    /// they count as sent.
    pub(crate) fn take_unsent(&mut self, budget: u64, at_least_one: bool) -> Vec<Location> {
        let mut taken = Vec::new();
        let mut left = budget;
        for (id, frame) in self.frames.range_mut(self.cursor..) {
            let bytes = u64::from(frame.at.bytes);
            if frame.sent.is_none() {
                if bytes > left && !(taken.is_empty() && at_least_one) {
                    break;
                }
                left = left.saturating_sub(bytes);
                frame.sent = Some(self.round);
                let rows: u64 = frame.open.iter().map(|p| u64::from(p.rows)).sum();
                self.ledger.spooled -= rows;
                self.ledger.in_flight += rows;
                self.in_flight_bytes += bytes;
                taken.push(frame.at);
            }
            self.cursor = id + 1;
        }
        taken
    }

    /// The connection is gone: everything that is not acknowledged or noted is unsent again.
    pub(crate) fn unsend_all(&mut self) {
        for frame in self.frames.values_mut() {
            frame.sent = None;
        }
        self.descriptions.unsend_all();
        self.ledger.spooled += self.ledger.in_flight;
        self.ledger.in_flight = 0;
        self.in_flight_bytes = 0;
        self.cursor = 0;
    }

    /// Another round begins. Frames that were sent [`OVERDUE_ROUNDS`] rounds ago and are not closed are unsent again: a collector that
    /// could not have them written on enough disks in time says nothing of them. Gives their number.
    pub(crate) fn unsend_overdue(&mut self) -> usize {
        self.round += 1;
        let mut overdue = 0;
        for (id, frame) in &mut self.frames {
            if frame.sent.is_some_and(|sent| sent + OVERDUE_ROUNDS <= self.round) {
                frame.sent = None;
                let rows: u64 = frame.open.iter().map(|p| u64::from(p.rows)).sum();
                self.ledger.in_flight -= rows;
                self.ledger.spooled += rows;
                self.in_flight_bytes -= u64::from(frame.at.bytes);
                self.cursor = self.cursor.min(*id);
                overdue += 1;
            } else if frame.sent.is_none() && *id >= self.cursor {
                // What follows was never sent.
                break;
            }
        }
        overdue
    }

    /// The frames that are sent and not closed, two at most, and the number after the last of them.
    pub(crate) fn under_way(&self) -> (Vec<Location>, u64) {
        let sent = || self.frames.iter().filter(|(_, f)| f.sent.is_some());
        let after = sent().next_back().map_or(0, |(id, _)| id + 1);
        (sent().take(2).map(|(_, f)| f.at).collect(), after)
    }

    /// Number of the oldest frame that is not closed.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.frames.keys().next().copied()
    }

    /// A description was stored under its token.
    pub(crate) fn describe(&mut self, token: u64, segment: u64, message: Bytes) {
        let bytes = message.len() as u64;
        if self.descriptions.insert(token, segment, message) {
            self.segments.hold(segment, bytes);
        }
    }

    /// The collector has noted it, or it is superseded.
    pub(crate) fn noted(&mut self, token: u64) -> bool {
        let removed = self.descriptions.remove(token);
        if let Some((segment, bytes)) = removed {
            self.segments.release(segment, bytes);
        }
        removed.is_some()
    }

    /// Descriptions that are not sent, in order, so many that `n` at most are under way; they count as sent.
    pub(crate) fn take_undescribed(&mut self, n: usize) -> Vec<Bytes> {
        self.descriptions.take_unsent(n)
    }

    pub(crate) fn described(&self) -> impl Iterator<Item = (u64, &Bytes)> {
        self.descriptions.iter()
    }

    /// Segments other than the current one in which nothing lives; they are forgotten here and can be deleted.
    pub(crate) fn reap(&mut self, current: u64) -> Vec<u64> {
        self.segments.reap(current)
    }

    /// A segment that little lives in, not the current one, the oldest first.
    pub(crate) fn sparse(&self, current: u64) -> Option<u64> {
        self.segments.sparse(current)
    }

    /// Is anything in the segment wanted?
    pub(crate) fn is_alive(&self, segment: u64) -> bool {
        self.segments.is_alive(segment)
    }

    /// Frames and descriptions that live in a segment.
    pub(crate) fn living(&self, segment: u64) -> (Vec<Location>, Vec<(u64, Bytes)>) {
        let there = self.by_place.range((segment, 0)..=(segment, u64::MAX));
        let frames = there.filter_map(|(_, id)| Some(self.frames.get(id)?.at));
        (frames.collect(), self.descriptions.in_segment(segment))
    }

    /// A frame was copied.
    pub(crate) fn moved(&mut self, from: Location, to: Location) {
        let Some(id) = self.by_place.remove(&(from.segment, from.offset)) else {
            return;
        };
        if let Some(frame) = self.frames.get_mut(&id) {
            frame.at = to;
            self.by_place.insert((to.segment, to.offset), id);
            self.segments.release(from.segment, u64::from(from.bytes));
            self.segments.hold(to.segment, u64::from(to.bytes));
        }
    }

    /// A description was copied.
    pub(crate) fn described_moved(&mut self, token: u64, to: u64) {
        if let Some((from, bytes)) = self.descriptions.moved(token, to) {
            self.segments.release(from, bytes);
            self.segments.hold(to, bytes);
        }
    }
}
