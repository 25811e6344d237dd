//! What replication asks of a disk: what is synced, batches as frames of their own, hints, map and marker.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Bucket, Epoch, Event, EventIdentity, EventKind, NodeKey, Seq, Shard, TraceId};
use placement::batch_digest;
use proptest::prelude::*;
use std::collections::BTreeMap;
use store::{Admission, CutFrame, FORMAT, FORMAT_LEAST, FrameToStore, HeldSection, Hint, Marker, Store};
use support::{
    PRODUCER, SHARDS, after, bucket_at, event, frame, is_of, node, open, open_in, put, small_trace,
};
use wire::frame::{Compression, FrameBuilder, Gap, GapReason};

/// All batches of a store, by asking as a peer asks: buckets, sources, lists in pages of two. Checks that the digests fit each other.
fn batches(store: &Store) -> Vec<HeldSection> {
    let mut all = Vec::new();
    for shard in (0..SHARDS.get()).map(Shard) {
        for (bucket, of_bucket) in store.synced().buckets(shard) {
            assert_eq!(store.digests(bucket).unwrap().get(&shard), Some(&of_bucket));
            let mut bucket_sum = 0u128;
            for (source, of_source) in store.synced().sources(shard, bucket).unwrap() {
                let (mut after, mut sum) = (Seq(0), 0u128);
                loop {
                    let page = store.synced().list(shard, bucket, source, after, 2).unwrap();
                    assert!(page.len() <= 2);
                    for s in &page {
                        assert!(s.first > after && s.first == s.last && !s.gap && s.bytes > 0);
                        after = s.first;
                        sum =
                            sum.wrapping_add(batch_digest(s.producer, s.epoch, s.shard, s.first, s.content));
                        assert!(
                            store
                                .synced()
                                .has((s.producer, s.epoch), shard, s.first, bucket)
                                .unwrap()
                        );
                    }
                    all.extend_from_slice(&page);
                    if page.len() < 2 {
                        break;
                    }
                }
                assert_eq!(sum, of_source);
                bucket_sum = bucket_sum.wrapping_add(sum);
            }
            assert_eq!(bucket_sum, of_bucket);
        }
    }
    all
}

fn gaps(store: &Store) -> Vec<HeldSection> {
    let of = |shard| store.synced().gaps(Shard(shard)).unwrap();
    (0..SHARDS.get()).flat_map(of).collect()
}

/// Names and hashes, without what a batch takes, which depends on what it lies in.
fn names(sections: &[HeldSection]) -> Vec<HeldSection> {
    let mut names: Vec<_> = sections.iter().map(|s| HeldSection { bytes: 0, ..*s }).collect();
    names.sort_unstable();
    names
}

/// Copies what is wanted from one store to another, `at_once` sections a call. What came.
fn copy(from: &Store, to: &Store, wanted: &[HeldSection], at_once: usize) -> Vec<HeldSection> {
    let mut came = Vec::new();
    for some in wanted.chunks(at_once.max(1)) {
        for cut in from.synced().frames(some).unwrap() {
            let CutFrame {
                bytes,
                sections,
                positions,
            } = cut;
            assert!(positions.iter().copied().eq(0..sections.len() as u16));
            let frame = FrameToStore::new(bytes).unwrap();
            assert_eq!(frame.digest().sections.len(), sections.len());
            for (cut, asked) in frame.digest().sections.iter().zip(&sections) {
                assert_eq!(
                    (cut.shard, cut.seq, cut.content),
                    (asked.shard, asked.first, asked.content)
                );
                assert_eq!(cut.gap.map(|gap| gap.last_seq), asked.gap.then_some(asked.last));
                assert_eq!(
                    (frame.digest().bucket, frame.digest().epoch),
                    (asked.bucket, asked.epoch)
                );
            }
            assert!(!put(to, frame).contains(&Admission::Conflict));
            came.extend(sections);
        }
    }
    came
}

type Rows = Vec<(EventIdentity, Event)>;

fn rows(store: &Store) -> BTreeMap<u128, Rows> {
    let of = |trace| (trace, store.trace_rows(TraceId(trace)).unwrap());
    let all = (1..8).map(of).map(|(trace, rows)| {
        assert!(rows.complete());
        (trace, rows.events)
    });
    all.collect()
}

/// One section of a made-up frame.
#[derive(Clone, Debug)]
enum Part {
    /// Traces, each with so many events.
    Batch(Vec<(u128, u8)>),
    Gap(u64),
}

fn any_part() -> impl Strategy<Value = Part> {
    let batch = prop::collection::vec((0..8u128, 1..4u8), 0..4);
    prop_oneof![4 => batch.prop_map(Part::Batch), 1 => (1..4u64).prop_map(Part::Gap)]
}

/// What is sent: per frame its epoch, its minute, its sections by shard, which of these are chosen.
type Sent = Vec<(u64, u64, Vec<(u16, Part)>, u8)>;

fn any_sent() -> impl Strategy<Value = Sent> {
    let parts = prop::collection::vec((0..SHARDS.get(), any_part()), 1..4);
    prop::collection::vec((1..3u64, 0..2u64, parts, 0..8u8), 1..8)
}

/// The frames, with contiguous numbers by epoch and shard.
fn frames(sent: &Sent) -> Vec<FrameToStore> {
    let mut next: BTreeMap<(u64, u16), u64> = BTreeMap::new();
    let mut frames = Vec::new();
    for (n, (epoch, minute, parts, mask)) in sent.iter().enumerate() {
        let at = minute * 60_000_000 + n as u64 * 1000;
        let hlc = event::Hlc::from_micros(event::Micros(support::T0_US + at));
        let mut b = FrameBuilder::new(PRODUCER, Epoch(*epoch), hlc, bucket_at(at));
        b.node(node(1)).node(node(2));
        let mut parts: Vec<_> = parts.clone();
        parts.sort_by_key(|(shard, _)| *shard);
        for (shard, part) in parts {
            let seq = next.entry((*epoch, shard)).or_insert(1);
            match part {
                Part::Batch(traces) => {
                    let mut events = Vec::new();
                    for (trace, count) in traces {
                        for i in 0..count {
                            let mut e = event(
                                trace,
                                EventKind::Call,
                                at + u64::from(i) * 7,
                                1 + trace as u64 % 2,
                                u32::from(i),
                            );
                            e.id = event::EventId(
                                (events.len() as u64 + 1) << 20 | *seq << 10 | u64::from(shard),
                            );
                            e.remote_node = NodeKey(u64::from(i));
                            e.payload = vec![i; usize::from(i) * 3];
                            events.push(e);
                        }
                    }
                    b.section(Shard(shard), Seq(*seq), &events);
                    *seq += 1;
                }
                Part::Gap(count) => {
                    let gap = Gap {
                        last_seq: Seq(*seq + count),
                        reason: GapReason::SpoolFull,
                        events: 5,
                    };
                    b.gap(Shard(shard), Seq(*seq), gap);
                    *seq += count + 1;
                }
            }
        }
        let frame = FrameToStore::new(b.finish(Compression::Zstd).unwrap()).unwrap();
        let chosen: Vec<u16> = (0..3).filter(|bit| *mask == 0 || mask & 1 << bit != 0).collect();
        frames.push(frame.choosing(&chosen));
    }
    frames
}

/// Leaves traces only where their shard is.
fn keep_placed(sent: &mut Sent) {
    for (shard, part) in sent.iter_mut().flat_map(|(_, _, parts, _)| parts) {
        if let Part::Batch(traces) = part {
            traces.retain(|(trace, _)| is_of(*shard, TraceId(*trace)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Scenario: frames with batches and gaps, some sections foreign, with traces of their shards or of any, in stores of either format, sealed
    /// after each of some; all is copied, a few sections at a time, to an
    /// empty store, which seals before or after or not at all. Guarantee: lists and digests fit each other; each copy is a valid frame with
    /// the same hashes; both stores have the same batches, gaps, digests, traces, whether open or sealed; a second copy is a duplicate.
    #[test]
    fn a_copy_is_the_same(
        mut sent in any_sent(), seal in any::<[bool; 8]>(), at_once in 1..9usize, seal_copy: bool,
        placed: bool, formats in [FORMAT_LEAST..=FORMAT, FORMAT_LEAST..=FORMAT],
    ) {
        if placed {
            keep_placed(&mut sent);
        }
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, other) = (open_in(a.path(), formats[0]), open_in(b.path(), formats[1]));
        for (frame, seal) in frames(&sent).into_iter().zip(seal) {
            put(&one, frame);
            if seal {
                one.keep_up(after(200)).unwrap();
            }
        }
        let (all, given_up) = (batches(&one), gaps(&one));
        let came = copy(&one, &other, &all, at_once);
        prop_assert_eq!(names(&came), names(&all));
        prop_assert_eq!(copy(&one, &other, &given_up, at_once).len(), given_up.len());
        for round in 0..3 {
            prop_assert_eq!(names(&batches(&one)), names(&batches(&other)));
            prop_assert_eq!(names(&gaps(&one)), names(&gaps(&other)));
            prop_assert_eq!(rows(&one), rows(&other));
            match (round, seal_copy) {
                (0, true) | (1, false) => other.keep_up(after(200)).unwrap(),
                _ => one.keep_up(after(200)).unwrap(),
            }
        }
        // Out of what was copied and sealed, back: all of it is there.
        for some in all.chunks(at_once) {
            for cut in other.synced().frames(some).unwrap() {
                let admissions = put(&one, FrameToStore::new(cut.bytes).unwrap());
                prop_assert!(admissions.iter().all(|a| *a == Admission::Duplicate));
            }
        }
        // What is known of it comes back with a restart.
        let (before, gaps_before) = (batches(&other), gaps(&other));
        drop(other);
        let other = open_in(b.path(), FORMAT);
        prop_assert_eq!(names(&batches(&other)), names(&before));
        prop_assert_eq!(gaps(&other), gaps_before);
    }
}

/// Scenario: a run of three shards and many blocks, those with the first row of one shard gone; then the same in a store of format 3.
/// Guarantee: batches of other shards are copied all the same, without a look at what is gone, and traces of theirs are found; by trace every
/// batch needs every block, and none is copied.
#[test]
fn a_shard_is_copied_out_of_its_own_blocks() {
    for format in [FORMAT_LEAST, FORMAT] {
        let dir = tempfile::tempdir().unwrap();
        let store = open_in(dir.path(), format);
        let mut traces = [(); 3].map(|()| Vec::new());
        for trace in 1..40_000u128 {
            traces[usize::from(placement::shard_of(TraceId(trace), SHARDS).0)].push(trace);
        }
        for (shard, of) in traces.iter().enumerate() {
            let events = of.iter().flat_map(|trace| small_trace(*trace, 0)).collect();
            put(&store, frame(1, 0, &[(shard as u16, 1, events)]));
        }
        store.keep_up(after(200)).unwrap();
        assert_eq!((store.format(), store.stats().event_runs), (format, 1));
        let all = batches(&store);
        let came = |cut: &[CutFrame]| -> Vec<HeldSection> {
            cut.iter().flat_map(|cut| &cut.sections).copied().collect()
        };
        assert_eq!(came(&store.synced().frames(&all).unwrap()).len(), 3);
        drop(store);
        remove_first_block(dir.path());
        let store = open_in(dir.path(), FORMAT_LEAST);
        let cut: Vec<_> = store.synced().frames(&all[1..]).unwrap();
        if format == FORMAT_LEAST {
            assert_eq!(cut.len(), 0);
            continue;
        }
        assert_eq!(names(&came(&cut)), names(&all[1..]));
        for trace in traces[1].iter().chain(&traces[2]).step_by(1000) {
            assert_eq!(
                store.trace_rows(TraceId(*trace)).unwrap().events.len(),
                2,
                "trace {trace}"
            );
        }
    }
}

fn remove_first_block(path: &std::path::Path) {
    let families = rocksdb::DB::list_cf(&rocksdb::Options::default(), path).unwrap();
    let db = rocksdb::DB::open_cf(&rocksdb::Options::default(), path, families).unwrap();
    let blocks = db.cf_handle("event_blocks").unwrap();
    let keys: Vec<_> = db
        .iterator_cf(blocks, rocksdb::IteratorMode::Start)
        .map(|entry| entry.unwrap().0)
        .collect();
    assert!(keys.len() > 4, "{}", keys.len());
    db.delete_cf(blocks, &keys[0]).unwrap();
}

/// Scenario: two gaps that overlap, a third that adjoins, a batch of a number in the middle; on another disk the same in other pieces.
/// Guarantee: equal lists: disjoint, ascending, without the batch.
#[test]
fn gaps_are_equal_however_they_were_cut() {
    let gap = |at: u64, first: u64, last: u64| {
        let of = frame(1, at, &[(0, 90, Vec::new())]);
        let d = of.digest();
        let mut b = FrameBuilder::new(d.producer, d.epoch, d.hlc, d.bucket);
        let gap = Gap {
            last_seq: Seq(last),
            reason: GapReason::SpoolFull,
            events: 7,
        };
        b.gap(Shard(0), Seq(first), gap);
        FrameToStore::new(b.finish(Compression::Zstd).unwrap()).unwrap()
    };
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, other) = (open(a.path()), open(b.path()));
    for gap in [gap(0, 2, 6), gap(1, 5, 9), gap(2, 10, 12)] {
        put(&one, gap);
    }
    for gap in [gap(0, 8, 12), gap(1, 2, 7)] {
        put(&other, gap);
    }
    let batch = frame(1, 3, &[(0, 7, small_trace(5, 3))]);
    put(&one, batch.clone());
    put(&other, batch);
    for _ in 0..2 {
        let found = gaps(&one);
        let of: Vec<_> = found
            .iter()
            .map(|g| (g.first.0, g.last.0, g.gap, g.content))
            .collect();
        assert_eq!(of, [(2, 6, true, 0), (8, 12, true, 0)]);
        assert_eq!(names(&found), names(&gaps(&other)));
        let cut = one.synced().frames(&found).unwrap();
        let digest = FrameToStore::new(cut[0].bytes.clone()).unwrap();
        let events: Vec<_> = digest
            .digest()
            .sections
            .iter()
            .map(|s| s.gap.unwrap().events)
            .collect();
        assert_eq!((cut.len(), events), (1, vec![7, 0]));
        one.keep_up(after(300)).unwrap();
    }
    let beyond = HeldSection {
        last: Seq(13),
        ..gaps(&one)[1]
    };
    assert!(one.synced().frames(&[beyond]).unwrap().is_empty());
}

/// Scenario: what is asked for is not there: another number, another bucket, a dropped bucket. Guarantee: nothing comes, nothing fails.
#[test]
fn what_is_not_held_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, frame(1, 0, &[(0, 1, small_trace(5, 0))]));
    let held = batches(&store)[0];
    let others = [
        HeldSection {
            first: Seq(2),
            last: Seq(2),
            ..held
        },
        HeldSection {
            bucket: Bucket(held.bucket.0 + 1),
            ..held
        },
        HeldSection {
            shard: Shard(1),
            ..held
        },
        HeldSection { gap: true, ..held },
    ];
    for other in others {
        assert!(store.synced().frames(&[other]).unwrap().is_empty());
    }
    assert_eq!(
        store.synced().frames(&[held, others[0]]).unwrap()[0].sections,
        [held]
    );
    store.keep_up(after(4000)).unwrap();
    let synced = store.synced();
    assert!(synced.floor() > held.bucket);
    assert!(synced.buckets(Shard(0)).is_empty() && synced.frames(&[held]).unwrap().is_empty());
    assert!(
        !synced
            .has((held.producer, held.epoch), held.shard, held.first, held.bucket)
            .unwrap()
    );
}

/// Scenario: something is looked at while more is written and all is sealed. Guarantee: it stays what it was.
#[test]
fn a_view_is_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(
        &store,
        frame(1, 0, &[(0, 1, small_trace(5, 0)), (1, 1, small_trace(6, 0))]),
    );
    let all = batches(&store);
    let view = store.synced();
    let before = (
        view.buckets(Shard(0)),
        view.sources(Shard(0), bucket_at(0)).unwrap(),
    );
    put(&store, frame(1, 1, &[(0, 2, small_trace(7, 1))]));
    store.keep_up(after(300)).unwrap();
    put(&store, frame(1, 2, &[(0, 3, small_trace(7, 2))]));
    assert_eq!(
        (
            view.buckets(Shard(0)),
            view.sources(Shard(0), bucket_at(0)).unwrap()
        ),
        before
    );
    let source = (PRODUCER, Epoch(1));
    assert_eq!(
        view.list(Shard(0), bucket_at(0), source, Seq(0), 9).unwrap(),
        [all[0]]
    );
    assert!(!view.has(source, Shard(0), Seq(2), bucket_at(0)).unwrap());
    assert_eq!(view.frames(&all).unwrap()[0].sections, all);
    drop(view);
    assert_eq!(batches(&store).len(), 4);
}

/// Scenario: hints kept and dropped; a commit; a restart; a sync without a commit. Guarantee: they are on disk from then on, and only then.
#[test]
fn hints_ride_with_the_next_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, frame(1, 0, &[(0, 1, small_trace(5, 0))]));
    let section = batches(&store)[0];
    let hint = |target| Hint { target, section };
    let syncs = store.stats().totals.commits;
    for target in [3, 1, 2] {
        store.keep_hint(&hint(target));
    }
    store.drop_hint(&hint(2).key());
    assert!(store.hints().unwrap().is_empty());
    put(&store, frame(1, 1, &[(0, 2, small_trace(5, 1))]));
    assert_eq!(store.hints().unwrap(), [hint(1), hint(3)]);
    assert_eq!(store.stats().totals.commits, syncs + 1);
    store.drop_hint(&hint(1).key());
    store.keep_up(after(0)).unwrap();
    assert_eq!(store.hints().unwrap(), [hint(3)]);
    store.keep_hint(&hint(7));
    store.sync_hints().unwrap();
    drop(store);
    assert_eq!(open(dir.path()).hints().unwrap(), [hint(3), hint(7)]);
}

/// Scenario: a map kept twice, a disk marked twice; a restart. Guarantee: the last map, the first marker.
#[test]
fn map_and_marker_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!((store.kept_map().unwrap(), store.marker().unwrap()), (None, None));
    store.keep_map(b"one").unwrap();
    store.keep_map(b"two").unwrap();
    let marker = |incarnation| Marker {
        cluster: 7,
        member: 3,
        incarnation,
    };
    assert_eq!(store.mark(marker(1)).unwrap(), marker(1));
    assert_eq!(store.mark(marker(2)).unwrap(), marker(1));
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.kept_map().unwrap().as_deref(), Some(b"two".as_slice()));
    assert_eq!(store.marker().unwrap(), Some(marker(1)));
}
