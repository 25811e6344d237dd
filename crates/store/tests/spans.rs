//! Spans in the store: what was acknowledged is returned, once, before and after sealing and opening again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use event::{
    Bucket, Epoch, Hlc, Micros, Producer, Resource, Seq, Shard, Span, SpanId, SpanKind, StatusCode, TraceId,
    Value,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use store::{Clause, Needs, SpanFrameToStore, Store};
use support::{BUCKET_SECONDS, SECOND_US, T0_US, after, bucket_at, options};
use wire::otlp::encode_traces;
use wire::spans::{Cell, Cut, Field, LeftOut, Packer, Skim, SpanBuilder, Term, Wanted};

const ALWAYS: (u64, u64) = (0, u64::MAX);

fn span(trace: u128, id: u64, start_ns: u64) -> Span {
    Span {
        trace: TraceId(trace),
        id: SpanId(id),
        parent: SpanId(id / 2),
        trace_state: String::new(),
        flags: 1,
        name: format!("operation {}", id % 7),
        kind: SpanKind::Server,
        start_ns,
        end_ns: start_ns + id * 10,
        status: StatusCode::Unset,
        status_message: String::new(),
        attributes: vec![
            event::KeyValue {
                key: "order".to_owned(),
                value: Value::Int(id as i64),
            },
            event::KeyValue {
                key: "user".to_owned(),
                value: Value::String(format!("user-{trace}")),
            },
        ],
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        resource: Arc::new(Resource {
            attributes: vec![event::KeyValue {
                key: "service.name".to_owned(),
                value: Value::from("shop"),
            }],
            ..Resource::default()
        }),
        scope: Arc::default(),
    }
}

/// A number that no batch of this process had.
fn next_seq() -> Seq {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    Seq(LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1)
}

fn frame(spans: &[Span], bucket: Bucket) -> SpanFrameToStore {
    let request = encode_traces(spans);
    let mut builder = SpanBuilder::new(3);
    assert!(Skim::new(&request).fill(&mut builder, usize::MAX).unwrap());
    let cut = Cut {
        producer: Producer(1),
        epoch: Epoch(1),
        hlc: Hlc(1),
        bucket,
    };
    let bytes = builder
        .finish(cut, |_| Shard(0), |_| next_seq(), &mut Packer::default())
        .unwrap();
    SpanFrameToStore::new(bytes).unwrap()
}

fn open(path: &Path) -> Store {
    Store::open(path, options()).unwrap()
}

fn ids(store: &Store, trace: u128) -> Vec<u64> {
    let mut ids: Vec<u64> = store
        .trace_spans(TraceId(trace))
        .unwrap()
        .iter()
        .map(|span| span.id.0)
        .collect();
    ids.sort_unstable();
    ids
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(u128, u64)>, u64),
    Seal(u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let spans = prop::collection::vec((1u128..6, 1u64..9), 1..12);
    prop_oneof![
        4 => (spans, 0u64..180).prop_map(|(spans, at)| Step::Append(spans, at)),
        2 => (0u64..400).prop_map(Step::Seal),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Scenario: frames of any traces in any buckets, the same spans again, sealing at any time, the store opened again in between.
    /// Guarantee: each trace has its spans, each once.
    #[test]
    fn each_span_once(steps in prop::collection::vec(step(), 1..14)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        let mut sent: BTreeMap<u128, Vec<u64>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Append(spans, at) => {
                    for (trace, id) in &spans {
                        sent.entry(*trace).or_default().push(*id);
                    }
                    let spans: Vec<Span> = spans.iter().map(|(trace, id)| span(*trace, *id, id * 1000)).collect();
                    store.append_spans(vec![frame(&spans, bucket_at(at * SECOND_US))]).unwrap();
                }
                Step::Seal(at) => {
                    store.seal_spans(after(at)).unwrap();
                }
                Step::Reopen => {
                    drop(store);
                    store = open(folder.path());
                }
            }
            for (trace, ids_sent) in &mut sent {
                ids_sent.sort_unstable();
                ids_sent.dedup();
                prop_assert_eq!(&ids(&store, *trace), ids_sent, "trace {}", trace);
            }
        }
        prop_assert!(ids(&store, 99).is_empty());
    }
}

/// Scenario: 40 traces in a sealed run and 3 in a frame; a search by a user's name, by a number, in a range of time. Guarantee:
/// exactly the traces that have it, newest first; a name that nobody has is answered without reading the run.
#[test]
fn search() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let spans: Vec<Span> = (1..=40u64)
        .flat_map(|t| (1..=5).map(move |i| span(u128::from(t), i, t * 1_000_000)))
        .collect();
    store.append_spans(vec![frame(&spans, bucket_at(0))]).unwrap();
    assert_eq!(store.seal_spans(after(BUCKET_SECONDS + 20)).unwrap(), 1);
    let spans: Vec<Span> = (41..=43u64)
        .map(|t| span(u128::from(t), 5, t * 1_000_000))
        .collect();
    store
        .append_spans(vec![frame(&spans, bucket_at(100 * SECOND_US))])
        .unwrap();
    let found = |range: (u64, u64), user: &str| {
        let test = |cell: Cell<'_>| matches!(cell, Cell::Text(text) if text == user.as_bytes());
        let field = Field::Span("user");
        let needs = Needs {
            clauses: vec![Clause {
                terms: vec![Term::of(field, user.as_bytes())],
                hidden_by: vec![LeftOut::Attribute("user".to_owned())],
            }],
        };
        let mut found = Vec::new();
        let inspected = store
            .visit_spans(range, &needs, &mut |frame| {
                let traces = frame.traces()?;
                let selected = frame.select(&Wanted::Has(field, &test))?;
                let hits = traces.iter().zip(selected).filter(|(_, hit)| *hit);
                found.extend(hits.map(|(trace, _)| trace.trace.0));
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
        (found, inspected)
    };
    assert_eq!(found(ALWAYS, "user-7").0, [7]);
    assert_eq!(found(ALWAYS, "user-42").0, [42]);
    let (none, inspected) = found(ALWAYS, "nobody");
    assert!(none.is_empty());
    assert_eq!((inspected.units, inspected.skipped), (1, 1));
    assert!(found((50_000_000, u64::MAX), "user-7").0.is_empty());
}

/// Scenario: more is stored than the disk's bound; then the retention passes. Guarantee: the oldest buckets go, the newest stays,
/// and what goes is counted.
#[test]
fn old_buckets_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut bounded = options();
    bounded.disk_bytes_max = 1;
    let store = Store::open(folder.path(), bounded).unwrap();
    for minute in 0..3u64 {
        let spans = [span(u128::from(minute) + 1, 1, 1000)];
        store
            .append_spans(vec![frame(
                &spans,
                bucket_at(minute * BUCKET_SECONDS * SECOND_US),
            )])
            .unwrap();
    }
    store
        .keep_up(Micros(T0_US + 3 * BUCKET_SECONDS * SECOND_US))
        .unwrap();
    assert_eq!(
        (ids(&store, 1), ids(&store, 2), ids(&store, 3)),
        (vec![], vec![], vec![1])
    );
    assert_eq!(store.stats().totals.dropped_spans, 2);
    store.keep_up(after(24 * 3600)).unwrap();
    assert!(ids(&store, 3).is_empty());
    assert_eq!(store.span_stats().sealed_rows + store.span_stats().open_rows, 0);
    drop(store);
    assert!(ids(&open(folder.path()), 3).is_empty());
}

/// Scenario: a trace of 70,000 spans with long texts, in many frames: too large for a block. Guarantee: sealed in more blocks,
/// read whole.
#[test]
fn a_trace_too_large_for_a_block() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let bucket = bucket_at(0);
    for part in 0..14u64 {
        let spans: Vec<Span> = (0..5_000u64)
            .map(|i| {
                let id = part * 5_000 + i + 1;
                let mut span = span(1, id, id);
                span.name = format!(
                    "{:032x}",
                    u128::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
                );
                span
            })
            .collect();
        store.append_spans(vec![frame(&spans, bucket)]).unwrap();
    }
    store.append_spans(vec![frame(&[span(2, 7, 7)], bucket)]).unwrap();
    assert!(store.seal_spans(after(BUCKET_SECONDS + 20)).unwrap() >= 1);
    assert_eq!(store.span_stats().open_frames, 0);
    assert_eq!(ids(&store, 1), (1..=70_000).collect::<Vec<u64>>());
    assert_eq!(ids(&store, 2), [7]);
}
