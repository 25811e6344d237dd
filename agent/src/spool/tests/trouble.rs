//! A disk that is full, and one whose syncs fail.

use event::Shard;
use testbed::Disk;

use super::*;

fn commit(batcher: &mut Batcher, ids: std::ops::RangeInclusive<u64>, payload: usize) -> Commit {
    let events: Vec<Event> = ids.clone().map(|id| event(id, payload)).collect();
    let mut marks = Marks::default();
    marks.entry(NodeKey(5)).writers.insert(1, *ids.end());
    Commit {
        marks,
        frames: batcher.cut(&events, SHARDS, Hlc(1), Bucket(1)).unwrap(),
        ..Commit::default()
    }
}

fn ack_all(spool: &Spool) {
    for shard in 0..4 {
        let (first, last) = (Seq(1), Seq(u64::MAX));
        let shard = Shard(shard);
        let epoch = spool.epoch();
        spool.shared().index.lock().ack(AckRange {
            epoch,
            shard,
            first,
            last,
        });
    }
}

fn number(spool: &Spool) -> u64 {
    spool.shared().marks.lock().number(NodeKey(5), 1)
}

/// Scenario: syncs of the segment fail, then those of the next one, then the process ends or tries again.
/// Guarantee: events and the number that tells the node so stand or fall together; nothing is there twice.
#[test]
fn failing_syncs() {
    for (failures, tries_again) in [(1, false), (2, false), (1, true), (4, true)] {
        let dir = tempfile::tempdir().unwrap();
        let (mut spool, _) = Spool::open(dir.path(), u64::MAX).unwrap();
        let mut batcher = Batcher::new(spool.producer(), spool.epoch());
        spool.commit(&commit(&mut batcher, 1..=10, 10)).unwrap();
        let next = commit(&mut batcher, 11..=20, 10);
        spool.failing_syncs = failures;
        for _ in 0..failures {
            spool.commit(&next).unwrap_err();
            spool.make_room();
            assert_eq!((number(&spool), ids(&contents(&spool.shared())).len()), (10, 10));
        }
        if tries_again {
            spool.commit(&next).unwrap();
            spool.commit(&commit(&mut batcher, 21..=30, 10)).unwrap();
            assert_eq!(number(&spool), 30);
        }
        drop(spool);
        let (spool, _) = Spool::open(dir.path(), u64::MAX).unwrap();
        let there = ids(&contents(&spool.shared()));
        assert_eq!(there, (1..=number(&spool)).collect::<Vec<_>>());
        assert!(number(&spool) >= if tries_again { 30 } else { 10 });
        assert!(files(dir.path()).len() <= 4, "failures leave no heap of files");
    }
}

/// Scenario: everything is acknowledged, the next segment cannot be begun, the process ends. Guarantee: what is known
/// of nodes is still there: were it deleted with the dead segments, their events would be taken twice.
#[test]
fn marks_outlive_a_segment_that_could_not_begin() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), 1 << 19).unwrap();
    let mut batcher = Batcher::new(spool.producer(), spool.epoch());
    for n in 0..20 {
        let next = commit(&mut batcher, n * 10 + 1..=n * 10 + 10, 2000);
        spool.commit(&next).unwrap();
    }
    ack_all(&spool);
    for _ in 0..3 {
        spool.failing_syncs = 2;
        spool.rotate().unwrap_err();
        spool.make_room();
    }
    drop(spool);
    let (spool, _) = Spool::open(dir.path(), 1 << 19).unwrap();
    assert_eq!(number(&spool), 200);
}

/// Scenario: the disk is full of our own, then of somebody else's. Guarantee: nothing confirmed is lost; what is
/// acknowledged makes room, even all in one segment; an agent starts on a full disk; all goes on when there is space.
#[test]
fn full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_memory(dir.path(), 2 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let (mut spool, _) = Spool::open(disk.path(), u64::MAX).unwrap();
    let mut batcher = Batcher::new(spool.producer(), spool.epoch());
    let mut last = 0;
    let refused = loop {
        let next = commit(&mut batcher, last + 1..=last + 10, 5000);
        match spool.commit(&next) {
            Ok(()) => last += 10,
            Err(error) if is_full(&error) => break next,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(last > 100);
    spool.make_room();
    assert!(
        spool.commit(&refused).is_err(),
        "nothing is acknowledged: nothing goes"
    );
    assert_eq!(ids(&contents(&spool.shared())), (1..=last).collect::<Vec<_>>());
    drop(spool);

    let rest = disk.path().join("somebody-else");
    let _ = fs::write(&rest, vec![1; 4 << 20]);
    let (mut spool, found) = Spool::open(disk.path(), u64::MAX).unwrap();
    assert!(found.damaged.is_empty() && number(&spool) == last);
    assert_eq!(ids(&contents(&spool.shared())), (1..=last).collect::<Vec<_>>());
    let mut batcher = Batcher::new(spool.producer(), spool.epoch());
    let next = commit(&mut batcher, last + 1..=last + 10, 50_000);
    spool.commit(&next).unwrap_err();
    fs::remove_file(rest).unwrap();
    spool.make_room();
    // Of the last life, by its epoch.
    for shard in 0..4 {
        spool.shared().index.lock().ack(AckRange {
            epoch: Epoch(spool.epoch().0 - 1),
            shard: Shard(shard),
            first: Seq(1),
            last: Seq(u64::MAX),
        });
        spool.shared().index.lock().ack(AckRange {
            epoch: Epoch(spool.epoch().0 - 2),
            shard: Shard(shard),
            first: Seq(1),
            last: Seq(u64::MAX),
        });
    }
    spool.make_room();
    spool.commit(&next).unwrap();
    assert_eq!(number(&spool), last + 10);
}

/// Scenario: one segment fills the disk, and all of it is acknowledged. Guarantee: it goes, with the help of the
/// reserve, and the next commit succeeds.
#[test]
fn one_dead_segment_fills_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_memory(dir.path(), 1 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let (mut spool, _) = Spool::open(disk.path(), u64::MAX).unwrap();
    let mut batcher = Batcher::new(spool.producer(), spool.epoch());
    let mut last = 0;
    let refused = loop {
        let next = commit(&mut batcher, last + 1..=last + 1, 4000);
        match spool.commit(&next) {
            Ok(()) => last += 1,
            Err(_) => break next,
        }
    };
    let rest = disk.path().join("somebody-else");
    let _ = fs::write(&rest, vec![1; 4 << 20]);
    ack_all(&spool);
    assert!(spool.commit(&refused).is_err());
    spool.make_room();
    spool.commit(&refused).unwrap();
    assert_eq!(number(&spool), last + 1);
    assert_eq!(files(disk.path()).len(), 1);
}
