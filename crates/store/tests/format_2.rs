//! Stores of format 2: of each run one list of batches for all shards, no family of hints.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Epoch, Seq, Shard};
use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options, WriteBatch};
use std::path::Path;
use store::{Admission, HeldSection, Store};
use support::{PRODUCER, after, bucket_at, frame, open, put, small_trace};

fn raw(path: &Path) -> DB {
    let families = DB::list_cf(&Options::default(), path).unwrap();
    let families = families
        .iter()
        .map(|f| ColumnFamilyDescriptor::new(f, Options::default()));
    DB::open_cf_descriptors(&Options::default(), path, families).unwrap()
}

fn list(store: &Store) -> Vec<HeldSection> {
    let of = |shard| {
        store
            .synced()
            .list(Shard(shard), bucket_at(0), (PRODUCER, Epoch(1)), Seq(0), 99)
    };
    (0..2).flat_map(|shard| of(shard).unwrap()).collect()
}

/// What format 2 wrote: by source, by shard, by number.
fn old_list(sections: &[HeldSection]) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(PRODUCER.0.to_be_bytes());
    out.extend(1u64.to_be_bytes());
    let by_shard: Vec<_> = sections.chunk_by(|a, b| a.shard == b.shard).collect();
    out.push(by_shard.len() as u8);
    for of_shard in by_shard {
        out.extend(of_shard[0].shard.0.to_be_bytes());
        out.push(of_shard.len() as u8);
        let mut last = 0;
        for s in of_shard {
            out.push((s.first.0 - last) as u8);
            out.extend(s.content.to_be_bytes());
            last = s.first.0;
        }
    }
    out
}

/// Scenario: a store with two sealed runs is put in the form that format 2 had, and opened twice. Guarantee: the same batches, digests and duplicates; the old lists are gone; a program of format 2 would refuse it.
#[test]
fn lists_of_format_2_are_put_in_todays_form() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (
        frame(1, 0, &[(0, 1, small_trace(5, 0)), (1, 1, small_trace(6, 0))]),
        frame(1, 1, &[(0, 2, small_trace(7, 0)), (1, 3, small_trace(8, 0))]),
    );
    let (lists, digests) = {
        let store = open(dir.path());
        put(&store, first.clone());
        store.keep_up(after(300)).unwrap();
        let one = list(&store);
        put(&store, second.clone());
        store.keep_up(after(300)).unwrap();
        let all = list(&store);
        let other = all
            .iter()
            .filter(|s| !one.iter().any(|o| o.first == s.first && o.shard == s.shard));
        let other: Vec<HeldSection> = other.copied().collect();
        ([one, other], store.digests(bucket_at(0)).unwrap())
    };
    let count = |db: &DB| {
        let family = db.cf_handle("event_batches").unwrap();
        let keys = db
            .iterator_cf(family, IteratorMode::Start)
            .map(|item| item.unwrap().0.len());
        keys.filter(|len| *len == 8).count()
    };
    {
        let mut db = raw(dir.path());
        let family = db.cf_handle("event_batches").unwrap();
        let mut batch = WriteBatch::default();
        for item in db.iterator_cf(family, IteratorMode::Start) {
            batch.delete_cf(family, item.unwrap().0);
        }
        for (run, sections) in (0u32..).zip(&lists) {
            let key = [bucket_at(0).0.to_be_bytes(), run.to_be_bytes()].concat();
            batch.put_cf(family, key, old_list(sections));
        }
        batch.put_cf(db.cf_handle("meta").unwrap(), b"format", 2u32.to_be_bytes());
        db.write(batch).unwrap();
        assert_eq!(count(&db), 2);
        db.drop_cf("hints").unwrap();
    }
    for _ in 0..2 {
        let store = open(dir.path());
        let mut all = list(&store);
        all.sort_unstable();
        let mut expected = lists.concat();
        expected.sort_unstable();
        let name = |s: &HeldSection| (s.shard, s.first, s.content);
        assert_eq!(
            all.iter().map(name).collect::<Vec<_>>(),
            expected.iter().map(name).collect::<Vec<_>>()
        );
        assert_eq!(store.digests(bucket_at(0)).unwrap(), digests);
        for (shard, sum) in &digests {
            assert_eq!(store.synced().buckets(*shard), [(bucket_at(0), *sum)]);
        }
        for frame in [&first, &second] {
            assert_eq!(put(&store, frame.clone()), [Admission::Duplicate; 2]);
        }
        assert_eq!(store.audit().unwrap().batches, 4);
    }
    let db = raw(dir.path());
    assert_eq!(count(&db), 0);
    let format = db.get_cf(db.cf_handle("meta").unwrap(), b"format").unwrap();
    assert_eq!(format.unwrap(), store::FORMAT.to_be_bytes());
}
