//! SIGKILL at random moments while spans are stored, sealed and merged: batches that were acknowledged are held, found and compared; none is
//! half there.
//!
//! The child is this test binary, started again with an environment variable; it reports each acknowledged frame on its standard output. Cycles:
//! `ELIXIRSCOPE_CRASH_CYCLES` (default 20).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Epoch, Hlc, Producer, Seq, Shard, Span, SpanId, TraceId};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use store::{Admission, FrameToStore, Store};
use support::{after, bucket_at, options, put};
use wire::otlp::encode_traces;
use wire::spans::{Cut, Packer, Skim, SpanBuilder};

const CHILD: &str = "ELIXIRSCOPE_SPAN_CRASH_CHILD";
const SHARDS: NonZeroU16 = NonZeroU16::new(3).unwrap();

fn open(path: &Path, upkeep_interval_ms: u64) -> Store {
    let mut o = options();
    o.shards = SHARDS;
    o.upkeep_interval_ms = upkeep_interval_ms;
    o.retention_seconds = 1 << 30;
    // Every bucket is over at once, so that sealing runs beside writing.
    o.now = std::sync::Arc::new(|| after(1 << 20));
    Store::open(path, o).unwrap()
}

/// Frame `n` of an epoch: a part of each of some traces, so that runs have traces in common.
fn frame(epoch: u64, n: u64) -> FrameToStore {
    let span = |trace: u64| Span {
        trace: TraceId(u128::from(trace)),
        id: SpanId(epoch << 32 | n << 8 | trace),
        start_ns: n,
        end_ns: n + 1,
        ..Span::blank()
    };
    let spans: Vec<Span> = (1..12).map(span).collect();
    let mut builder = SpanBuilder::new(3);
    assert!(
        Skim::new(&encode_traces(&spans))
            .fill(&mut builder, usize::MAX)
            .unwrap()
    );
    let cut = Cut {
        producer: Producer(5),
        epoch: Epoch(epoch),
        hlc: Hlc(1),
        bucket: bucket_at(0),
    };
    let shard_of = |trace| placement::shard_of(trace, SHARDS);
    let bytes = builder.finish(cut, shard_of, |_| Seq(n), &mut Packer::quick());
    FrameToStore::new(bytes.unwrap()).unwrap().choosing(&[0, 2])
}

/// The child: writes without pause and prints a line per acknowledged frame.
#[test]
fn crash_child() {
    let Ok(arg) = std::env::var(CHILD) else { return };
    let (epoch, path) = arg.split_once(' ').unwrap();
    let epoch: u64 = epoch.parse().unwrap();
    let store = open(Path::new(path), 5);
    for n in 1..1_000_000 {
        let stored = put(&store, frame(epoch, n));
        assert_eq!(stored, [Admission::Stored; 2]);
        let mut out = std::io::stdout().lock();
        writeln!(out, "acked {n}").unwrap();
        out.flush().unwrap();
    }
}

/// Scenario: the child is killed while it stores, seals and merges; many times in one folder. Guarantee: each acknowledged frame is held and is a
/// duplicate; what is held beyond that is one frame at most, wholly; memory, lists and digests on the disk agree; all spans of what is held are found.
#[test]
fn spans_survive_sigkill() {
    let cycles = std::env::var("ELIXIRSCOPE_CRASH_CYCLES").ok();
    let cycles: u64 = cycles.and_then(|n| n.parse().ok()).unwrap_or(20);
    let dir = tempfile::tempdir().unwrap();
    let mut acked: BTreeMap<u64, u64> = BTreeMap::new();
    for epoch in 1..=cycles {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash_child", "--nocapture"])
            .env(CHILD, format!("{epoch} {}", dir.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 3 + epoch * 7 % 40;
        let mut last = 0;
        for line in lines {
            let line = line.unwrap();
            if let Some(n) = line.split("acked ").nth(1) {
                last = n.parse().unwrap();
                if last == wanted {
                    std::thread::sleep(Duration::from_micros(epoch * 731 % 4000));
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        assert!(last >= wanted, "the child ended by itself after {last}");
        acked.insert(epoch, last);
        if !epoch.is_multiple_of(4) {
            continue;
        }
        let store = open(dir.path(), 0);
        check(&store, &acked);
        store.keep_up(after(1 << 20)).unwrap();
        check(&store, &acked);
    }
}

fn check(store: &Store, acked: &BTreeMap<u64, u64>) {
    let view = store.synced();
    let (bucket, mut spans) = (bucket_at(0), 0);
    for (epoch, last) in acked {
        let source = (Producer(5), Epoch(*epoch));
        let list = |shard| view.list(Shard(shard), bucket, source, Seq(0), 1 << 20).unwrap();
        let lists = [list(0), list(1), list(2)];
        assert!(lists[1].is_empty(), "it was not chosen");
        assert_eq!(lists[0].len(), lists[2].len(), "half a frame is held");
        let held = lists[0].len() as u64;
        assert!(
            held == *last || held == last + 1,
            "{held} are held, {last} were acknowledged"
        );
        assert!(lists[0].iter().zip(1..).all(|(s, n)| s.first == Seq(n)));
        for n in [1, *last] {
            assert_eq!(put(store, frame(*epoch, n)), [Admission::Duplicate; 2]);
        }
        spans += held;
    }
    for (shard, sum) in store.digests(bucket).unwrap() {
        assert_eq!(view.buckets(shard), [(bucket, sum)]);
    }
    for trace in (1..12).map(TraceId) {
        if placement::shard_of(trace, SHARDS) != Shard(1) {
            assert_eq!(store.trace_spans(trace).unwrap().len() as u64, spans);
        }
    }
}
