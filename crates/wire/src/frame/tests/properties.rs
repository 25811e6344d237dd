//! For all events and all bytes.

use event::{Bucket, Epoch, Event, Hlc, NodeInfo, NodeKey, Producer, Seq, Shard};
use proptest::prelude::*;

use super::super::*;
use super::event;
use super::version_1::FrameBuilder1;

macro_rules! build {
    ($builder:ident, $batches:expr, $gap:expr, $compression:expr) => {{
        let mut frame = $builder::new(Producer(7), Epoch(3), Hlc(11), Bucket(5));
        frame.node(NodeInfo {
            key: NodeKey(1),
            creation: 9,
            name: "shop@host".into(),
        });
        for (i, batch) in $batches.iter().enumerate() {
            frame.section(Shard(i as u16), Seq(i as u64 + 1), batch);
        }
        frame.gap(Shard(99), Seq(4), $gap);
        frame.finish($compression).unwrap()
    }};
}

fn build(batches: &[Vec<Event>], gap: Gap, (version, compression): (u16, Compression)) -> Vec<u8> {
    if version == VERSION {
        build!(FrameBuilder1, batches, gap, compression)
    } else {
        build!(FrameBuilder, batches, gap, compression)
    }
}

/// What the builder promises: traces in order of first appearance, a trace's events in their order.
fn grouped(events: &[Event]) -> Vec<Event> {
    let mut order = Vec::new();
    for e in events {
        if !order.contains(&e.trace) {
            order.push(e.trace);
        }
    }
    order
        .iter()
        .flat_map(|t| events.iter().filter(move |e| e.trace == *t).cloned())
        .collect()
}

/// Both versions, with and without compression.
fn compression() -> impl Strategy<Value = (u16, Compression)> {
    let compression = prop_oneof![Just(Compression::None), Just(Compression::Zstd)];
    (prop_oneof![Just(VERSION), Just(VERSION_COLUMNS)], compression)
}

fn batches() -> impl Strategy<Value = Vec<Vec<Event>>> {
    proptest::collection::vec(proptest::collection::vec(event(), 0..12), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Scenario: any batches and a gap, both compressions. Guarantee: decode gives them back, grouped by trace.
    #[test]
    fn frames_come_back(batches in batches(), compression in compression(), last: u32, events: u64) {
        let gap = Gap { last_seq: Seq(4 + u64::from(last)), reason: GapReason::SpoolFull, events };
        let bytes = build(&batches, gap, compression);
        let frame = decode(&bytes).unwrap();
        prop_assert_eq!(frame.header, peek_header(&bytes).unwrap());
        prop_assert_eq!(frame.header.frame_len(), bytes.len());
        prop_assert_eq!(frame.header.events as usize, batches.iter().map(Vec::len).sum::<usize>());
        prop_assert_eq!(frame.sections.len(), batches.len() + 1);
        for (i, (section, batch)) in frame.sections.iter().zip(&batches).enumerate() {
            prop_assert_eq!(section.shard, Shard(i as u16));
            prop_assert_eq!(section.seq, Seq(i as u64 + 1));
            let expected = grouped(batch);
            prop_assert_eq!(section.events(), expected.as_slice());
        }
        prop_assert_eq!(&frame.sections[batches.len()].body, &SectionBody::Gap(gap));
    }

    /// Scenario: any batch. Guarantee: the directory's trace ranges say which rows are whose.
    #[test]
    fn trace_ranges_are_right(batch in proptest::collection::vec(event(), 1..40), version in compression()) {
        let gap = Gap { last_seq: Seq(4), reason: GapReason::Rejected, events: 0 };
        let bytes = build(&[batch], gap, version);
        let directory = decode_directory(&bytes).unwrap();
        let entry = &directory.sections()[0];
        let rows = directory.rows(entry).unwrap();
        let mut next = 0;
        for range in &entry.traces {
            prop_assert_eq!(range.first_row, next);
            next += range.rows;
            for row in &rows[range.first_row as usize..next as usize] {
                prop_assert_eq!(row.trace, range.trace);
            }
        }
        prop_assert_eq!(next as usize, rows.len());
    }

    /// Scenario: any bytes. Guarantee: an error, never a panic.
    #[test]
    fn any_bytes_are_refused(mut data: Vec<u8>) {
        prop_assert!(decode(&data).is_err());
        data.splice(0..0, *b"ESF1\x01\x00\x00\x00");
        let _ = seal(&mut data);
        prop_assert!(decode(&data).is_err());
    }

    /// Scenario: a valid frame with some bytes changed or cut and the checksum made right again. Guarantee: a frame
    /// or an error, never a panic; and without the new checksum, an error.
    #[test]
    fn changed_frames_are_read_or_refused(
        batches in batches(),
        compression in compression(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let gap = Gap { last_seq: Seq(4), reason: GapReason::SpoolCorrupt, events: 1 };
        let whole = build(&batches, gap, compression);
        let mut bytes = whole.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if bytes != whole {
            prop_assert!(decode(&bytes).is_err());
        }
        if let Some(cut) = cut {
            bytes.truncate(HEADER_BYTES + cut.index(bytes.len() - HEADER_BYTES + 1));
            let len = (bytes.len() - HEADER_BYTES) as u32;
            bytes[44..48].copy_from_slice(&len.to_le_bytes());
        }
        seal(&mut bytes).unwrap();
        if let Ok(frame) = decode(&bytes) {
            prop_assert!(frame.events().count() <= EVENTS_MAX);
        }
    }
}
