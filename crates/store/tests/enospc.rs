//! Disks that do not do what they should: full (without the reserve that normally keeps the store from it), read-only,
//! broken.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{EventKind, Flags, TraceId};
use store::{Class, OpenError, Store, StoreError};
use support::{event, frame, open, options, put, small_trace};
use testbed::Disk;

/// Scenario: writing until the disk is full; then more space, and a restart. Guarantee: a typed error, then refusal of everything until
/// the restart; afterwards every acknowledged batch is there and writing goes on.
#[test]
fn a_disk_that_is_really_full() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_memory(dir.path(), 24 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let path = dir.path().join("data");
    let open = || {
        let mut o = options();
        o.disk_reserve_bytes = 0;
        Store::open(&path, o)
    };
    let batch = |seq: u64| {
        let mut e = event(u128::from(seq), EventKind::Value, seq, 1, 3);
        e.flags = Flags(Flags::PAYLOAD);
        // Incompressible.
        let mut x = seq | 1;
        e.payload = (0..60_000)
            .map(|_| {
                x = x
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (x >> 56) as u8
            })
            .collect();
        frame(1, seq, &[(0, seq, vec![e])])
    };
    let mut acked = 0;
    {
        let store = open().unwrap();
        let error = loop {
            match store.append(vec![batch(acked + 1)]) {
                Ok(_) => acked += 1,
                Err(e) => break e,
            }
            assert!(acked < 1000, "the disk is never full");
        };
        println!("full after {acked} batches: {error}");
        if error.class() == Class::Fatal {
            assert!(store.append(vec![batch(acked + 1)]).is_err());
            assert!(store.check_writable().is_err());
        }
        assert_eq!(store.trace_rows(TraceId(1)).unwrap().events.len(), 1);
    }
    assert!(acked > 10);
    disk.resize(200 << 10).unwrap();
    let store = open().unwrap();
    for seq in 1..=acked {
        assert_eq!(
            store.trace_rows(TraceId(u128::from(seq))).unwrap().events.len(),
            1,
            "batch {seq}"
        );
    }
    store.append(vec![batch(acked + 1)]).unwrap();
}

/// Scenario: the folder of a store that was used is on a file system that is mounted for reading only; then one that never
/// was a store. Guarantee: refused with the folder's name and the system's words; mounted for writing again it opens.
#[test]
fn a_read_only_mount_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_memory(dir.path(), 100 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let (used, new) = (dir.path().join("used"), dir.path().join("new"));
    put(&open(&used), frame(1, 1, &[(0, 1, small_trace(1, 1))]));
    disk.read_only().unwrap();
    for path in [&used, &new] {
        let error = Store::open(path, options()).unwrap_err();
        assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
        let said = error.to_string();
        assert!(
            said.contains(&path.display().to_string()) && said.contains("Read-only"),
            "{said}"
        );
    }
    disk.writable().unwrap();
    assert_eq!(open(&used).trace_rows(TraceId(1)).unwrap().events.len(), 2);
}

/// Scenario: the file system turns read-only under an open store, as after an error of its device; the store is opened
/// again on it; the file system is repaired. Guarantee: the write fails with the system's words and so does every further
/// one; reading goes on; opening names the folder; after the repair all that was acknowledged is there, and writing goes on.
#[test]
fn a_disk_that_turns_read_only() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_file(&dir.path().join("disk"), &dir.path().join("image"), 256);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let path = disk.path().join("data");
    let of = |seq: u64| frame(1, seq, &[(0, seq, small_trace(seq.into(), seq))]);
    let rows = |store: &Store, seq: u128| store.trace_rows(TraceId(seq)).unwrap().events.len();
    let store = open(&path);
    put(&store, of(1));
    disk.break_down().unwrap();
    for failed in 1..=3 {
        let error = store.append(vec![of(2)]).unwrap_err();
        assert!(
            matches!(&error, StoreError::Poisoned(why) if why.contains("Read-only file system")),
            "{error}"
        );
        assert_eq!(error.class(), Class::Fatal);
        assert_eq!(store.check_writable(), Err(error));
        assert_eq!(store.stats().totals.write_failed, failed);
    }
    assert!(store.stats().poisoned);
    assert_eq!((rows(&store, 1), rows(&store, 2)), (2, 0));
    drop(store);
    let error = Store::open(&path, options()).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    disk.repair().unwrap();
    let store = open(&path);
    assert_eq!((rows(&store, 1), rows(&store, 2)), (2, 0));
    put(&store, of(2));
    assert_eq!(rows(&store, 2), 2);
}
