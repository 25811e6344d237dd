//! Frames of which some sections count: the others are foreign.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Seq, Shard, TraceId};
use proptest::prelude::*;
use std::collections::BTreeSet;
use store::{Admission, FrameToStore, Store};
use support::{admissions, after, bucket_at, frame, frame_bytes, open, options, put, small_trace};
use wire::frame::{FrameBuilder, Gap, GapReason};

fn three() -> FrameToStore {
    let batch = |shard: u16| (shard, 1, small_trace(5 + u128::from(shard), 0));
    frame(1, 0, &[batch(0), batch(1), batch(2)])
}

fn events(store: &Store, trace: u128) -> usize {
    store.trace_rows(TraceId(trace)).unwrap().events.len()
}

/// Scenario: of three sections the second is chosen; then restart; then sealing. Guarantee: it alone is found, listed, counted and in
/// the digest, each time; the receipt speaks of it alone; the foreign ones are gone from the sealed run.
#[test]
fn a_section_that_was_not_chosen_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let receipt = store.append(vec![three().choosing(&[1, 9])]).unwrap();
    let sections = &receipt.frames[0].sections;
    assert_eq!(sections.len(), 1);
    assert_eq!((sections[0].shard, sections[0].first), (Shard(1), Seq(1)));
    assert_eq!(sections[0].admission, Admission::Stored);
    let digests = store.digests(bucket_at(0)).unwrap();
    let all = store::TraceFilter {
        limit: 9,
        ..store::TraceFilter::default()
    };
    for state in ["open", "opened again", "sealed", "sealed and opened again"] {
        assert_eq!(
            [events(&store, 5), events(&store, 6), events(&store, 7)],
            [0, 2, 0],
            "{state}"
        );
        assert_eq!(store.traces(&all).unwrap().len(), 1, "{state}");
        assert_eq!(store.digests(bucket_at(0)).unwrap(), digests, "{state}");
        assert_eq!(digests.keys().copied().collect::<Vec<_>>(), [Shard(1)]);
        let audit = store.audit().unwrap();
        assert_eq!(
            (
                audit.batches,
                audit.events,
                audit.missing_batches,
                audit.damaged_frames
            ),
            (1, 2, 0, 0),
            "{state}"
        );
        match state {
            "open" | "sealed" => {
                drop(store);
                store = open(dir.path());
            }
            "opened again" => store.keep_up(after(300)).unwrap(),
            _ => {}
        }
    }
    assert_eq!(store.stats().sealed_events, 2);
}

/// Scenario: the foreign sections are chosen later, by the same frame; then all of it; then none. Guarantee: new, then a duplicate, then
/// nothing.
#[test]
fn a_foreign_section_comes_as_new() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(put(&store, three().choosing(&[2])), [Admission::Stored]);
    assert_eq!(put(&store, three().choosing(&[2])), [Admission::Duplicate]);
    let both = three().choosing(&[2, 0, 0]);
    assert_eq!(put(&store, both), [Admission::Stored, Admission::Duplicate]);
    assert_eq!(
        [events(&store, 5), events(&store, 6), events(&store, 7)],
        [2, 0, 2]
    );
    let all = [Admission::Duplicate, Admission::Stored, Admission::Duplicate];
    assert_eq!(put(&store, three()), all);
    assert_eq!(put(&store, three()), [Admission::Duplicate; 3]);
    assert_eq!(put(&store, three().choosing(&[])), []);
    assert_eq!(store.audit().unwrap().batches, 3);
}

/// Scenario: a number whose events came otherwise while this frame's were foreign; the frame comes whole. Guarantee: a conflict, although the
/// frame itself is on disk.
#[test]
fn being_there_as_foreign_is_not_being_held() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, three().choosing(&[0]));
    put(&store, frame(1, 1, &[(1, 1, small_trace(99, 7))]));
    let expected = [Admission::Duplicate, Admission::Conflict, Admission::Stored];
    assert_eq!(put(&store, three()), expected);
    assert_eq!(
        put(&store, three()),
        [Admission::Duplicate, Admission::Conflict, Admission::Duplicate]
    );
}

/// Scenario: a gap and a batch in a frame; the batch is chosen. Guarantee: the gap is not listed as a loss.
#[test]
fn a_foreign_gap_is_no_loss() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let of = three();
    let d = of.digest();
    let mut b = FrameBuilder::new(d.producer, d.epoch, d.hlc, d.bucket);
    b.section(Shard(3), Seq(1), &small_trace(5, 0));
    let gap = Gap {
        last_seq: Seq(9),
        reason: GapReason::SpoolFull,
        events: 12,
    };
    b.gap(Shard(4), Seq(1), gap);
    let frame = FrameToStore::new(b.finish(wire::frame::Compression::Zstd).unwrap()).unwrap();
    assert_eq!(put(&store, frame.choosing(&[0])), [Admission::Stored]);
    assert!(store.losses(after(0), after(60)).unwrap().gaps.is_empty());
    assert_eq!(put(&store, frame), [Admission::Duplicate, Admission::Stored]);
    assert_eq!(store.losses(after(0), after(60)).unwrap().gaps.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Scenario: frames with random choices, in random order, some sealed between. Guarantee: what is held is the union of what was chosen:
    /// events, digests and the audit are those of a store that got each chosen batch in a frame of its own.
    #[test]
    fn what_is_held_is_what_was_chosen(choices in prop::collection::vec((0..4usize, 0..8u8, any::<bool>()), 1..14)) {
        let batch = |frame: usize, shard: u16| {
            (shard, frame as u64 + 1, small_trace(u128::from(shard) * 100 + frame as u128 + 1, frame as u64 * 1000))
        };
        let frames: Vec<FrameToStore> = (0..4)
            .map(|f| FrameToStore::new(frame_bytes(1, f as u64, &[batch(f, 0), batch(f, 1), batch(f, 2)])).unwrap())
            .collect();
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (store, model) = (Store::open(a.path(), options()).unwrap(), Store::open(b.path(), options()).unwrap());
        let mut held = BTreeSet::new();
        for (at, mask, seal) in choices {
            let positions: Vec<u16> = (0..3).filter(|bit| mask & 1 << bit != 0).collect();
            let receipt = store.append(vec![frames[at].choosing(&positions)]).unwrap();
            let expected: Vec<Admission> = positions
                .iter()
                .map(|shard| if held.insert((at, *shard)) { Admission::Stored } else { Admission::Duplicate })
                .collect();
            prop_assert_eq!(admissions(&receipt), expected);
            if seal {
                store.keep_up(after(300)).unwrap();
            }
        }
        for (at, shard) in &held {
            put(&model, frame(1, *at as u64, &[batch(*at, *shard)]));
        }
        for _ in 0..2 {
            prop_assert_eq!(store.digests(bucket_at(0)).unwrap(), model.digests(bucket_at(0)).unwrap());
            prop_assert_eq!(store.audit().unwrap(), model.audit().unwrap());
            store.keep_up(after(300)).unwrap();
        }
    }
}
