//! A disk that is really full: a small tmpfs, without the reserve that normally keeps the store from it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{EventKind, Flags, TraceId};
use std::path::Path;
use std::process::Command;
use store::{Class, Store};
use support::{event, frame, options};

struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// `None` where mounting is not allowed.
    fn new(path: &'a Path, size: &str) -> Option<Self> {
        mount(path, &format!("size={size}")).then_some(Self(path))
    }
}

fn mount(path: &Path, options: &str) -> bool {
    let status = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(path)
        .status();
    status.is_ok_and(|s| s.success())
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

/// Scenario: writing until the disk is full; then more space, and a restart. Guarantee: a typed error, then refusal of everything until
/// the restart; afterwards every acknowledged batch is there and writing goes on.
#[test]
fn a_disk_that_is_really_full() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mounted) = Mounted::new(dir.path(), "24m") else {
        println!("not run: mounting is not allowed here");
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
    let status = Command::new("mount")
        .args(["-o", "remount,size=200m"])
        .arg(mounted.0)
        .status()
        .unwrap();
    assert!(status.success());
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
