//! What is left of format 1: frames of version 1 that agents still send, and stores with an index of frames.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Event, Micros, TraceId};
use rocksdb::{ColumnFamilyDescriptor, DB, Options};
use std::collections::BTreeSet;
use store::{Admission, FrameToStore, Store};
use support::{frame, open, options, put, small_trace};

const FRAME: &[u8] = include_bytes!("../../../docs/examples/frame-1.bin");

/// Scenario: the example of a frame of version 1 is sent, again, and again after it was sealed. Guarantee: stored once; each event
/// that the old reader reads is returned by its trace, or is in no trace.
#[test]
fn frames_of_version_1_are_taken() {
    let decoded = wire::frame::decode(FRAME).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut kept = options();
    kept.retention_seconds = 1 << 40;
    let store = Store::open(dir.path(), kept).unwrap();
    let sent = FrameToStore::new(FRAME.to_vec()).unwrap();
    assert!(put(&store, sent.clone()).iter().all(|a| *a == Admission::Stored));
    let traces: BTreeSet<TraceId> = decoded.events().map(|e| e.trace).filter(|t| t.0 != 0).collect();
    assert!(!traces.is_empty());
    for _ in 0..2 {
        for trace in &traces {
            let rows = store.trace_rows(*trace).unwrap();
            assert!(rows.complete());
            let mut expected: Vec<&Event> = decoded.events().filter(|e| e.trace == *trace).collect();
            expected.sort_by_key(|e| (e.hlc, e.time, e.pid, e.ordinal));
            assert_eq!(rows.events.iter().map(|(_, e)| e).collect::<Vec<_>>(), expected);
        }
        assert!(
            put(&store, sent.clone())
                .iter()
                .all(|a| *a == Admission::Duplicate)
        );
        store.keep_up(Micros(1 << 59)).unwrap();
        assert_eq!(store.stats().open_frames, 0);
    }
}

/// Scenario: a store of format 1, which has families of an index. Guarantee: it opens, all traces are there, the old families are gone, and
/// a program of format 1 would refuse it from now on.
#[test]
fn an_old_index_is_dropped() {
    const OLD: [&str; 3] = ["buckets", "traces", "postings"];
    let dir = tempfile::tempdir().unwrap();
    let batches = [(0, 1, small_trace(5, 0)), (1, 1, small_trace(6, 0))];
    put(&open(dir.path()), frame(1, 0, &batches));
    let families = || DB::list_cf(&Options::default(), dir.path()).unwrap();
    let raw = |options: &Options| {
        let families = families();
        let families = families
            .iter()
            .map(|f| ColumnFamilyDescriptor::new(f, Options::default()));
        DB::open_cf_descriptors(options, dir.path(), families).unwrap()
    };
    {
        let mut db = raw(&Options::default());
        for name in OLD {
            db.create_cf(name, &Options::default()).unwrap();
            db.put_cf(db.cf_handle(name).unwrap(), b"key", b"value").unwrap();
        }
        db.put_cf(db.cf_handle("meta").unwrap(), b"format", 1u32.to_be_bytes())
            .unwrap();
    }
    {
        let store = open(dir.path());
        for trace in [5, 6] {
            assert_eq!(store.trace_rows(TraceId(trace)).unwrap().events.len(), 2);
        }
        assert!(
            put(&store, frame(1, 0, &batches))
                .iter()
                .all(|a| *a == Admission::Duplicate)
        );
    }
    assert!(families().iter().all(|f| !OLD.contains(&f.as_str())));
    let db = raw(&Options::default());
    let format = db.get_cf(db.cf_handle("meta").unwrap(), b"format").unwrap();
    assert_eq!(format.unwrap(), store::FORMAT.to_be_bytes());
}
