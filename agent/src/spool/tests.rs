//! The spool over lives: restart, acknowledgement, damage anywhere, rewriting.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU16;
use std::path::PathBuf;

use event::{
    Bucket, Event, EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeKey, Pid, ResultClass, Seq, SiteId,
    TraceId,
};
use proptest::prelude::*;
use wire::frame::decode;

use super::*;
use crate::batch::Batcher;

const SHARDS: NonZeroU16 = NonZeroU16::new(4).unwrap();

fn event(id: u64, payload: usize) -> Event {
    Event {
        id: EventId(id),
        kind: EventKind::Call,
        class: ResultClass::Other,
        flags: Flags(0),
        hlc: Hlc(id),
        time: Micros(id),
        node: NodeKey(5),
        pid: Pid(1),
        ordinal: 0,
        trace: TraceId(u128::from(id % 7 + 1)),
        parent: EventId(0),
        remote_node: NodeKey(0),
        remote_time: Micros(0),
        module: ModuleKey(0),
        site: SiteId(0),
        shape: String::new(),
        linked: TraceId(0),
        payload: blake3::Hasher::new()
            .update(&id.to_le_bytes())
            .finalize_xof_bytes(payload),
    }
}

trait Xof {
    fn finalize_xof_bytes(&self, n: usize) -> Vec<u8>;
}
impl Xof for blake3::Hasher {
    fn finalize_xof_bytes(&self, n: usize) -> Vec<u8> {
        let mut out = vec![0; n];
        self.finalize_xof().fill(&mut out);
        out
    }
}

/// Stores `ids` as one chunk of writer 1 of node 5.
fn store(spool: &mut Spool, batcher: &mut Batcher, ids: std::ops::RangeInclusive<u64>, payload: usize) {
    let events: Vec<Event> = ids.clone().map(|id| event(id, payload)).collect();
    let frames = batcher.cut(&events, SHARDS, Hlc(1), Bucket(1)).unwrap();
    let mut marks = Marks::default();
    marks.entry(NodeKey(5)).writers.insert(1, *ids.end());
    spool
        .commit(&Commit {
            marks,
            frames,
            ..Commit::default()
        })
        .unwrap();
}

/// All events in the spool, by identity.
fn contents(shared: &Shared) -> BTreeMap<(u64, u16, u64), Vec<u64>> {
    let places = shared.index.lock().take_unsent(u64::MAX, true);
    let mut found = BTreeMap::new();
    for at in places {
        let frame = decode(&shared.read(at).unwrap()).unwrap();
        for section in frame.sections {
            let key = (frame.header.epoch.0, section.shard.0, section.seq.0);
            let ids = section.events().iter().map(|e| e.id.0).collect();
            assert!(found.insert(key, ids).is_none(), "{key:?} is stored twice");
        }
    }
    shared.index.lock().unsend_all();
    found
}

fn ids(contents: &BTreeMap<(u64, u16, u64), Vec<u64>>) -> Vec<u64> {
    let mut all: Vec<u64> = contents.values().flatten().copied().collect();
    all.sort_unstable();
    all
}

fn files(dir: &std::path::Path) -> Vec<PathBuf> {
    recover::segment_files(&dir.join("spool"))
        .unwrap()
        .into_values()
        .collect()
}

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

/// Scenario: a record in the middle of a segment is damaged. Guarantee: the others are there, and exactly the missing
/// seqs are reported as lost.
#[test]
fn a_damaged_middle_is_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), u64::MAX).unwrap();
    let epoch = spool.epoch();
    let mut batcher = Batcher::new(spool.producer(), epoch);
    for n in 0..5 {
        store(&mut spool, &mut batcher, n * 20 + 1..=n * 20 + 20, 10);
    }
    let before = contents(&spool.shared());
    let place = spool.shared().index.lock().take_unsent(u64::MAX, true)[2];
    drop(spool);
    let path = &files(dir.path())[0];
    let mut bytes = fs::read(path).unwrap();
    bytes[place.offset as usize + 70] ^= 0x10;
    fs::write(path, bytes).unwrap();

    let (mut spool, found) = Spool::open(dir.path(), u64::MAX).unwrap();
    assert_eq!(found.damaged.len(), 1);
    assert!(found.corrupt_bytes > 0);
    let after = contents(&spool.shared());
    let mut missing: Vec<(u64, u16, u64)> = before
        .keys()
        .filter(|k| !after.contains_key(k))
        .copied()
        .collect();
    let mut lost: Vec<(u64, u16, u64)> = Vec::new();
    for range in &found.lost {
        lost.extend((range.first.0..=range.last.0).map(|seq| (range.epoch.0, range.shard.0, seq)));
    }
    missing.sort_unstable();
    lost.sort_unstable();
    assert!(!missing.is_empty());
    assert_eq!(missing, lost);
    spool.evacuate(found.damaged[0]).unwrap();
    assert_eq!(contents(&spool.shared()), after);
    drop(spool);
    let (_, again) = Spool::open(dir.path(), u64::MAX).unwrap();
    assert!(again.damaged.is_empty(), "damage is left behind once");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Scenario: bits flipped and bytes cut anywhere in the folder. Guarantee: the spool opens, holds nothing that
    /// was not stored, and takes more.
    #[test]
    fn damage_never_stops_the_start(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
        identity in prop::option::of(prop::collection::vec(any::<u8>(), 0..60)),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut spool, _) = Spool::open(dir.path(), u64::MAX).unwrap();
        let mut batcher = Batcher::new(spool.producer(), spool.epoch());
        for n in 0..6 { store(&mut spool, &mut batcher, n * 5 + 1..=n * 5 + 5, 10); }
        let before = contents(&spool.shared());
        drop(spool);
        let path = &files(dir.path())[0];
        let mut bytes = fs::read(path).unwrap();
        for (at, bits) in flips { let i = at.index(bytes.len()); bytes[i] ^= bits; }
        if let Some(cut) = cut { bytes.truncate(cut.index(bytes.len() + 1)); }
        fs::write(path, bytes).unwrap();
        if let Some(bytes) = identity { fs::write(dir.path().join("producer"), bytes).unwrap(); }

        let (mut spool, found) = Spool::open(dir.path(), u64::MAX).unwrap();
        prop_assert!(spool.epoch().0 > 1 || before.is_empty() || contents(&spool.shared()).is_empty());
        let after = contents(&spool.shared());
        prop_assert!(after.iter().all(|(k, v)| before.get(k) == Some(v)));
        let mut batcher = Batcher::new(spool.producer(), spool.epoch());
        store(&mut spool, &mut batcher, 1000..=1001, 10);
        for segment in found.damaged { spool.evacuate(segment).unwrap(); }
        prop_assert_eq!(ids(&contents(&spool.shared())).len(), ids(&after).len() + 2);
        prop_assert!(spool.shared().index.lock().ledger().is_balanced());
    }
}
