//! What is in the spool and where, what was sent, what was acknowledged. Pure: the files are `segment`'s.

use std::collections::BTreeMap;

use bytes::Bytes;
use event::{Epoch, Seq, Shard};
use wire::control::AckRange;

use super::ledger::{AgentDrop, Ledger};

/// Frames in the spool beyond which it counts as full: bounds the memory of this index.
const FRAMES_MAX: usize = 500_000;
/// Bytes of descriptions that wait to be noted, beyond which the spool counts as full.
const DESCRIPTION_BYTES_MAX: usize = 64 << 20;

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
    sent: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    bytes: u64,
    live: usize,
    live_bytes: u64,
}

#[derive(Clone, Debug)]
struct Described {
    segment: u64,
    message: Bytes,
    sent: bool,
}

/// Key of a part: frames are found by what acknowledgements name.
type PartKey = (Epoch, Shard, Seq);

/// A part that was given up, and where its frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) epoch: Epoch,
    pub(crate) part: Part,
    pub(crate) at: Location,
}

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    frames: BTreeMap<u64, Frame>,
    by_part: BTreeMap<PartKey, u64>,
    next_frame: u64,
    /// First frame that may be unsent.
    cursor: u64,
    segments: BTreeMap<u64, Segment>,
    described: BTreeMap<u64, Described>,
    described_bytes: usize,
    in_flight_bytes: u64,
    ledger: Ledger,
}

impl Index {
    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger
    }
    /// Bytes of all segment files.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.values().map(|s| s.bytes).sum()
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
            || self.described_bytes >= DESCRIPTION_BYTES_MAX
    }

    /// A segment file has grown to `bytes`.
    pub(crate) fn segment_bytes(&mut self, segment: u64, bytes: u64) {
        self.segments.entry(segment).or_default().bytes = bytes;
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
        let segment = self.segments.entry(at.segment).or_default();
        segment.live += 1;
        segment.live_bytes += u64::from(at.bytes);
        self.frames.insert(
            id,
            Frame {
                at,
                epoch,
                open,
                sent: false,
            },
        );
    }

    /// The next unsent frames, at least one if there is any and `at_least_one`, of at most `budget` bytes together;
    /// they count as sent.
    pub(crate) fn take_unsent(&mut self, budget: u64, at_least_one: bool) -> Vec<Location> {
        let mut taken = Vec::new();
        let mut left = budget;
        for (id, frame) in self.frames.range_mut(self.cursor..) {
            let bytes = u64::from(frame.at.bytes);
            if !frame.sent {
                if bytes > left && !(taken.is_empty() && at_least_one) {
                    break;
                }
                left = left.saturating_sub(bytes);
                frame.sent = true;
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
            frame.sent = false;
        }
        for described in self.described.values_mut() {
            described.sent = false;
        }
        self.ledger.spooled += self.ledger.in_flight;
        self.ledger.in_flight = 0;
        self.in_flight_bytes = 0;
        self.cursor = 0;
    }

    /// These are on the collector's disks. Returns the events among them that were still open.
    pub(crate) fn ack(&mut self, range: AckRange) -> u64 {
        let closed = self.close(range);
        let events = closed.iter().map(|c| u64::from(c.part.rows)).sum();
        self.ledger.acked += events;
        events
    }

    /// These are given up.
    pub(crate) fn give_up(&mut self, range: AckRange, reason: AgentDrop) -> Vec<GivenUp> {
        let closed = self.close(range);
        self.ledger
            .drop(reason, closed.iter().map(|c| u64::from(c.part.rows)).sum());
        closed
    }

    /// All parts of the frame at `at` are given up.
    pub(crate) fn give_up_frame(&mut self, at: Location, reason: AgentDrop) -> Vec<GivenUp> {
        let found = self
            .frames
            .values()
            .find(|f| f.at == at)
            .map(|f| (f.epoch, f.open.clone()));
        let Some((epoch, parts)) = found else {
            return Vec::new();
        };
        parts
            .into_iter()
            .flat_map(|p| {
                self.give_up(
                    AckRange {
                        epoch,
                        shard: p.shard,
                        first: p.first,
                        last: p.last,
                    },
                    reason,
                )
            })
            .collect()
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
            let Some(i) = frame
                .open
                .iter()
                .position(|p| (p.shard, p.first) == (key.1, key.2))
            else {
                continue;
            };
            if frame.open[i].last > range.last {
                continue;
            }
            let part = frame.open.swap_remove(i);
            self.by_part.remove(&key);
            let rows = u64::from(part.rows);
            if frame.sent {
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
                let (at, sent) = (frame.at, frame.sent);
                self.frames.remove(&id);
                if sent {
                    self.in_flight_bytes -= u64::from(at.bytes);
                }
                self.release(at.segment, u64::from(at.bytes));
            }
        }
        closed
    }

    fn release(&mut self, segment: u64, bytes: u64) {
        if let Some(segment) = self.segments.get_mut(&segment) {
            segment.live = segment.live.saturating_sub(1);
            segment.live_bytes = segment.live_bytes.saturating_sub(bytes);
        }
    }

    /// A description was stored under its token.
    pub(crate) fn describe(&mut self, token: u64, segment: u64, message: Bytes) {
        let bytes = message.len();
        if self
            .described
            .insert(
                token,
                Described {
                    segment,
                    message,
                    sent: false,
                },
            )
            .is_none()
        {
            self.described_bytes += bytes;
            let segment = self.segments.entry(segment).or_default();
            segment.live += 1;
            segment.live_bytes += bytes as u64;
        }
    }

    /// The collector has noted it, or it is superseded.
    pub(crate) fn noted(&mut self, token: u64) -> bool {
        let Some(described) = self.described.remove(&token) else {
            return false;
        };
        self.described_bytes -= described.message.len();
        self.release(described.segment, described.message.len() as u64);
        true
    }

    /// Descriptions that are not sent, in order, so many that `n` at most are under way; they count as sent.
    pub(crate) fn take_undescribed(&mut self, n: usize) -> Vec<Bytes> {
        let under_way = self.described.values().filter(|d| d.sent).count();
        let unsent = self
            .described
            .values_mut()
            .filter(|d| !d.sent)
            .take(n.saturating_sub(under_way));
        unsent
            .map(|d| {
                d.sent = true;
                d.message.clone()
            })
            .collect()
    }

    pub(crate) fn described(&self) -> impl Iterator<Item = (u64, &Bytes)> {
        self.described.iter().map(|(token, d)| (*token, &d.message))
    }

    /// Segments other than the current one in which nothing lives; they are forgotten here and can be deleted.
    pub(crate) fn reap(&mut self, current: u64) -> Vec<u64> {
        let dead: Vec<u64> = self
            .segments
            .iter()
            .filter(|(id, s)| **id != current && s.live == 0)
            .map(|(id, _)| *id)
            .collect();
        for id in &dead {
            self.segments.remove(id);
        }
        dead
    }

    /// A segment that little lives in (a quarter of its bytes or less), not the current one, the oldest first.
    pub(crate) fn sparse(&self, current: u64) -> Option<u64> {
        let sparse = |s: &Segment| s.live > 0 && s.live_bytes * 4 <= s.bytes;
        self.segments
            .iter()
            .find(|(id, s)| **id != current && sparse(s))
            .map(|(id, _)| *id)
    }

    /// Frames and descriptions that live in a segment.
    pub(crate) fn living(&self, segment: u64) -> (Vec<Location>, Vec<(u64, Bytes)>) {
        let frames = self
            .frames
            .values()
            .filter(|f| f.at.segment == segment)
            .map(|f| f.at)
            .collect();
        let described = self.described.iter().filter(|(_, d)| d.segment == segment);
        (
            frames,
            described.map(|(token, d)| (*token, d.message.clone())).collect(),
        )
    }

    /// A frame was copied.
    pub(crate) fn moved(&mut self, from: Location, to: Location) {
        let Some(frame) = self.frames.values_mut().find(|f| f.at == from) else {
            return;
        };
        frame.at = to;
        self.release(from.segment, u64::from(from.bytes));
        let segment = self.segments.entry(to.segment).or_default();
        segment.live += 1;
        segment.live_bytes += u64::from(to.bytes);
    }

    /// A description was copied.
    pub(crate) fn described_moved(&mut self, token: u64, to: u64) {
        let Some(described) = self.described.get_mut(&token) else {
            return;
        };
        let bytes = described.message.len() as u64;
        let from = std::mem::replace(&mut described.segment, to);
        self.release(from, bytes);
        let segment = self.segments.entry(to).or_default();
        segment.live += 1;
        segment.live_bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(shard: u16, first: u64, last: u64) -> AckRange {
        AckRange {
            epoch: Epoch(1),
            shard: Shard(shard),
            first: Seq(first),
            last: Seq(last),
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Store(u32),
        Send(u64),
        Ack(u16, u64, u64),
        Lose,
        GiveUp(u16, u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1..9_u32).prop_map(Step::Store),
            (0..500_u64).prop_map(Step::Send),
            (0..3_u16, 1..40_u64, 1..40_u64).prop_map(|(s, a, b)| Step::Ack(s, a, b)),
            Just(Step::Lose),
            (0..3_u16, 1..40_u64).prop_map(|(s, a)| Step::GiveUp(s, a)),
        ];
        prop::collection::vec(step, 0..80)
    }

    proptest! {
        /// Guarantee: after any steps the law holds, and what was not closed is sent again after a loss.
        #[test]
        fn conservation(steps in steps()) {
            let mut index = Index::default();
            let mut next = [1_u64; 3];
            let mut offset = 0;
            for step in steps {
                match step {
                    Step::Store(rows) => {
                        let parts: Vec<Part> = (0..3_u16).filter(|s| (rows >> s) & 1 == 1).map(|s| {
                            let seq = Seq(next[usize::from(s)]);
                            next[usize::from(s)] += 1;
                            Part { shard: Shard(s), first: seq, last: seq, rows, gap: false }
                        }).collect();
                        offset += 100;
                        index.insert(Location { segment: offset / 500, offset, bytes: 100 }, Epoch(1), &parts, true);
                    }
                    Step::Send(budget) => { index.take_unsent(budget, true); }
                    Step::Ack(s, a, b) => { index.ack(range(s, a, b)); }
                    Step::Lose => index.unsend_all(),
                    Step::GiveUp(s, a) => { index.give_up(range(s, a, a), AgentDrop::Rejected); }
                }
                prop_assert!(index.ledger().is_balanced(), "{:?}", index.ledger());
            }
            index.unsend_all();
            let open = index.frames();
            prop_assert_eq!(index.take_unsent(u64::MAX, false).len(), open);
            for s in 0..3 { index.ack(range(s, 1, u64::MAX)); }
            let ledger = index.ledger();
            prop_assert_eq!((index.frames(), index.in_flight_bytes(), ledger.in_flight, ledger.spooled), (0, 0, 0, 0));
            prop_assert!(ledger.is_balanced());
            index.reap(u64::MAX);
            prop_assert!(index.segments.is_empty());
        }
    }
}
