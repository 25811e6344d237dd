//! The index: open or closed, rebuilt or not, it says the same.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Event, EventKind, ModuleKey, ResultClass, SiteId, TraceId};
use proptest::prelude::*;
use std::collections::BTreeMap;
use store::{Admission, Store, TraceFilter, TraceSummary};
use support::{SECOND_US, after, event, frame, open, put, small_trace};

fn list(store: &Store, filter: &TraceFilter) -> Vec<u128> {
    store.traces(filter).unwrap().iter().map(|s| s.trace.0).collect()
}

fn all() -> TraceFilter {
    TraceFilter {
        limit: 1000,
        ..TraceFilter::default()
    }
}

/// Five traces in three buckets; 2 has an error, 3 runs on node 2, 4 lies in two buckets.
fn fill(store: &Store) {
    let mut failed = event(2, EventKind::Return, 20, 1, 4);
    failed.class = ResultClass::ErrorTuple;
    put(
        store,
        frame(
            1,
            0,
            &[
                (0, 1, small_trace(1, 0)),
                (1, 1, [small_trace(2, 1), vec![failed]].concat()),
            ],
        ),
    );
    let minute = 60 * SECOND_US;
    put(
        store,
        frame(
            1,
            minute,
            &[(0, 2, vec![event(3, EventKind::Call, minute, 2, 8)])],
        ),
    );
    put(store, frame(1, minute + 5, &[(0, 3, small_trace(4, minute + 1))]));
    put(
        store,
        frame(
            1,
            2 * minute,
            &[(0, 4, vec![event(4, EventKind::Call, 2 * minute, 3, 8)])],
        ),
    );
    put(store, frame(1, 2 * minute, &[(1, 2, small_trace(5, 2 * minute))]));
}

fn check(store: &Store) {
    assert_eq!(list(store, &all()), [5, 4, 3, 2, 1]);
    assert_eq!(list(store, &TraceFilter { limit: 2, ..all() }), [5, 4]);
    assert_eq!(
        list(
            store,
            &TraceFilter {
                errors: true,
                ..all()
            }
        ),
        [2]
    );
    assert_eq!(
        list(
            store,
            &TraceFilter {
                node: Some("n2@host".into()),
                ..all()
            }
        ),
        [3]
    );
    assert_eq!(
        list(
            store,
            &TraceFilter {
                node: Some("nobody".into()),
                ..all()
            }
        ),
        [] as [u128; 0]
    );
    let site = |s| Some(vec![(ModuleKey(9), SiteId(s))]);
    assert_eq!(
        list(
            store,
            &TraceFilter {
                sites: site(8),
                ..all()
            }
        ),
        [4, 3]
    );
    assert_eq!(
        list(
            store,
            &TraceFilter {
                sites: site(3),
                errors: true,
                ..all()
            }
        ),
        [2]
    );
    assert_eq!(
        list(
            store,
            &TraceFilter {
                since: Some(after(100)),
                ..all()
            }
        ),
        [5, 4]
    );
    assert_eq!(
        list(
            store,
            &TraceFilter {
                until: Some(after(59)),
                ..all()
            }
        ),
        [2, 1]
    );
    let whole = store.summary(TraceId(4)).unwrap().unwrap();
    assert_eq!(
        (whole.events, whole.nodes.len(), whole.root.as_deref()),
        (3, 2, Some("order"))
    );
    assert_eq!(store.trace_rows(TraceId(4)).unwrap().events.len(), 3);
    assert!(store.trace_rows(TraceId(77)).unwrap().events.is_empty());
}

/// Scenario: asked while all is in memory; after a restart; with one, two and all buckets closed; after another restart.
/// Guarantee: the same answers.
#[test]
fn open_rebuilt_and_closed_say_the_same() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        fill(&store);
        check(&store);
    }
    {
        let store = open(dir.path());
        check(&store);
        for (seconds, open_buckets) in [(71, 2), (131, 1), (191, 0)] {
            store.keep_up(after(seconds)).unwrap();
            assert_eq!(store.stats().open_buckets, open_buckets);
            check(&store);
        }
        assert_eq!(store.stats().open_index_bytes, 0);
    }
    check(&open(dir.path()));
}

/// Scenario: a batch comes for a bucket that is closed; restart; close again. Guarantee: it is found throughout.
#[test]
fn a_late_batch_reopens_its_bucket() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        put(&store, frame(1, 0, &[(0, 1, small_trace(1, 0))]));
        store.keep_up(after(100)).unwrap();
        assert_eq!(
            put(
                &store,
                frame(1, 1, &[(0, 2, vec![event(1, EventKind::Call, 50, 2, 3)])])
            ),
            [Admission::Stored]
        );
        assert_eq!(store.stats().open_buckets, 1);
        assert_eq!(store.trace_rows(TraceId(1)).unwrap().events.len(), 3);
    }
    let store = open(dir.path());
    assert_eq!(store.summary(TraceId(1)).unwrap().unwrap().events, 3);
    store.keep_up(after(100)).unwrap();
    assert_eq!(store.stats().open_buckets, 0);
    assert_eq!(store.trace_rows(TraceId(1)).unwrap().events.len(), 3);
    assert_eq!(
        put(&store, frame(1, 0, &[(0, 1, small_trace(1, 0))])),
        [Admission::Duplicate]
    );
}

/// Scenario: time passes beyond the retention; a batch of a dropped bucket comes. Guarantee: the bucket is gone, younger ones are not,
/// the batch is acknowledged as expired and not stored, also after a restart.
#[test]
fn retention_drops_whole_buckets() {
    let dir = tempfile::tempdir().unwrap();
    let old = frame(1, 0, &[(0, 1, small_trace(1, 0))]);
    {
        let store = open(dir.path());
        put(&store, old.clone());
        put(
            &store,
            frame(1, 300 * SECOND_US, &[(0, 2, small_trace(2, 300 * SECOND_US))]),
        );
        store.keep_up(after(659)).unwrap();
        assert_eq!(list(&store, &all()), [2, 1]);
        store.keep_up(after(660)).unwrap();
        assert_eq!(list(&store, &all()), [2]);
        assert!(store.trace_rows(TraceId(1)).unwrap().events.is_empty());
        assert_eq!(put(&store, old.clone()), [Admission::Expired]);
        let totals = store.stats().totals;
        assert_eq!(
            (totals.dropped_buckets, totals.dropped_frames, totals.expired),
            (1, 1, 1)
        );
    }
    let store = open(dir.path());
    assert_eq!(put(&store, old), [Admission::Expired]);
    assert_eq!(list(&store, &all()), [2]);
    store.keep_up(after(5000)).unwrap();
    assert_eq!(list(&store, &all()), [] as [u128; 0]);
    assert!(store.nodes().unwrap().is_empty());
}

/// Scenario: sixty thousand traces, none of them sealed. Guarantee: what is known of them in memory is a few bytes each, and everything
/// is found, before they are sealed and after.
#[test]
fn the_open_index_stays_within_its_bound() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut trace = 0u128;
    for seq in 1..=120 {
        let mut events = Vec::new();
        for _ in 0..500 {
            trace += 1;
            events.extend(small_trace(trace, seq));
        }
        put(&store, frame(1, seq, &[(0, seq, events)]));
    }
    assert!(store.stats().open_index_bytes <= 60_000 * 12);
    for t in [1, 500, 501, 30_000, trace] {
        assert_eq!(store.trace_rows(TraceId(t)).unwrap().events.len(), 2, "trace {t}");
    }
    assert_eq!(
        store
            .traces(&TraceFilter {
                limit: 10_000,
                ..all()
            })
            .unwrap()
            .len(),
        10_000
    );
}

/// Scenario: a hundred traces with an error among three hundred, in a closed bucket. Guarantee: the newest of them, in order, and no other.
#[test]
fn many_errors_of_a_closed_bucket() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for t in 1..=300u64 {
        let mut e = event(u128::from(t), EventKind::Return, t, 1, 3);
        if t % 3 == 0 {
            e.class = ResultClass::ErrorTuple;
        }
        put(&store, frame(1, t, &[(0, t, vec![e])]));
    }
    store.keep_up(after(80)).unwrap();
    assert_eq!(store.stats().open_buckets, 0);
    let newest = list(
        &store,
        &TraceFilter {
            errors: true,
            limit: 3,
            ..all()
        },
    );
    assert_eq!(newest, [300, 297, 294]);
    assert_eq!(
        list(
            &store,
            &TraceFilter {
                errors: true,
                ..all()
            }
        )
        .len(),
        100
    );
}

fn any_event() -> impl Strategy<Value = Event> {
    (1..12u128, 0..180u64, 1..4u64, 1..4u32, any::<bool>()).prop_map(|(trace, second, node, site, fails)| {
        let mut e = event(trace, EventKind::Return, second * SECOND_US, node, site);
        if fails {
            e.class = ResultClass::Error;
        }
        e
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Scenario: any frames, any closings between, a restart. Guarantee: summaries and order are those of a plain model.
    #[test]
    fn equals_a_model(frames in prop::collection::vec((prop::collection::vec(any_event(), 1..12), 0..200u64), 1..15)) {
        let dir = tempfile::tempdir().unwrap();
        let mut model: BTreeMap<u128, TraceSummary> = BTreeMap::new();
        {
            let store = open(dir.path());
            for (seq, (mut events, upkeep)) in (1u64..).zip(frames) {
                events.sort_by_key(|e| e.trace);
                for e in &events {
                    model.entry(e.trace.0).or_insert_with(|| TraceSummary::empty(e.trace)).add(e);
                }
                let at = events[0].time.0 - support::T0_US;
                put(&store, frame(1, at, &[(0, seq, events)]));
                store.keep_up(after(upkeep)).unwrap();
            }
        }
        let store = open(dir.path());
        let listed = store.traces(&all()).unwrap();
        prop_assert!(listed.windows(2).all(|w| w[0].hlc_min >= w[1].hlc_min));
        // Which batches it is counted from, the model does not say.
        let counted = |s: TraceSummary| (s.trace.0, TraceSummary { content: 0, ..s });
        let listed: BTreeMap<_, _> = listed.into_iter().map(counted).collect();
        prop_assert_eq!(&listed, &model);
        let newest = store.traces(&TraceFilter { limit: 3, ..all() }).unwrap();
        let mut starts: Vec<_> = model.values().map(|s| (s.hlc_min, s.trace)).collect();
        starts.sort();
        let expected: Vec<_> = starts.iter().rev().take(3).map(|(_, t)| *t).collect();
        prop_assert_eq!(newest.iter().map(|s| s.trace).collect::<Vec<_>>(), expected);
        let failing: Vec<_> = store.traces(&TraceFilter { errors: true, ..all() }).unwrap();
        prop_assert_eq!(failing.len(), model.values().filter(|s| s.errors > 0).count());
    }
}
