//! Damage anywhere.

use proptest::prelude::*;

use super::*;

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
