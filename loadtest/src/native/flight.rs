//! Frames that are under way on one session: in order, until every batch of them is acknowledged. Pure.

use std::collections::BTreeMap;
use std::time::Instant;

use event::{Seq, Shard};
use wire::control::AckRange;

use super::encoder::Frame;

/// A frame that waits for its acknowledgement.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The frame.
    pub(crate) frame: Frame,
    /// When it was due.
    pub(crate) due: Instant,
    left: usize,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    frames: BTreeMap<u64, Waiting>,
    of_batch: BTreeMap<(Shard, Seq), u64>,
    next: u64,
    bytes: u64,
}

impl Flight {
    /// A frame is sent. Its number, for [`Flight::get`].
    pub(crate) fn add(&mut self, frame: Frame, due: Instant) -> u64 {
        let number = self.next;
        self.next += 1;
        self.bytes += frame.bytes.len() as u64;
        for part in &frame.parts {
            self.of_batch.insert(*part, number);
        }
        let left = frame.parts.len();
        self.frames.insert(number, Waiting { frame, due, left });
        number
    }

    /// A frame that is under way.
    pub(crate) fn get(&self, number: u64) -> Option<&Waiting> {
        self.frames.get(&number)
    }

    /// Bytes under way.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Nothing under way?
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Numbers of all frames, oldest first: what is sent again on a new connection.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.frames.keys().copied().collect()
    }

    /// Batches are on disk, or refused: frames of which nothing is left. Unknown batches are passed over.
    pub(crate) fn close(&mut self, range: &AckRange) -> Vec<Waiting> {
        // A range may also name batches that were closed before: after a new connection, more than are under way.
        let named = (range.shard, range.first)..=(range.shard, range.last.max(range.first));
        let batches: Vec<(Shard, Seq)> = self.of_batch.range(named).map(|(batch, _)| *batch).collect();
        let mut closed = Vec::new();
        for batch in batches {
            let Some(number) = self.of_batch.remove(&batch) else {
                continue;
            };
            let Some(waiting) = self.frames.get_mut(&number) else {
                continue;
            };
            waiting.left -= 1;
            if waiting.left == 0
                && let Some(waiting) = self.frames.remove(&number)
            {
                self.bytes -= waiting.frame.bytes.len() as u64;
                closed.push(waiting);
            }
        }
        closed
    }

    /// Gives up everything.
    pub(crate) fn clear(&mut self) -> u64 {
        let events = self.frames.values().map(|w| w.frame.events).sum();
        *self = Self {
            next: self.next,
            ..Self::default()
        };
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{Epoch, TraceId};

    fn frame(parts: &[(u16, u64)]) -> Frame {
        Frame {
            bytes: vec![0; 10],
            parts: parts
                .iter()
                .map(|(shard, seq)| (Shard(*shard), Seq(*seq)))
                .collect(),
            events: 5,
            trace: TraceId(1),
        }
    }

    fn range(shard: u16, first: u64, last: u64) -> AckRange {
        AckRange {
            epoch: Epoch(1),
            shard: Shard(shard),
            first: Seq(first),
            last: Seq(last),
        }
    }

    /// Scenario: two frames over two shards; acknowledgements by shard, one twice, one of what was never sent. Guarantee: a frame is
    /// done when its last batch is, once; bytes under way follow.
    #[test]
    fn a_frame_is_done_with_its_last_batch() {
        let (mut flight, now) = (Flight::default(), Instant::now());
        flight.add(frame(&[(1, 1), (2, 1)]), now);
        flight.add(frame(&[(1, 2)]), now);
        assert_eq!(flight.bytes(), 20);
        assert_eq!(flight.close(&range(1, 1, 2)).len(), 1);
        assert!(flight.close(&range(1, 1, u64::MAX)).is_empty());
        assert!(flight.close(&range(9, 1, 5)).is_empty());
        assert_eq!((flight.bytes(), flight.numbers()), (10, vec![0]));
        assert_eq!(flight.close(&range(2, 1, 1)).len(), 1);
        assert!(flight.is_empty() && flight.bytes() == 0);
        flight.add(frame(&[(3, 1)]), now);
        assert_eq!((flight.clear(), flight.bytes(), flight.is_empty()), (5, 0, true));
    }

    /// Scenario: 98 of a hundred batches are acknowledged, then all hundred in one range, as after a new connection. Guarantee: the two
    /// that were left are done.
    #[test]
    fn a_range_may_name_what_is_done() {
        let (mut flight, now) = (Flight::default(), Instant::now());
        for seq in 1..=100 {
            flight.add(frame(&[(4, seq)]), now);
        }
        assert_eq!(flight.close(&range(4, 1, 98)).len(), 98);
        assert_eq!(flight.close(&range(4, 1, 100)).len(), 2);
        assert!(flight.is_empty());
    }
}
