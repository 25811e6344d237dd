//! Opening: clear errors, and the promises that outlive a process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Hlc, TraceId};
use rocksdb::{ColumnFamilyDescriptor, DB, Options};
use store::{FORMAT, OpenError, Owner, Store};
use support::{frame, open, options, put, small_trace};

/// Scenario: opened twice. Guarantee: the second is told that the folder is in use; after the first is gone it opens.
#[test]
fn a_store_has_one_user() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    assert!(matches!(
        Store::open(dir.path(), options()),
        Err(OpenError::InUse { .. })
    ));
    drop(first);
    open(dir.path());
}

/// Scenario: another member's folder. Guarantee: refused, saying whose it is.
#[test]
fn a_store_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let with = |member| {
        let mut o = options();
        o.owner = Some(Owner { cluster: 5, member });
        o
    };
    Store::open(dir.path(), with(1)).unwrap();
    Store::open(dir.path(), with(1)).unwrap();
    let error = Store::open(dir.path(), with(2)).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::OtherOwner {
                cluster: 5,
                member: 1,
                ..
            }
        ),
        "{error}"
    );
}

/// Scenario: a format from the future. Guarantee: refused, with both numbers.
#[test]
fn a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    {
        let families = DB::list_cf(&Options::default(), dir.path()).unwrap();
        let families = families
            .into_iter()
            .map(|f| ColumnFamilyDescriptor::new(f, Options::default()));
        let db = DB::open_cf_descriptors(&Options::default(), dir.path(), families).unwrap();
        db.put_cf(db.cf_handle("meta").unwrap(), b"format", 9u32.to_be_bytes())
            .unwrap();
    }
    let error = Store::open(dir.path(), options()).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::NewerFormat {
                found: 9,
                known: FORMAT,
                ..
            }
        ),
        "{error}"
    );
}

/// Scenario: the path is below a file. Guarantee: an error about writing, with the path.
#[test]
fn a_folder_that_cannot_be_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Store::open(&file.path().join("data"), options()).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
    assert!(error.to_string().contains(&file.path().display().to_string()));
}

/// Scenario: the bound of the clock is raised, then "raised" to less; restart. Guarantee: it never goes back.
#[test]
fn the_clock_bound_only_grows() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        assert_eq!(store.hlc_bound().unwrap(), Hlc(0));
        store.raise_hlc_bound(Hlc(500)).unwrap();
        store.raise_hlc_bound(Hlc(400)).unwrap();
    }
    assert_eq!(open(dir.path()).hlc_bound().unwrap(), Hlc(500));
}

/// Scenario: one of three stored frames is overwritten with something else. Guarantee: the store opens, says so, and answers with the
/// other two.
#[test]
fn one_damaged_frame_is_said_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        for seq in 1..=3u64 {
            put(&store, frame(1, seq, &[(0, seq, small_trace(seq.into(), seq))]));
        }
    }
    {
        let families = DB::list_cf(&Options::default(), dir.path()).unwrap();
        let families = families
            .into_iter()
            .map(|f| ColumnFamilyDescriptor::new(f, Options::default()));
        let db = DB::open_cf_descriptors(&Options::default(), dir.path(), families).unwrap();
        let frames = db.cf_handle("frames").unwrap();
        let (key, value) = db
            .iterator_cf(frames, rocksdb::IteratorMode::Start)
            .nth(1)
            .unwrap()
            .unwrap();
        let mut bytes = value.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        db.put_cf(frames, key, bytes).unwrap();
    }
    let store = open(dir.path());
    assert_eq!(store.stats().totals.damaged_frames, 1);
    let there = |t| store.trace_rows(TraceId(t)).unwrap().events.len();
    assert_eq!([there(1), there(2), there(3)], [2, 0, 2]);
    assert_eq!(store.audit().unwrap().damaged_frames, 1);
    assert_eq!(store.stats().totals.damaged_batches, 1);
}
