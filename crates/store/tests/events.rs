//! Sealing: whether events lie in frames or in runs shows in no answer, no digest and no admission.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{
    Epoch, Event, EventIdentity, EventKind, Flags, ModuleKey, ResultClass, Seq, Shard, SiteId, TraceId,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use store::{
    Admission, Audit, FORMAT, FORMAT_LEAST, FrameToStore, GapRecord, Store, TraceFilter, TraceSummary,
};
use support::{
    PRODUCER, SECOND_US, after, bucket_at, event, frame, is_of, node, open, open_in, options, put,
    small_trace,
};
use wire::frame::{Compression, FrameBuilder, Gap, GapReason};

/// All that a store can be asked.
#[derive(Debug, PartialEq)]
struct Answers {
    lists: Vec<Vec<TraceSummary>>,
    traces: Vec<Vec<(EventIdentity, Event)>>,
    loose: Vec<Vec<(EventIdentity, Event)>>,
    gaps: Vec<GapRecord>,
    audit: Audit,
    digests: Vec<BTreeMap<Shard, u128>>,
}

const TRACES: u128 = 12;

fn ask(store: &Store) -> Answers {
    let all = || TraceFilter {
        limit: 1000,
        ..TraceFilter::default()
    };
    let filters = [
        all(),
        TraceFilter { limit: 3, ..all() },
        TraceFilter {
            errors: true,
            ..all()
        },
        TraceFilter {
            sites: Some(vec![(ModuleKey(9), SiteId(2)), (ModuleKey(9), SiteId(7))]),
            ..all()
        },
        TraceFilter {
            node: Some("n2@host".into()),
            ..all()
        },
        TraceFilter {
            since: Some(after(70)),
            until: Some(after(130)),
            ..all()
        },
    ];
    let rows = |trace| {
        let rows = store.trace_rows(TraceId(trace)).unwrap();
        assert!(rows.complete());
        rows.events
    };
    let kinds = [
        EventKind::Loss,
        EventKind::Error,
        EventKind::NodeUp,
        EventKind::NodeDown,
    ];
    Answers {
        lists: filters
            .iter()
            .map(|filter| store.traces(filter).unwrap())
            .collect(),
        traces: (1..TRACES).map(rows).collect(),
        loose: kinds
            .iter()
            .map(|kind| store.loose_events(*kind, after(10), after(150), 100).unwrap())
            .collect(),
        gaps: store.losses(after(0), after(300)).unwrap().gaps,
        audit: store.audit().unwrap(),
        digests: (0..6)
            .map(|minute| store.digests(bucket_at(minute * 60 * SECOND_US)).unwrap())
            .collect(),
    }
}

/// A frame, as it is sent.
#[derive(Clone, Debug)]
struct Sent {
    at_us: u64,
    epoch: u64,
    batches: Vec<(u16, Vec<Event>)>,
    /// Numbers to be given up after them.
    gap: u64,
}

fn any_event() -> impl Strategy<Value = Event> {
    let place = (0..TRACES, 0..170u64, 1..4u64, 0..4u32);
    (place, 0..9u8, prop::collection::vec(any::<u8>(), 0..20)).prop_map(
        |((trace, second, node, site), kind, bytes)| {
            let at = second * SECOND_US + u64::from(bytes.first().copied().unwrap_or(9));
            let kind = match (trace, kind) {
                (0, 0) => EventKind::Loss,
                (0, 1) => EventKind::NodeUp,
                (_, 2) => EventKind::Error,
                (_, 3) => EventKind::Value,
                (_, 4) => EventKind::Root,
                (_, 5) => EventKind::Call,
                _ => EventKind::Return,
            };
            let mut e = event(trace, kind, at, node, site);
            if bytes.len() > 15 {
                e.class = ResultClass::Error;
            }
            if kind == EventKind::Value || kind == EventKind::Root {
                e.flags = Flags(Flags::PAYLOAD);
                e.payload = bytes;
            }
            e
        },
    )
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let batches = prop::collection::vec((0..3u16, prop::collection::vec(any_event(), 1..9)), 1..4);
    (0..170u64, 1..3u64, batches, 0..8u64).prop_map(|(second, epoch, batches, gap)| Sent {
        at_us: second * SECOND_US,
        epoch,
        batches,
        gap: gap.saturating_sub(5),
    })
}

/// Frames with numbers, and which of them are given up.
fn frames(sent: &[Sent]) -> Vec<FrameToStore> {
    let mut next: BTreeMap<(u64, u16), u64> = BTreeMap::new();
    let number = |sent: &Sent| {
        let time = after(0).0 + sent.at_us;
        let hlc = event::Hlc::from_micros(event::Micros(time));
        let mut builder = FrameBuilder::new(PRODUCER, Epoch(sent.epoch), hlc, bucket_at(sent.at_us));
        (1..4).for_each(|key| {
            builder.node(node(key));
        });
        for (shard, events) in &sent.batches {
            let seq = next.entry((sent.epoch, *shard)).or_insert(1);
            builder.section(Shard(*shard), Seq(*seq), events);
            *seq += 1;
        }
        if sent.gap > 0 {
            let seq = next.entry((sent.epoch, 0)).or_insert(1);
            let gap = Gap {
                last_seq: Seq(*seq + sent.gap - 1),
                reason: GapReason::SpoolFull,
                events: sent.gap,
            };
            builder.gap(Shard(0), Seq(*seq), gap);
            *seq += sent.gap;
        }
        FrameToStore::new(builder.finish(Compression::Zstd).unwrap()).unwrap()
    };
    sent.iter().map(number).collect()
}

fn admissions(store: &Store, frames: &[FrameToStore]) -> Vec<Vec<Admission>> {
    frames.iter().map(|frame| put(store, frame.clone())).collect()
}

/// A store that seals only what is over, when it is told to.
fn reopened(path: &Path, store: Store) -> Store {
    let format = store.format();
    drop(store);
    // What it was raised to stays, whatever is asked for.
    let store = open_in(path, FORMAT_LEAST);
    assert_eq!(store.format(), format);
    store
}

/// Leaves events only where the shard of their trace is.
fn place(sent: &mut Sent) {
    for (shard, events) in &mut sent.batches {
        events.retain(|event| is_of(*shard, event.trace));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Scenario: any frames with gaps, with traces of their shards or of any, in stores of either format, raised or not, each sent again now and then, in one store that never seals; in one that seals at any moments, so
    /// that batches come late, and restarts; and in a third in the reverse order. Then all is sent again, and once with other content.
    /// Guarantee: the same answers, digests and admissions.
    #[test]
    fn sealing_shows_in_nothing(
        sent in prop::collection::vec((any_sent(), 0..4u8, prop::option::of(0..300u64)), 1..14),
        restarts: bool, placed: bool, format in FORMAT_LEAST..=FORMAT, raised: bool,
    ) {
        let mut sent = sent;
        if placed {
            for (sent, ..) in &mut sent {
                place(sent);
            }
        }
        let (open_dir, sealed_dir, other_dir) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let frames = frames(&sent.iter().map(|(sent, ..)| sent.clone()).collect::<Vec<_>>());
        let mut never = open_in(open_dir.path(), FORMAT);
        let mut sealing = open_in(sealed_dir.path(), format);
        for (n, (frame, (_, again, seal))) in frames.iter().zip(&sent).enumerate() {
            if raised && n == sent.len() / 2 {
                sealing.raise_format(FORMAT).unwrap();
            }
            for _ in 0..=again / 3 {
                prop_assert_eq!(put(&never, frame.clone()), put(&sealing, frame.clone()));
            }
            if let Some(seconds) = seal {
                sealing.keep_up(after(*seconds)).unwrap();
            }
        }
        sealing.keep_up(after(300)).unwrap();
        let stats = sealing.stats();
        prop_assert_eq!((stats.open_frames, stats.open_buckets), (0, 0));
        prop_assert_eq!(never.stats().totals.runs, 0);
        prop_assert_eq!(ask(&never), ask(&sealing));
        if restarts {
            never = reopened(open_dir.path(), never);
            sealing = reopened(sealed_dir.path(), sealing);
            prop_assert_eq!(ask(&never), ask(&sealing));
        }
        let other = open_in(other_dir.path(), FORMAT);
        for frame in frames.iter().rev() {
            put(&other, frame.clone());
        }
        prop_assert_eq!(ask(&other).digests, ask(&sealing).digests);

        let again = admissions(&sealing, &frames);
        prop_assert!(again.iter().flatten().all(|a| *a == Admission::Duplicate), "{:?}", again);
        let mut changed: Vec<Sent> = sent.iter().map(|(sent, ..)| sent.clone()).collect();
        for event in changed.iter_mut().flat_map(|sent| &mut sent.batches).flat_map(|(_, events)| events) {
            event.ordinal += 1;
        }
        let changed = self::frames(&changed);
        prop_assert_eq!(admissions(&never, &changed), admissions(&sealing, &changed));
        prop_assert_eq!(ask(&never), ask(&sealing));
    }
}

/// Scenario: a batch that is sealed comes again cut into another frame, beside a new batch; then with other content; then in
/// another bucket. Guarantee: a duplicate and stored; a conflict; a conflict.
#[test]
fn a_sealed_batch_is_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(
        &store,
        frame(1, 0, &[(0, 1, small_trace(5, 0)), (1, 1, small_trace(6, 0))]),
    );
    store.keep_up(after(100)).unwrap();
    assert_eq!(store.stats().event_runs, 1);
    let recut = frame(1, 1, &[(1, 1, small_trace(6, 0)), (1, 2, small_trace(7, 0))]);
    assert_eq!(put(&store, recut), [Admission::Duplicate, Admission::Stored]);
    assert_eq!(
        put(&store, frame(1, 1, &[(0, 1, small_trace(5, 1))])),
        [Admission::Conflict]
    );
    let later = 61 * SECOND_US;
    assert_eq!(
        put(&store, frame(1, later, &[(0, 1, small_trace(5, 0))])),
        [Admission::Conflict]
    );
    store.keep_up(after(100)).unwrap();
    assert_eq!(store.trace_rows(TraceId(6)).unwrap().events.len(), 2);
    assert_eq!(store.trace_rows(TraceId(7)).unwrap().events.len(), 2);
    assert_eq!(store.audit().unwrap().batches, 3);
}

/// Scenario: far more events than one run takes, in one bucket that is not over. Guarantee: they are sealed on the way, little stays in
/// frames or in memory, each trace is found, and what was sealed takes hardly more bytes than frames as large as these.
#[test]
fn full_runs_are_sealed_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut quick = options();
    quick.upkeep_interval_ms = 20;
    quick.now = std::sync::Arc::new(|| after(0));
    let store = Store::open(dir.path(), quick).unwrap();
    let (mut trace, mut bytes) = (0u128, 0);
    for seq in 1..=200u64 {
        let mut events = Vec::new();
        for _ in 0..2_000 {
            trace += 1;
            events.extend(small_trace(trace, seq));
        }
        let frame = frame(1, seq, &[(0, seq, events)]);
        bytes += frame.byte_len() as u64;
        put(&store, frame);
    }
    let sealed = || store.stats().totals.runs >= 3;
    for _ in 0..2_000 {
        if sealed() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let stats = store.stats();
    assert!(sealed(), "{stats:?}");
    assert_eq!(stats.sealed_events + stats.open_events, 800_000);
    assert!(stats.open_events < 256 << 10);
    assert!(
        stats.frame_bytes_held < bytes / 4 * 5,
        "{stats:?}, frames had {bytes}"
    );
    for t in [1, 500, 501, 300_000, trace] {
        assert_eq!(store.trace_rows(TraceId(t)).unwrap().events.len(), 2, "trace {t}");
    }
    let newest = store
        .traces(&TraceFilter {
            limit: 20,
            ..TraceFilter::default()
        })
        .unwrap();
    assert_eq!(newest.len(), 20);
}
