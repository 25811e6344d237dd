//! Restart, acknowledgement, rewriting.

use event::Shard;

use super::*;

/// Scenario: stored, restarted, partly acknowledged, restarted. Guarantee: exactly the rest is there, under the same
/// identities; marks are kept; files go when everything is acknowledged.
#[test]
fn lives() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), u64::MAX).unwrap();
    let mut batcher = Batcher::new(spool.producer(), spool.epoch());
    for n in 0..10 {
        store(&mut spool, &mut batcher, n * 10 + 1..=n * 10 + 10, 10);
    }
    let before = contents(&spool.shared());
    assert_eq!(ids(&before), (1..=100).collect::<Vec<_>>());
    let (producer, epoch) = (spool.producer(), spool.epoch());
    drop(spool);

    let (mut spool, found) = Spool::open(dir.path(), u64::MAX).unwrap();
    assert!(found.damaged.is_empty() && found.lost.is_empty());
    assert_eq!((spool.producer(), spool.epoch().0), (producer, epoch.0 + 1));
    let shared = spool.shared();
    assert_eq!(contents(&shared), before);
    assert_eq!(shared.marks.lock().writers(NodeKey(5)), vec![(1, 100)]);
    let last = before.keys().map(|k| k.1).max().unwrap();
    let acks: Vec<AckRange> = (0..last)
        .map(|s| AckRange {
            epoch,
            shard: Shard(s),
            first: Seq(1),
            last: Seq(u64::MAX),
        })
        .collect();
    for range in &acks {
        shared.index.lock().ack(*range);
    }
    spool
        .commit(&Commit {
            acks,
            ..Commit::default()
        })
        .unwrap();
    let rest = contents(&shared);
    // A frame is kept whole as long as one of its sections is wanted; what is wanted is in the ledger.
    let wanted: BTreeMap<_, _> = before.iter().filter(|(k, _)| k.1 == last).collect();
    assert!(!wanted.is_empty() && wanted.iter().all(|(k, v)| rest.get(*k) == Some(*v)));
    let rows = wanted.values().map(|v| v.len() as u64).sum::<u64>();
    assert_eq!(shared.index.lock().ledger().spooled, rows);
    drop(spool);

    let (mut spool, _) = Spool::open(dir.path(), u64::MAX).unwrap();
    let shared = spool.shared();
    assert_eq!(contents(&shared), rest);
    shared.index.lock().ack(AckRange {
        epoch,
        shard: Shard(3),
        first: Seq(1),
        last: Seq(u64::MAX),
    });
    spool.maintain(u64::MAX).unwrap();
    assert_eq!(files(dir.path()).len(), 1, "only the current segment is left");
    assert!(shared.index.lock().ledger().is_balanced());
}

/// Scenario: 40 MiB over several segments; all but one frame in fifty acknowledged; little space.
/// Guarantee: sparse segments are rewritten, nothing living is lost, before and after a restart.
#[test]
fn rewriting() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), u64::MAX).unwrap();
    let mut batcher = Batcher::new(spool.producer(), spool.epoch());
    for n in 0..200 {
        store(&mut spool, &mut batcher, n * 10 + 1..=n * 10 + 10, 20_000);
    }
    let shared = spool.shared();
    let all = contents(&shared);
    let mut living = BTreeMap::new();
    for (i, (key, events)) in all.into_iter().enumerate() {
        if i % 50 == 0 {
            living.insert(key, events);
        } else {
            let range = AckRange {
                epoch: Epoch(key.0),
                shard: Shard(key.1),
                first: Seq(key.2),
                last: Seq(key.2),
            };
            shared.index.lock().ack(range);
        }
    }
    let before = shared.index.lock().bytes();
    for _ in 0..20 {
        spool.maintain(1 << 20).unwrap();
    }
    assert!(
        shared.index.lock().bytes() < before / 2,
        "{} of {before}",
        shared.index.lock().bytes()
    );
    let mut is_there = contents(&shared);
    is_there.retain(|k, _| living.contains_key(k));
    assert_eq!(is_there, living);
    drop(spool);
    let (spool, _) = Spool::open(dir.path(), u64::MAX).unwrap();
    let found = contents(&spool.shared());
    assert!(living.iter().all(|(k, v)| found.get(k) == Some(v)));
}
