//! Runs of spans that are merged with one another: parts of a trace come together, and nobody sees anything of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard, Span, SpanId, SpanKind, TraceId, Value};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{Clause, Needs, SpanFrameToStore, Store};
use support::{BUCKET_SECONDS, after, bucket_at, options};
use wire::otlp::encode_traces;
use wire::spans::{Cell, Cut, Field, LeftOut, Packer, Skim, SpanBuilder, Term, Wanted};

const CHILD: &str = "ELIXIRSCOPE_SPAN_MERGES_CHILD";
const TRACES: u64 = 60;

fn span(trace: u64, id: u64) -> Span {
    let text = |key: &str, value: String| event::KeyValue {
        key: key.to_owned(),
        value: Value::String(value),
    };
    Span {
        // Ids that differ in all bits, and ids that differ in few.
        trace: TraceId(u128::from(trace) << 64 | u128::from(trace.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)),
        id: SpanId(id),
        parent: SpanId(id / 2),
        name: format!("operation {}", id % 7),
        start_ns: 1_000_000 * trace + id,
        end_ns: 1_000_000 * trace + id * 10,
        attributes: vec![
            text("user", format!("user-{trace}")),
            text("part", format!("{}", id % 5)),
        ],
        flags: 1,
        kind: SpanKind::Server,
        ..Span::blank()
    }
}

/// A number that no batch of this process had.
fn next_seq() -> Seq {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    Seq(LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1)
}

fn frame(spans: &[Span], bucket: Bucket) -> SpanFrameToStore {
    let mut builder = SpanBuilder::new(3);
    assert!(
        Skim::new(&encode_traces(spans))
            .fill(&mut builder, usize::MAX)
            .unwrap()
    );
    let cut = Cut {
        producer: Producer(1),
        // A start is an epoch: numbers begin anew.
        epoch: Epoch(std::process::id().into()),
        hlc: Hlc(1),
        bucket,
    };
    let bytes = builder.finish(cut, |_| Shard(0), |_| next_seq(), &mut Packer::quick());
    SpanFrameToStore::new(bytes.unwrap()).unwrap()
}

/// One part of every trace.
fn part(part: u64) -> Vec<Span> {
    (0..TRACES).map(|trace| span(trace, part + 1)).collect()
}

fn ids(store: &Store, trace: u64) -> Vec<u64> {
    let spans = store.trace_spans(span(trace, 1).trace).unwrap();
    let mut ids: Vec<u64> = spans.iter().map(|span| span.id.0).collect();
    ids.sort_unstable();
    ids
}

/// Traces that have a user, as a search finds them by the terms and columns.
fn with_user(store: &Store, user: &str) -> BTreeSet<TraceId> {
    let test = |cell: Cell<'_>| matches!(cell, Cell::Text(text) if text == user.as_bytes());
    let field = Field::Span("user");
    let clause = Clause {
        terms: vec![Term::of(field, user.as_bytes())],
        hidden_by: vec![LeftOut::Attribute("user".to_owned())],
    };
    let needs = Needs {
        clauses: vec![clause],
    };
    let mut found = BTreeSet::new();
    store
        .visit_spans((0, u64::MAX), &needs, &mut |frame| {
            let selected = frame.select(&Wanted::Has(field, &test))?;
            let hits = frame.traces()?.into_iter().zip(selected).filter(|(_, hit)| *hit);
            found.extend(hits.map(|(trace, _)| trace.trace));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    found
}

/// Scenario: 20 frames with a part of each of 60 traces, then 12 of them again, each sealed by itself; then the store is opened
/// again. Guarantee: the runs are merged, all parts of a trace are in few of them, what came twice is there once, searches find
/// what they should, and the files of what was merged are gone.
#[test]
fn parts_come_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path(), options()).unwrap();
    for number in (0..20).chain(0..12) {
        store
            .append_spans(vec![frame(&part(number), bucket_at(0))])
            .unwrap();
        assert_eq!(store.seal_spans(after(BUCKET_SECONDS + 20)).unwrap(), 1);
    }
    let totals = store.stats().totals;
    assert!(totals.span_merges > 5, "{totals:?}");
    for again in [false, true] {
        let stats = store.span_stats();
        assert!(stats.runs < 8, "{stats:?}");
        assert_eq!(stats.open_rows, 0);
        assert!(
            stats.sealed_rows < 32 * TRACES && stats.sealed_rows >= 20 * TRACES,
            "{stats:?}"
        );
        for trace in 0..TRACES {
            assert_eq!(ids(&store, trace), (1..=20).collect::<Vec<u64>>());
            assert!(store.span_units_of(span(trace, 1).trace) < 8);
        }
        assert_eq!(with_user(&store, "user-7"), BTreeSet::from([span(7, 1).trace]));
        assert!(with_user(&store, "nobody").is_empty());
        if !again {
            drop(store);
            store = Store::open(folder.path(), options()).unwrap();
        }
    }
    let files = std::fs::read_dir(folder.path()).unwrap().flatten();
    let names: Vec<String> = files
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(!names.iter().any(|name| name.contains(".sst.tmp")), "{names:?}");
}

/// Scenario: traces that are whole in their runs. Guarantee: nothing is merged, since nothing would become smaller.
#[test]
fn whole_traces_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options()).unwrap();
    for trace in 0..6 {
        let spans: Vec<Span> = (1..9).map(|id| span(trace, id)).collect();
        store.append_spans(vec![frame(&spans, bucket_at(0))]).unwrap();
        assert_eq!(store.seal_spans(after(BUCKET_SECONDS + 20)).unwrap(), 1);
    }
    assert_eq!(
        (store.span_stats().runs, store.stats().totals.span_merges),
        (6, 0)
    );
    assert_eq!(store.span_units_of(span(3, 1).trace), 1);
}

/// Scenario: two threads read traces and search while parts are stored, sealed and merged. Guarantee: at any time a trace has all
/// parts that were acknowledged before it was asked for.
#[test]
fn readers_see_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(folder.path(), options()).unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let acked = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let read = |thread: u64| {
        let (store, done, acked) = (Arc::clone(&store), Arc::clone(&done), Arc::clone(&acked));
        std::thread::spawn(move || {
            let mut asked = thread;
            while !done.load(Ordering::Relaxed) {
                asked += 7;
                let parts = acked.load(Ordering::SeqCst);
                let found = ids(&store, asked % TRACES);
                assert!(found.len() as u64 >= parts, "{found:?}, {parts} parts");
                if parts > 0 {
                    let user = format!("user-{}", asked % TRACES);
                    assert_eq!(
                        with_user(&store, &user),
                        BTreeSet::from([span(asked % TRACES, 1).trace])
                    );
                }
            }
        })
    };
    let readers = [read(0), read(1)];
    for number in 0..30 {
        store
            .append_spans(vec![frame(&part(number), bucket_at(0))])
            .unwrap();
        acked.store(number + 1, Ordering::SeqCst);
        store.seal_spans(after(BUCKET_SECONDS + 20)).unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().unwrap();
    }
    assert!(store.stats().totals.span_merges > 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Scenario: the same frames, with parts of traces in any order and repeats, in two stores: one that seals and merges after
    /// each, one that never does; dropped and opened in between. Guarantee: both answer alike.
    #[test]
    fn merged_and_unmerged_answer_alike(
        frames in prop::collection::vec((prop::collection::vec((0u64..20, 1u64..9), 1..30), any::<bool>()), 1..16),
    ) {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let plain = Store::open(one.path(), options()).unwrap();
        let mut merged = Store::open(other.path(), options()).unwrap();
        for (spans, reopen) in &frames {
            let spans: Vec<Span> = spans.iter().map(|(trace, id)| span(*trace, *id)).collect();
            plain.append_spans(vec![frame(&spans, bucket_at(0))]).unwrap();
            merged.append_spans(vec![frame(&spans, bucket_at(0))]).unwrap();
            merged.seal_spans(after(BUCKET_SECONDS + 20)).unwrap();
            if *reopen {
                drop(merged);
                merged = Store::open(other.path(), options()).unwrap();
            }
        }
        for trace in 0..20 {
            let id = span(trace, 1).trace;
            prop_assert_eq!(merged.trace_spans(id).unwrap(), plain.trace_spans(id).unwrap());
            let user = format!("user-{trace}");
            prop_assert_eq!(with_user(&merged, &user), with_user(&plain, &user));
        }
    }
}

/// The child: stores parts, which are sealed and merged at once, and prints a line per acknowledged part.
#[test]
fn merging_child() {
    let Ok(arg) = std::env::var(CHILD) else { return };
    let (first, path) = arg.split_once(' ').unwrap();
    let mut o = options();
    o.upkeep_interval_ms = 1;
    o.retention_seconds = 1 << 30;
    o.now = Arc::new(|| after(1 << 20));
    let store = Store::open(Path::new(path), o).unwrap();
    let mut out = std::io::stdout();
    for number in first.parse::<u64>().unwrap().. {
        store
            .append_spans(vec![frame(&part(number), bucket_at(0))])
            .unwrap();
        writeln!(out, "ACK {number}").unwrap();
        out.flush().unwrap();
    }
}

/// Scenario: lives of a writer whose spans are sealed and merged all the time, each SIGKILLed at a random moment; cycles:
/// `ELIXIRSCOPE_CRASH_CYCLES`. Guarantee: all parts that were acknowledged are there, each once, and at most one more; no file of a
/// run that nobody knows is left.
#[test]
fn merges_survive_sigkill() {
    let cycles = std::env::var("ELIXIRSCOPE_CRASH_CYCLES")
        .ok()
        .and_then(|v| v.parse().ok());
    let dir = tempfile::tempdir().unwrap();
    let mut next = 0u64;
    let mut pause = 3u64;
    for _ in 0..cycles.unwrap_or(8) {
        pause = pause * 7919 % 400_009;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "merging_child", "--nocapture", "--test-threads=1"])
            .env(CHILD, format!("{next} {}", dir.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("ACK") {
            assert_ne!(lines.read_line(&mut said).unwrap(), 0, "child ended by itself");
        }
        std::thread::sleep(Duration::from_micros(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        lines.read_to_string(&mut said).unwrap();
        let whole = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let acked = whole.filter_map(|line| line.rsplit_once("ACK ")?.1.trim_end().parse::<u64>().ok());
        let acked = acked.max().unwrap() + 1;
        let mut o = options();
        o.retention_seconds = 1 << 30;
        let store = Store::open(dir.path(), o).unwrap();
        let there = ids(&store, 0).len() as u64;
        assert!(there == acked || there == acked + 1, "{there} of {acked}");
        for trace in 0..TRACES {
            assert_eq!(ids(&store, trace), (1..=there).collect::<Vec<u64>>());
        }
        next = there;
    }
}
