//! Frames of logs have identities: stored once, chosen, compared, copied.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Epoch, Hlc, LogRecord, Producer, Seq, Shard, SpanId, TraceId, Value};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use store::{Admission, FrameToStore, HeldSection, LogFilter, Store, log_shard};
use support::{after, bucket_at, open, put};

const SHARDS: NonZeroU16 = NonZeroU16::new(4).unwrap();

fn record((trace, time_ns): (u128, u64)) -> LogRecord {
    LogRecord {
        time_ns,
        observed_ns: time_ns + 5,
        severity: 9,
        severity_text: "INFO".to_owned(),
        body: Value::String(format!("order {time_ns}")),
        attributes: Vec::new(),
        dropped_attributes: 0,
        flags: 0,
        trace: TraceId(trace),
        span: SpanId(u64::from(trace != 0)),
        event_name: String::new(),
        resource: std::sync::Arc::default(),
        scope: std::sync::Arc::default(),
    }
}

fn frame(producer: u128, seqs: &mut BTreeMap<(u128, Shard), u64>, of: &[(u128, u64)]) -> FrameToStore {
    let records: Vec<LogRecord> = of.iter().copied().map(record).collect();
    let seq_of = |shard| {
        let seq = seqs.entry((producer, shard)).or_default();
        *seq += 1;
        Seq(*seq)
    };
    let source = (Producer(producer), Epoch(1));
    FrameToStore::of_logs(source, (Hlc(1), bucket_at(0)), SHARDS, &records, seq_of).unwrap()
}

/// Times of all records, ascending.
fn found(store: &Store) -> Vec<u64> {
    let filter = LogFilter {
        trace: None,
        range: (0, u64::MAX),
        severity: 0,
        limit: 10_000,
    };
    let mut times: Vec<u64> = store
        .find_logs(&filter)
        .unwrap()
        .iter()
        .map(|record| record.time_ns)
        .collect();
    times.sort_unstable();
    times
}

fn batches(store: &Store) -> Vec<HeldSection> {
    let view = store.synced();
    let mut all = Vec::new();
    for shard in (0..SHARDS.get()).map(Shard) {
        for (bucket, sum) in view.buckets(shard) {
            assert_eq!(store.digests(bucket).unwrap().get(&shard), Some(&sum));
            let sources = view.sources(shard, bucket).unwrap();
            assert_eq!(
                sources.iter().fold(0u128, |all, (_, of)| all.wrapping_add(*of)),
                sum
            );
            for (source, _) in sources {
                let first = view.list(shard, bucket, source, Seq(0), 1).unwrap();
                let others = view.list(shard, bucket, source, first[0].first, 100).unwrap();
                for s in first.into_iter().chain(others) {
                    assert!(view.has(source, shard, s.first, bucket).unwrap());
                    all.push(s);
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Scenario: frames of logs of two collectors, in traces and in none, some sections foreign, each twice, restarts between; all is copied to
    /// another store. Guarantee: stored once; what was chosen is found, once; both have the same batches, digests and records; what is dropped
    /// with its bucket is gone.
    #[test]
    fn copies_of_logs_are_the_same(
        sent in prop::collection::vec((7..9u128, prop::collection::vec((0..9u128, 1..1_000u64), 1..9), 0..16u8, any::<bool>()), 1..9),
        at_once in 1..9usize,
    ) {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut one, other) = (open(a.path()), open(b.path()));
        let (mut seqs, mut held) = (BTreeMap::new(), Vec::new());
        for (producer, records, mask, reopen) in sent {
            let frame = frame(producer, &mut seqs, &records);
            let sections = &frame.digest().sections;
            let chosen: Vec<u16> = (0..sections.len() as u16).filter(|at| mask & 1 << at != 0).collect();
            let shards: Vec<Shard> = chosen.iter().map(|at| sections[usize::from(*at)].shard).collect();
            let here = |of: &&(u128, u64)| shards.contains(&log_shard(&record(**of), SHARDS));
            held.extend(records.iter().filter(here).map(|(_, time)| *time));
            let frame = FrameToStore::new(frame.bytes().to_vec()).unwrap().choosing(&chosen);
            prop_assert_eq!(put(&one, frame.clone()), vec![Admission::Stored; chosen.len()]);
            prop_assert_eq!(put(&one, frame), vec![Admission::Duplicate; chosen.len()]);
            if reopen {
                drop(one);
                one = open(a.path());
            }
        }
        held.sort_unstable();
        prop_assert_eq!(found(&one), held.clone());
        let all = batches(&one);
        for wanted in all.chunks(at_once) {
            let mut came = Vec::new();
            for cut in one.synced().frames(wanted).unwrap() {
                let admissions = put(&other, FrameToStore::new(cut.bytes).unwrap().choosing(&cut.positions));
                prop_assert!(admissions.iter().all(|a| *a == Admission::Stored));
                came.extend(cut.sections);
            }
            came.sort_unstable();
            let mut wanted = wanted.to_vec();
            wanted.sort_unstable();
            prop_assert_eq!(came, wanted);
        }
        prop_assert_eq!(batches(&other), all);
        prop_assert_eq!(found(&other), held);
        other.keep_up(after(4000)).unwrap();
        prop_assert!(batches(&other).is_empty() && found(&other).is_empty());
    }
}

/// Scenario: a number comes again with other records. Guarantee: a conflict that changes nothing.
#[test]
fn a_number_with_other_logs_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, frame(7, &mut BTreeMap::new(), &[(1, 1)]));
    assert_eq!(
        put(&store, frame(7, &mut BTreeMap::new(), &[(1, 2)])),
        [Admission::Conflict]
    );
    assert_eq!(found(&store), [1]);
}
