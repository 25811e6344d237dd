//! Events of many frames in blocks: all of them, each with its identity.

use std::collections::BTreeMap;

use event::{Bucket, Epoch, Event, EventIdentity, Hlc, Producer, Shard, TraceId};
use proptest::prelude::*;

use super::{frame, program};
use crate::events::{BlockOrder, EventBuilder, EventFrame, Packer, content_hash, upgrade};
use crate::frame::{Cut, decode, decode_directory};

const CUT: Cut = Cut {
    producer: Producer(0),
    epoch: Epoch(0),
    hlc: Hlc(1),
    bucket: Bucket(5),
};

/// All events of frames by identity.
fn by_identity(frames: &[Vec<u8>]) -> BTreeMap<EventIdentity, Event> {
    let mut all = BTreeMap::new();
    for bytes in frames {
        let frame = decode(bytes).unwrap();
        for section in &frame.sections {
            for (row, event) in (0u32..).zip(section.events()) {
                let identity = EventIdentity {
                    producer: frame.header.producer,
                    epoch: frame.header.epoch,
                    shard: section.shard,
                    seq: section.seq,
                    row,
                };
                assert!(all.insert(identity, event.clone()).is_none());
            }
        }
    }
    all
}

fn blocks(builder: &EventBuilder, events: usize, order: BlockOrder) -> Vec<Vec<u8>> {
    let sorted = builder.sorted(order);
    let mut packer = Packer::default();
    let cuts = sorted.cuts(events);
    cuts.into_iter()
        .map(|cut| sorted.encode(cut, CUT, &mut packer).unwrap())
        .collect()
}

/// Are the blocks in that order, by what it promises?
fn in_order(blocks: &[Vec<u8>], order: BlockOrder) -> bool {
    let mut places = Vec::new();
    for bytes in blocks {
        let block = EventFrame::open(bytes).unwrap();
        let (traces, runs) = (block.traces().unwrap(), block.runs().unwrap());
        let loose = traces.iter().filter(|of| of.trace == TraceId(0)).count();
        if order == BlockOrder::Shard && ![0, traces.len()].contains(&loose) {
            return false;
        }
        for of in &traces {
            let runs = &runs[of.runs.start as usize..of.runs.end as usize];
            places.extend(runs.iter().map(|run| match order {
                BlockOrder::Trace => (false, Shard(0), of.trace),
                BlockOrder::Shard => (of.trace != TraceId(0), run.shard, of.trace),
            }));
        }
    }
    places.is_sorted()
}

/// All events of blocks by identity, read trace by trace.
fn of_blocks(blocks: &[Vec<u8>]) -> BTreeMap<EventIdentity, Event> {
    let mut all = BTreeMap::new();
    for bytes in blocks {
        let block = EventFrame::open(bytes).unwrap();
        let (traces, runs) = (block.traces().unwrap(), block.runs().unwrap());
        let mut events = Vec::new();
        for trace in &traces {
            block.trace_events(trace, &runs, &mut events).unwrap();
        }
        let whole = block.events().unwrap();
        assert_eq!(
            whole,
            events.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>()
        );
        for (identity, event) in events {
            assert!(all.insert(identity, event).is_none());
        }
    }
    all
}

fn batches() -> impl Strategy<Value = Vec<Vec<Event>>> {
    proptest::collection::vec(program(), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Scenario: batches of several frames of two producers, merged into blocks in either order, those merged again. Guarantee: every event is
    /// in the blocks once, unchanged, under its identity, where the order has it.
    #[test]
    fn events_in_events_out(some in batches(), others in batches(), more in batches(), events in 1usize..60, by_shard: bool) {
        let order = if by_shard { BlockOrder::Shard } else { BlockOrder::Trace };
        let frames = [frame(7, 1, &some), frame(7, 10, &others), frame(9, 1, &more)];
        let expected = by_identity(&frames);
        let mut builder = EventBuilder::new(1);
        for frame in &frames {
            builder.append(&EventFrame::open(frame).unwrap(), |_| true).unwrap();
        }
        prop_assert_eq!(builder.len(), expected.len());
        let made = blocks(&builder, events, order);
        prop_assert_eq!(&of_blocks(&made), &expected);
        prop_assert!(in_order(&made, order));
        let mut again = EventBuilder::new(2);
        for block in &made {
            again.append(&EventFrame::open(block).unwrap(), |_| true).unwrap();
            again.append(&EventFrame::open(block).unwrap(), |_| true).unwrap();
        }
        prop_assert_eq!(&of_blocks(&blocks(&again, 1000, order)), &expected);
    }

    /// Scenario: rows of several shards, blocks by shard. Guarantee: no block that has half of its rows before another shard begins goes on with that.
    #[test]
    fn a_shard_begins_its_block(some in batches(), others in batches(), events in 2usize..30) {
        let mut builder = EventBuilder::new(1);
        for frame in [frame(7, 1, &some), frame(9, 1, &others)] {
            builder.append(&EventFrame::open(&frame).unwrap(), |_| true).unwrap();
        }
        for block in blocks(&builder, events, BlockOrder::Shard) {
            let runs = EventFrame::open(&block).unwrap().runs().unwrap();
            let mut before = 0;
            for two in runs.windows(2) {
                before += two[0].rows as usize;
                prop_assert!(two[0].shard == two[1].shard || before < events.div_ceil(2), "{before} rows, then another shard");
            }
        }
    }

    /// Scenario: of a frame's sections some are wanted. Guarantee: the events of these are taken, no others.
    #[test]
    fn unwanted_sections_stay_away(some in batches(), mask: u8) {
        let bytes = frame(7, 1, &some);
        let wanted = |at: usize| mask >> at & 1 == 1;
        let mut builder = EventBuilder::new(1);
        builder.append(&EventFrame::open(&bytes).unwrap(), wanted).unwrap();
        let mut expected = by_identity(&[bytes]);
        expected.retain(|identity, _| wanted(usize::from(identity.shard.0)));
        prop_assert_eq!(&of_blocks(&blocks(&builder, 30, BlockOrder::Shard)), &expected);
    }

    /// Scenario: a trace of a frame or a block, asked for alone. Guarantee: its events with their identities, as in the whole.
    #[test]
    fn one_trace_alone(some in batches(), others in batches(), trace in 0..5u128) {
        let frames = [frame(7, 1, &some), frame(8, 1, &others)];
        let mut expected = by_identity(&frames);
        expected.retain(|_, event| event.trace.0 == trace);
        let read = |bytes: &Vec<u8>| EventFrame::open(bytes).unwrap().trace(TraceId(trace)).unwrap();
        let found: BTreeMap<_, _> = frames.iter().flat_map(read).collect();
        prop_assert_eq!(&found, &expected);
        let mut builder = EventBuilder::new(1);
        for frame in &frames {
            builder.append(&EventFrame::open(frame).unwrap(), |_| true).unwrap();
        }
        let found: BTreeMap<_, _> = blocks(&builder, 50, BlockOrder::Trace).iter().flat_map(read).collect();
        prop_assert_eq!(&found, &expected);
    }

    /// Scenario: a batch, alone in a frame and behind others, and with one field of one event changed. Guarantee: one content hash
    /// wherever it is, that of its events; another one for other events.
    #[test]
    fn content_is_of_the_events(some in batches(), batch in program(), other in program()) {
        let alone = frame(7, 1, std::slice::from_ref(&batch));
        let mut behind = some.clone();
        behind.push(batch);
        behind.push(other.clone());
        let behind = frame(7, 1, &behind);
        let (alone, behind) = (EventFrame::open(&alone).unwrap(), EventFrame::open(&behind).unwrap());
        let hashes = behind.content_hashes().unwrap();
        let hash = alone.content_hashes().unwrap()[0];
        prop_assert_eq!(hash, hashes[some.len()]);
        prop_assert_eq!(hash, content_hash(&alone.events().unwrap()));
        let events = (alone.events().unwrap(), behind.events().unwrap());
        prop_assert_eq!(hash == hashes[some.len() + 1], events.0 == events.1[events.1.len() - other.len()..]);
    }
}

/// Scenario: a frame of version 1. Guarantee: upgraded it says the same and is the same each time.
#[test]
fn version_1_is_upgraded() {
    let old = include_bytes!("../../../../../docs/examples/frame-1.bin");
    let new = upgrade(old).unwrap();
    assert_eq!(new, upgrade(old).unwrap());
    assert_eq!(new, upgrade(&new).unwrap());
    let (old, new) = (decode(old).unwrap(), decode(&new).unwrap());
    assert_eq!((old.nodes, old.sections), (new.nodes, new.sections));
    assert_eq!(
        (old.header.producer, old.header.epoch),
        (new.header.producer, new.header.epoch)
    );
    assert_eq!(
        (old.header.hlc, old.header.bucket),
        (new.header.hlc, new.header.bucket)
    );
    let again = decode_directory(include_bytes!("../../../../../docs/examples/frame-1.bin")).unwrap();
    assert_eq!(again.sections().len(), 2);
}
