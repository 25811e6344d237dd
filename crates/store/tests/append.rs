//! Storing: what is new, what is not, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{EventKind, Seq, Shard, TraceId};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use store::{Admission, FrameToStore, Store, StoreError};
use support::{admissions, after, frame, open, options, put, small_trace};
use wire::frame::{Compression, FrameBuilder, Gap, GapReason};

/// Scenario: the same frame three times, once within one request. Guarantee: stored once, visible once.
#[test]
fn writing_twice_is_writing_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let f = frame(1, 0, &[(0, 1, small_trace(5, 0)), (1, 1, small_trace(6, 0))]);
    let receipt = store.append(vec![f.clone(), f.clone()]).unwrap();
    assert_eq!(
        admissions(&receipt),
        [
            Admission::Stored,
            Admission::Stored,
            Admission::Duplicate,
            Admission::Duplicate
        ]
    );
    assert_eq!(put(&store, f), [Admission::Duplicate, Admission::Duplicate]);
    let rows = store.trace_rows(TraceId(5)).unwrap();
    assert!(rows.complete());
    assert_eq!(rows.events.len(), 2);
    assert_eq!(
        rows.nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(),
        ["n1@host"]
    );
    assert_eq!(store.stats().totals.frames, 1);
}

/// Scenario: a number comes again with another content; then with the first content, cut into another frame.
/// Guarantee: the first is a conflict and changes nothing; the second is a duplicate.
#[test]
fn a_number_with_other_content_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(
        &store,
        frame(1, 0, &[(0, 1, small_trace(5, 0)), (1, 1, small_trace(6, 0))]),
    );
    assert_eq!(
        put(&store, frame(1, 0, &[(0, 1, small_trace(5, 99))])),
        [Admission::Conflict]
    );
    let recut = frame(1, 1, &[(1, 1, small_trace(6, 0)), (1, 2, small_trace(7, 0))]);
    assert_eq!(put(&store, recut), [Admission::Duplicate, Admission::Stored]);
    assert_eq!(store.trace_rows(TraceId(6)).unwrap().events.len(), 2);
    assert_eq!(store.summary(TraceId(5)).unwrap().unwrap().start, after(0));
    assert_eq!(store.stats().totals.conflicts, 1);
}

/// Scenario: a gap over numbers of which one comes after all. Guarantee: data beats gap; the gap is listed.
#[test]
fn data_beats_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let f = frame(1, 0, &[(3, 1, small_trace(5, 0))]);
    let d = f.digest().clone();
    let mut b = FrameBuilder::new(d.producer, d.epoch, d.hlc, d.bucket);
    b.gap(
        Shard(3),
        Seq(1),
        Gap {
            last_seq: Seq(9),
            reason: GapReason::SpoolFull,
            events: 12,
        },
    );
    let gap = FrameToStore::new(b.finish(Compression::None).unwrap()).unwrap();
    assert_eq!(put(&store, gap.clone()), [Admission::Stored]);
    assert_eq!(put(&store, gap), [Admission::Duplicate]);
    assert_eq!(put(&store, f), [Admission::Stored]);
    for _ in 0..2 {
        let losses = store.losses(after(0), after(1)).unwrap();
        assert_eq!(losses.gaps.len(), 1);
        assert_eq!(
            (losses.gaps[0].first, losses.gaps[0].last, losses.gaps[0].events),
            (Seq(1), Seq(9), 12)
        );
        assert_eq!(store.trace_rows(TraceId(5)).unwrap().events.len(), 2);
        store.keep_up(after(80)).unwrap();
    }
}

/// Scenario: hundreds of requests at once. Guarantee: all are answered, by fewer syncs than requests.
#[test]
fn what_waits_shares_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (tell, told) = channel();
    for seq in 1..=300u64 {
        let tell = tell.clone();
        let f = frame(1, seq, &[(0, seq, small_trace(u128::from(seq), seq))]);
        store
            .submit(vec![f], Box::new(move |r| tell.send(r.unwrap()).unwrap()))
            .unwrap();
    }
    let receipts: Vec<_> = told.iter().take(300).collect();
    let commits: Vec<_> = receipts.iter().filter_map(|r| r.commit).collect();
    assert_eq!(commits.iter().map(|c| c.frames).sum::<usize>(), 300);
    assert!(commits.len() < 300, "{} commits", commits.len());
    assert_eq!(store.stats().totals.commits, commits.len() as u64);
}

/// Scenario: commits are 500 ms apart; a frame after a pause, then thirty that come one after the other; then, without a pause, more bytes
/// than one commit takes. Guarantee: the first is on disk at once, the thirty share one commit, the many do not wait; all are stored.
#[test]
fn commits_are_apart_but_the_first_and_the_full_ones_do_not_wait() {
    const APART: Duration = Duration::from_millis(500);
    let dir = tempfile::tempdir().unwrap();
    let mut spaced = options();
    spaced.commit_spacing_us = APART.as_micros() as u64;
    spaced.commit_bytes_max = 64 << 10;
    let store = Store::open(dir.path(), spaced).unwrap();
    let begin = Instant::now();
    put(&store, frame(1, 0, &[(0, 1, small_trace(5, 0))]));
    assert!(begin.elapsed() < APART, "nothing was before it");
    let (told, outcomes) = channel();
    for seq in 2..32 {
        let told = told.clone();
        let one = frame(1, 0, &[(0, seq, small_trace(seq.into(), 0))]);
        let done = Box::new(move |receipt: Result<store::Receipt, StoreError>| told.send(receipt).unwrap());
        store.submit(vec![one], done).unwrap();
    }
    for _ in 2..32 {
        assert_eq!(
            admissions(&outcomes.recv().unwrap().unwrap()),
            [Admission::Stored]
        );
    }
    assert!(begin.elapsed() >= APART);
    assert!(
        store.stats().totals.commits <= 3,
        "{} commits",
        store.stats().totals.commits
    );
    let full = Instant::now();
    let mut large = small_trace(99, 0);
    large[1].payload = (0..60_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for seq in 32..64 {
        let told = told.clone();
        let one = frame(1, 0, &[(0, seq, large.clone())]);
        store
            .submit(vec![one], Box::new(move |receipt| told.send(receipt).unwrap()))
            .unwrap();
    }
    for _ in 32..64 {
        assert_eq!(
            admissions(&outcomes.recv().unwrap().unwrap()),
            [Admission::Stored]
        );
    }
    assert!(
        full.elapsed() < 8 * APART,
        "{:?}: thirty commits' worth",
        full.elapsed()
    );
    assert_eq!(store.stats().totals.frames, 63);
}

/// Scenario: less space is free than the reserve, then enough again. Guarantee: refused as busy, nothing lost, writing resumes.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let first = frame(1, 0, &[(0, 1, small_trace(5, 0))]);
    let second = frame(1, 0, &[(0, 2, small_trace(6, 0))]);
    put(&open(dir.path()), first);
    {
        let mut full = options();
        full.disk_reserve_bytes = u64::MAX / 2;
        let store = store::Store::open(dir.path(), full).unwrap();
        let error = store.append(vec![second.clone()]).unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
        assert_eq!(error.class(), store::Class::Busy);
        assert!(store.check_writable().is_err());
        assert_eq!(store.trace_rows(TraceId(5)).unwrap().events.len(), 2);
    }
    let store = open(dir.path());
    assert_eq!(put(&store, second), [Admission::Stored]);
    assert_eq!(store.trace_rows(TraceId(5)).unwrap().events.len(), 2);
}

/// Scenario: an event of loss and an error in no trace. Guarantee: found by kind and time, open and closed.
#[test]
fn events_in_no_trace_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let loose = vec![
        support::event(0, EventKind::Loss, 10, 1, 0),
        support::event(0, EventKind::Error, 20, 2, 0),
        support::event(0, EventKind::Call, 30, 2, 0),
    ];
    put(&store, frame(1, 0, &[(2, 1, loose.clone())]));
    for _ in 0..2 {
        let errors = store
            .loose_events(EventKind::Error, after(0), after(1), 10)
            .unwrap();
        assert_eq!(
            errors.iter().map(|(id, e)| (id.row, e)).collect::<Vec<_>>(),
            [(1, &loose[1])]
        );
        assert_eq!(store.losses(after(0), after(1)).unwrap().events.len(), 1);
        assert!(store.losses(after(2), after(3)).unwrap().events.is_empty());
        store.keep_up(after(80)).unwrap();
    }
}
