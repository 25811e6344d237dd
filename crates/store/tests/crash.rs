//! SIGKILL at random moments: what was acknowledged is there, and nothing that was never sent.
//!
//! The child is this test binary, started again with an environment variable. It reports each acknowledged batch on its standard
//! output, a pipe; the parent kills it, opens the store and compares. Cycles: `ELIXIRSCOPE_CRASH_CYCLES` (default 20);
//! seed: `ELIXIRSCOPE_CRASH_SEED` (default: the time).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{EventKind, TraceId};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{Admission, Store};
use support::{SECOND_US, after, event, frame, options, put, small_trace};

const CHILD: &str = "ELIXIRSCOPE_CRASH_CHILD";
/// Batches of one life; never reached.
const BATCHES_MAX: u64 = 1_000_000;

/// The trace of a batch; its events are a function of epoch and number alone.
fn trace_of(epoch: u64, seq: u64) -> u128 {
    u128::from(epoch) << 64 | u128::from(seq)
}

fn batch(epoch: u64, seq: u64) -> store::FrameToStore {
    let at = seq * SECOND_US / 20;
    let trace = trace_of(epoch, seq);
    let mut events = small_trace(trace, at);
    // Some frames are large enough to be kept out of the tree.
    let mut value = event(trace, EventKind::Value, at + 20, 2, 3);
    value.flags = event::Flags(event::Flags::PAYLOAD);
    value.payload = (0..(seq % 7) * 4000).map(|i| ((i * i) >> 3) as u8).collect();
    events.push(value);
    frame(epoch, at, &[((seq % 5) as u16, 1 + seq / 5, events)])
}

/// The child: writes without pause, many requests at once, and prints a line per acknowledged batch.
#[test]
fn crash_child() {
    let Ok(arg) = std::env::var(CHILD) else { return };
    let (epoch, path) = arg.split_once(' ').unwrap();
    let epoch: u64 = epoch.parse().unwrap();
    let mut o = options();
    o.upkeep_interval_ms = 50;
    o.retention_seconds = 1 << 30;
    // Every bucket is over at once, so that closing runs beside writing.
    o.now = std::sync::Arc::new(|| after(1 << 20));
    let store = Store::open(Path::new(path), o).unwrap();
    let (tell, told) = channel();
    let mut out = std::io::stdout();
    for seq in 0..BATCHES_MAX {
        let tell = tell.clone();
        let done = Box::new(move |r: Result<store::Receipt, _>| {
            let stored = r.is_ok_and(|r| support::admissions(&r) == [Admission::Stored]);
            let _ = tell.send((seq, stored));
        });
        if store.submit(vec![batch(epoch, seq)], done).is_err() {
            std::thread::yield_now();
        }
        if seq % 8 == 7 {
            let (acked, stored) = told.recv().unwrap();
            for (seq, stored) in std::iter::once((acked, stored)).chain(told.try_iter()) {
                assert!(stored);
                writeln!(out, "ACK {seq}").unwrap();
            }
            out.flush().unwrap();
        }
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64* (Vigna 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// One life of the child, killed after `acks` acknowledgements and some microseconds; returns what it acknowledged.
fn live_and_die(path: &Path, epoch: u64, acks: usize, then_us: u64) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash_child", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{epoch} {}", path.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut acked = Vec::new();
    let mut line = String::new();
    while acked.len() < acks {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "child ended by itself");
        acked.extend(ack_of(&line));
    }
    std::thread::sleep(Duration::from_micros(then_us));
    child.kill().unwrap();
    child.wait().unwrap();
    // What was in the pipe was acknowledged too; a line that is cut off does not count.
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    acked.extend(
        rest.split_inclusive('\n')
            .filter(|l| l.ends_with('\n'))
            .filter_map(ack_of),
    );
    acked
}

fn ack_of(line: &str) -> Option<u64> {
    line.rsplit_once("ACK ")?.1.trim_end().parse().ok()
}

/// Scenario: many lives of a writer, each SIGKILLed at a random moment while it commits, closes buckets and is closed upon.
/// Guarantee: every acknowledged batch is there, whole and once; nothing else is there than what was sent; it can be sent again.
#[test]
fn acknowledged_batches_survive_sigkill() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let cycles = number("ELIXIRSCOPE_CRASH_CYCLES").unwrap_or(20);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = number("ELIXIRSCOPE_CRASH_SEED").unwrap_or(clock) | 1;
    println!("ELIXIRSCOPE_CRASH_SEED={seed} cycles={cycles}");
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut lives: Vec<BTreeSet<u64>> = Vec::new();
    for epoch in 1..=cycles {
        let acks = 1 + (random.next() % 150) as usize;
        let acked = live_and_die(dir.path(), epoch, acks, random.next() % 20_000);
        lives.push(acked.into_iter().collect());
        let mut o = options();
        o.retention_seconds = 1 << 30;
        let store = Store::open(dir.path(), o).unwrap();
        check(&store, epoch, lives.last().unwrap());
        if let Some(old) = lives.len().checked_sub(2) {
            check(&store, old as u64 + 1, &lives[old]);
        }
    }
    println!("acknowledged: {}", lives.iter().map(BTreeSet::len).sum::<usize>());
}

fn check(store: &Store, epoch: u64, acked: &BTreeSet<u64>) {
    let last = *acked.last().unwrap();
    // In flight when it died: stored or not, but never in part.
    for seq in 0..last + 40 {
        let rows = store.trace_rows(TraceId(trace_of(epoch, seq))).unwrap();
        assert!(rows.complete(), "epoch {epoch} seq {seq}");
        let there = rows.events.len();
        if acked.contains(&seq) {
            assert_eq!(there, 3, "epoch {epoch} seq {seq} was acknowledged");
        }
        assert!(
            there == 0 || there == 3,
            "epoch {epoch} seq {seq}: {there} events"
        );
        let summary = store.summary(TraceId(trace_of(epoch, seq))).unwrap();
        assert_eq!(summary.map_or(0, |s| s.events), there as u64);
    }
    // A retry is a duplicate exactly if it is there.
    for seq in [0, last / 2, last, last + 1] {
        let there = store.summary(TraceId(trace_of(epoch, seq))).unwrap().is_some();
        let expected = if there {
            Admission::Duplicate
        } else {
            Admission::Stored
        };
        assert_eq!(
            put(store, batch(epoch, seq)),
            [expected],
            "epoch {epoch} seq {seq}"
        );
    }
}
