//! Events become frames: a section a shard, numbered without holes. Pure.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU16;

use event::{Bucket, Epoch, Event, Hlc, NodeInfo, NodeKey, Producer, Seq, Shard};
use placement::shard_of_event;
use wire::control::AckRange;
use wire::frame::{Compression, FrameBuilder, FrameTooLarge, Gap, GapReason};

use crate::spool::{NewFrame, Part};

/// Cuts frames for one producer in one epoch.
#[derive(Debug)]
pub(crate) struct Batcher {
    producer: Producer,
    epoch: Epoch,
    next: BTreeMap<Shard, u64>,
    nodes: HashMap<NodeKey, NodeInfo>,
}

impl Batcher {
    pub(crate) fn new(producer: Producer, epoch: Epoch) -> Self {
        Self {
            producer,
            epoch,
            next: BTreeMap::new(),
            nodes: HashMap::new(),
        }
    }

    /// A node's name.
    pub(crate) fn name(&mut self, node: NodeInfo) {
        self.nodes.insert(node.key, node);
    }

    /// No event of this node will come. (A collector takes no frame with a node that has no name.)
    pub(crate) fn forget(&mut self, node: NodeKey) {
        self.nodes.remove(&node);
    }

    /// Frames of these events: one, unless it would be too large.
    pub(crate) fn cut(
        &mut self,
        events: &[Event],
        shards: NonZeroU16,
        hlc: Hlc,
        bucket: Bucket,
    ) -> Result<Vec<NewFrame>, FrameTooLarge> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        match self.cut_one(events, shards, hlc, bucket) {
            Ok(frame) => Ok(vec![frame]),
            Err(error) if events.len() < 2 => Err(error),
            Err(_) => {
                let (left, right) = events.split_at(events.len() / 2);
                let mut frames = self.cut(left, shards, hlc, bucket)?;
                frames.extend(self.cut(right, shards, hlc, bucket)?);
                Ok(frames)
            }
        }
    }

    fn cut_one(
        &mut self,
        events: &[Event],
        shards: NonZeroU16,
        hlc: Hlc,
        bucket: Bucket,
    ) -> Result<NewFrame, FrameTooLarge> {
        let mut by_shard: Vec<(Shard, &Event)> = Vec::with_capacity(events.len());
        for run in events
            .chunk_by(|a, b| a.trace == b.trace && (a.trace.0 != 0 || (a.node, a.pid) == (b.node, b.pid)))
        {
            let Some(first) = run.first() else { continue };
            let shard = shard_of_event(first.trace, first.node, first.pid, shards);
            by_shard.extend(run.iter().map(|event| (shard, event)));
        }
        // Stable: the events of a trace, and of a process, stay in their order.
        by_shard.sort_by_key(|(shard, _)| *shard);
        let mut builder = FrameBuilder::new(self.producer, self.epoch, hlc, bucket);
        for node in events
            .chunk_by(|a, b| a.node == b.node)
            .filter_map(|run| run.first())
        {
            if let Some(info) = self.nodes.get(&node.node) {
                builder.node(info.clone());
            }
        }
        let mut parts = Vec::new();
        for events in by_shard.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((shard, _)) = events.first().copied() else {
                continue;
            };
            let seq = Seq(self.next.get(&shard).copied().unwrap_or(1));
            builder.section(shard, seq, events.iter().map(|(_, event)| *event));
            parts.push(Part {
                shard,
                first: seq,
                last: seq,
                rows: events.len() as u32,
                gap: false,
            });
        }
        let bytes = builder.finish(Compression::Zstd)?;
        for part in &parts {
            self.next.insert(part.shard, part.last.0 + 1);
        }
        Ok(NewFrame {
            bytes,
            epoch: self.epoch,
            parts,
        })
    }

    /// A frame that says that these seqs, of one epoch, are given up. `events` of each, 0 = not known.
    pub(crate) fn gaps(
        &self,
        epoch: Epoch,
        gaps: &[(AckRange, u64)],
        reason: GapReason,
        hlc: Hlc,
        bucket: Bucket,
    ) -> Result<NewFrame, FrameTooLarge> {
        let mut builder = FrameBuilder::new(self.producer, epoch, hlc, bucket);
        let mut parts = Vec::with_capacity(gaps.len());
        for (range, events) in gaps {
            builder.gap(
                range.shard,
                range.first,
                Gap {
                    last_seq: range.last,
                    reason,
                    events: *events,
                },
            );
            parts.push(Part {
                shard: range.shard,
                first: range.first,
                last: range.last,
                rows: 0,
                gap: true,
            });
        }
        Ok(NewFrame {
            bytes: builder.finish(Compression::None)?,
            epoch,
            parts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{EventId, EventKind, Micros, Pid, TraceId};
    use proptest::prelude::*;
    use wire::frame::decode;

    pub(crate) fn event(id: u64, trace: u128, payload: usize) -> Event {
        Event {
            id: EventId(id),
            hlc: Hlc(id),
            time: Micros(id),
            pid: Pid(1),
            trace: TraceId(trace),
            payload: (0..payload)
                .map(|i| (blake3::hash(&(i as u64 ^ id).to_le_bytes()).as_bytes())[0])
                .collect(),
            ..Event::blank(EventKind::Call, NodeKey(5))
        }
    }

    proptest! {
        /// Guarantee: every event is in exactly one frame; seqs of a shard are 1, 2, 3 ... over all frames.
        #[test]
        fn nothing_lost_nothing_twice(cuts in prop::collection::vec(prop::collection::vec(0..50_u128, 1..40), 1..6)) {
            let mut batcher = Batcher::new(Producer(1), Epoch(1));
            let shards = NonZeroU16::new(8).unwrap();
            let mut next: BTreeMap<Shard, u64> = BTreeMap::new();
            let (mut ids, mut expected, mut id) = (Vec::new(), Vec::new(), 0);
            for cut in cuts {
                let events: Vec<Event> = cut.iter().map(|t| { id += 1; event(id, *t, 0) }).collect();
                expected.extend(events.iter().map(|e| e.id.0));
                for new in batcher.cut(&events, shards, Hlc(1), Bucket(1)).unwrap() {
                    let frame = decode(&new.bytes).unwrap();
                    prop_assert_eq!(frame.sections.len(), new.parts.len());
                    for (section, part) in frame.sections.iter().zip(&new.parts) {
                        let want = next.entry(section.shard).or_insert(1);
                        prop_assert_eq!((section.seq, part.first.0), (Seq(*want), *want));
                        *want += 1;
                        ids.extend(section.events().iter().map(|e| e.id.0));
                    }
                }
            }
            ids.sort_unstable();
            prop_assert_eq!(ids, expected);
        }
    }

    /// Scenario: 6 MiB that cannot be compressed. Guarantee: several frames, each within the limit.
    #[test]
    fn too_large_is_split() {
        let events: Vec<Event> = (1..=96).map(|i| event(i, 1, 65_536)).collect();
        let mut batcher = Batcher::new(Producer(1), Epoch(1));
        let frames = batcher
            .cut(&events, NonZeroU16::new(4).unwrap(), Hlc(1), Bucket(1))
            .unwrap();
        assert!(frames.len() > 1);
        let rows: usize = frames
            .iter()
            .map(|f| decode(&f.bytes).unwrap().events().count())
            .sum();
        assert_eq!(rows, 96);
    }
}
