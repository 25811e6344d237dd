//! What a bucket holds, for those who copy it: each span, event and record once, however its runs came to be.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{
    Bucket, Epoch, Event, EventIdentity, Hlc, LogRecord, Producer, Resource, Scope, Seq, Shard, Span, SpanId,
    SpanKind, TraceId, Value,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use store::{BucketMark, FrameToStore, SpanFrameToStore, Store};
use support::{BUCKET_SECONDS, after, bucket_at, event, frame, open, options, put, small_trace};
use wire::otlp::encode_traces;
use wire::spans::{Cut, Packer, Skim, SpanBuilder};

const FRAME_1: &[u8] = include_bytes!("../../../docs/examples/frame-1.bin");

fn span(trace: u64, id: u64, text: &str) -> Span {
    Span {
        trace: TraceId(u128::from(trace.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)),
        id: SpanId(id),
        parent: SpanId(id / 2),
        name: format!("operation {}", id % 7),
        start_ns: 1_000 * (trace + id),
        end_ns: 1_000 * (trace + id) + 10,
        attributes: vec![event::KeyValue {
            key: "text".to_owned(),
            value: Value::String(text.to_owned()),
        }],
        kind: SpanKind::Server,
        ..Span::blank()
    }
}

/// A number that no batch of this process had.
fn next_seq() -> Seq {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    Seq(LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1)
}

fn span_frame(spans: &[Span], bucket: Bucket) -> SpanFrameToStore {
    let mut builder = SpanBuilder::new(3);
    let request = encode_traces(spans);
    assert!(Skim::new(&request).fill(&mut builder, usize::MAX).unwrap());
    let cut = Cut {
        producer: Producer(1),
        epoch: Epoch(1),
        hlc: Hlc(1),
        bucket,
    };
    let bytes = builder.finish(cut, |_| Shard(0), |_| next_seq(), &mut Packer::quick());
    SpanFrameToStore::new(bytes.unwrap()).unwrap()
}

fn seal(store: &Store, spans: &[Span]) {
    store.append_spans(vec![span_frame(spans, bucket_at(0))]).unwrap();
    store.seal_spans(after(BUCKET_SECONDS + 20)).unwrap();
}

/// All spans that a bucket shows, as text, in its order; every time that some are shown `meanwhile` happens.
fn shown(store: &Store, meanwhile: &mut dyn FnMut()) -> Vec<Span> {
    let mut all = Vec::new();
    let damaged = store.visit_bucket_spans(bucket_at(0), &mut |spans| {
        meanwhile();
        all.extend(spans);
        ControlFlow::Continue(())
    });
    assert_eq!(damaged.unwrap(), 0);
    all
}

fn texts(spans: &[Span]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for span in spans {
        *counts.entry(format!("{span:?}")).or_default() += 1;
    }
    counts
}

/// Scenario: runs with traces of their own that nothing merges, in which a few spans of others come again; two different spans
/// share an id. Guarantee: each is shown once, a trace's together and by start; what differs is shown both.
#[test]
fn spans_in_two_runs_are_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut all = Vec::new();
    for run in 0..5u64 {
        let own = |trace| (1..6).map(move |id| span(run * 1_000 + trace, id, "own"));
        let mut spans: Vec<Span> = (0..200).flat_map(own).collect();
        // Of the run before: fewer traces than make merging pay.
        let from = all.len().saturating_sub(15);
        spans.extend_from_slice(&all[from..]);
        spans.push(span(run * 1_000, 1, "another of this id"));
        seal(&store, &spans);
        all.extend(spans);
    }
    assert_eq!(store.stats().totals.span_merges, 0);
    assert_eq!(store.span_stats().runs, 5);
    let found = shown(&store, &mut || ());
    let mut expected = texts(&all);
    assert!(expected.values().any(|count| *count > 1));
    for count in expected.values_mut() {
        *count = 1;
    }
    assert_eq!(texts(&found), expected);
    let mut over = BTreeSet::new();
    for pair in found.windows(2) {
        if pair[0].trace == pair[1].trace {
            assert!(pair[0].start_ns <= pair[1].start_ns);
        } else {
            assert!(over.insert(pair[0].trace), "a trace comes in two parts");
        }
    }
}

/// Scenario: parts of the same traces in many runs; while they are shown, more frames come and runs are merged. Guarantee: what was
/// there at the beginning is shown, each span once; merging does not change the mark, late spans do.
#[test]
fn merging_meanwhile_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let part = |part: u64| -> Vec<Span> { (0..3_000).map(|trace| span(trace, part + 1, "part")).collect() };
    let frames = |parts: std::ops::Range<u64>| parts.map(|n| span_frame(&part(n), bucket_at(0))).collect();
    store.append_spans(frames(0..2)).unwrap();
    store.seal_spans(after(1)).unwrap();
    let now = after(BUCKET_SECONDS + 20);
    assert!(!store.bucket_states(now)[0].closed);
    store.seal_spans(now).unwrap();
    let before = store.bucket_states(now)[0];
    assert!(before.closed);
    let mut next = 2;
    let found = shown(&store, &mut || {
        seal(&store, &part(next));
        next += 1;
    });
    assert!(next > 3 && store.stats().totals.span_merges > 0);
    assert_eq!(texts(&found), texts(&[part(0), part(1)].concat()));
    let after_it = store.bucket_states(now)[0];
    assert_eq!((before.mark.spans, after_it.mark.spans), (6_000, 3_000 * next));
    let found = shown(&store, &mut || ());
    let every: Vec<Span> = (0..next).flat_map(part).collect();
    assert_eq!(texts(&found), texts(&every));
}

/// Scenario: a trace with more text than one block takes, sent in three frames, parts of it twice; merged. Guarantee: each span once,
/// by its trace and by its bucket.
#[test]
fn a_trace_of_several_blocks_is_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut state = 1u64;
    let mut noise = |length: usize| -> String {
        let letter = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + ((state >> 40) % 95) as u8)
        };
        (0..length).map(letter).collect()
    };
    let large: Vec<Span> = (1..=12).map(|id| span(7, id, &noise(900_000))).collect();
    for some in [0..4, 4..8, 8..12, 2..6] {
        seal(&store, &large[some]);
    }
    assert!(store.span_units_of(large[0].trace) > 1);
    assert_eq!(texts(&store.trace_spans(large[0].trace).unwrap()), texts(&large));
    assert_eq!(texts(&shown(&store, &mut || ())), texts(&large));
}

/// Scenario: batches that come twice, alone and within frames that are new; sealed in two runs, one after the other; a frame of
/// version 1; events in no trace. Guarantee: a bucket shows each event once, with the identity that its trace tells.
#[test]
fn each_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = options();
    kept.retention_seconds = 1 << 40;
    let store = Store::open(folder.path(), kept).unwrap();
    let loose = event(0, event::EventKind::Error, 5, 1, 0);
    let batches = |from: u64, to: u64| -> Vec<(u16, u64, Vec<Event>)> {
        let batch = |seq: u64| {
            (
                1,
                seq,
                [small_trace(u128::from(seq), seq), vec![loose.clone()]].concat(),
            )
        };
        (from..to).map(batch).collect()
    };
    put(&store, frame(1, 0, &batches(1, 20)));
    put(&store, frame(1, 0, &batches(10, 30)));
    store.keep_up(after(BUCKET_SECONDS + 20)).unwrap();
    put(&store, frame(1, 0, &batches(1, 20)));
    put(&store, frame(1, 0, &batches(25, 40)));
    put(&store, FrameToStore::new(FRAME_1.to_vec()).unwrap());
    let old = wire::frame::decode(FRAME_1).unwrap();
    let far = event::Micros(1 << 59);
    store.keep_up(far).unwrap();
    let mut found: Vec<(EventIdentity, Event)> = Vec::new();
    for state in store.bucket_states(far) {
        assert!(state.closed);
        let before = found.len();
        let damaged = store.visit_bucket_events(state.bucket, &mut |events| {
            found.extend(events);
            ControlFlow::Continue(())
        });
        assert_eq!(damaged.unwrap(), 0);
        assert_eq!(state.mark.events, (found.len() - before) as u64);
    }
    assert_eq!(found.len(), 39 * 3 + old.events().count());
    let known: BTreeSet<EventIdentity> = found.iter().map(|(identity, _)| *identity).collect();
    assert_eq!(known.len(), found.len());
    let traces: BTreeSet<TraceId> = found.iter().map(|(_, event)| event.trace).collect();
    for trace in traces.into_iter().filter(|trace| trace.0 != 0) {
        let mut told = store.trace_rows(trace).unwrap().events;
        let mut shown: Vec<_> = found
            .iter()
            .filter(|(_, event)| event.trace == trace)
            .cloned()
            .collect();
        told.sort_by_key(|(identity, _)| *identity);
        shown.sort_by_key(|(identity, _)| *identity);
        assert_eq!(told, shown);
    }
}

/// Scenario: a block of spans and one of events are damaged on the disk. Guarantee: the others are shown, the damaged ones
/// counted; nothing fails.
#[test]
fn what_cannot_be_read_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let record = |n: u64| LogRecord {
        time_ns: n,
        observed_ns: n,
        severity: 9,
        severity_text: String::new(),
        body: Value::String(format!("record {n}")),
        attributes: Vec::new(),
        dropped_attributes: 0,
        flags: 0,
        trace: TraceId(0),
        span: SpanId(0),
        event_name: String::new(),
        resource: Arc::new(Resource::default()),
        scope: Arc::new(Scope::default()),
    };
    let store = open(folder.path());
    for run in 0..2 {
        let spans: Vec<Span> = (0..9).map(|trace| span(run * 100 + trace, 1, "whole")).collect();
        seal(&store, &spans);
        put(
            &store,
            frame(1, 0, &[(1, run + 1, small_trace(u128::from(run + 5), run))]),
        );
        store.keep_up(after(BUCKET_SECONDS + 20)).unwrap();
        store.append_logs(bucket_at(0), &[record(run)]).unwrap();
    }
    let mark = BucketMark {
        spans: 18,
        events: 4,
        logs: 2,
    };
    assert_eq!(store.bucket_states(after(BUCKET_SECONDS + 20))[0].mark, mark);
    drop(store);
    damage(folder.path(), &["span_blocks", "event_blocks"]);
    let store = open(folder.path());
    let mut shown = (0, 0, 0);
    let bucket = bucket_at(0);
    let spans = store.visit_bucket_spans(bucket, &mut |spans| {
        shown.0 += spans.len();
        ControlFlow::Continue(())
    });
    let events = store.visit_bucket_events(bucket, &mut |events| {
        shown.1 += events.len();
        ControlFlow::Continue(())
    });
    let logs = store.visit_bucket_logs(bucket, &mut |records| {
        shown.2 += records.len();
        ControlFlow::Continue(())
    });
    assert_eq!((spans.unwrap(), events.unwrap(), logs.unwrap()), (1, 1, 0));
    assert_eq!(shown, (9, 2, 2));
}

/// Makes the first value of each family something else.
fn damage(folder: &std::path::Path, families: &[&str]) {
    let options = rocksdb::Options::default();
    let all = rocksdb::DB::list_cf(&options, folder).unwrap();
    let db = rocksdb::DB::open_cf(&options, folder, all).unwrap();
    for family in families {
        let handle = db.cf_handle(family).unwrap();
        let (key, value) = db
            .iterator_cf(handle, rocksdb::IteratorMode::Start)
            .next()
            .unwrap()
            .unwrap();
        let mut changed = value.to_vec();
        let middle = changed.len() / 2;
        changed[middle] ^= 0x55;
        db.put_cf(handle, key, changed).unwrap();
    }
}
