//! Tests of the ordered log: against a model, over reopenings, and in folders that are not its own.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Truncate(u64),
    Purge(u64),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_u8..5).prop_map(Step::Append),
        1 => (0_u64..30).prop_map(Step::Truncate),
        1 => (0_u64..30).prop_map(Step::Purge),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Guarantee: the log equals an ordered map under any appends, truncations, purges and reopenings.
    #[test]
    fn the_log_is_an_ordered_map(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = RaftLog::open(dir.path()).unwrap();
        let (mut model, mut round) = (BTreeMap::<u64, Vec<u8>>::new(), 0_u8);
        for step in steps {
            round = round.wrapping_add(1);
            match step {
                Step::Append(n) => {
                    let first = model.keys().next_back().map_or_else(|| u64::from(round), |last| last + 1);
                    let entries: Vec<_> = (0..n).map(|i| vec![round, i]).collect();
                    log.append(first, &entries).unwrap();
                    model.extend((first..).zip(entries));
                }
                Step::Truncate(from) => {
                    log.truncate(from).unwrap();
                    model.retain(|index, _| *index < from);
                }
                Step::Purge(upto) => {
                    log.purge(upto, &[round]).unwrap();
                    model.retain(|index, _| *index > upto);
                    prop_assert_eq!(log.get(Slot::Purged).unwrap(), Some(vec![round]));
                }
                Step::Reopen => {
                    drop(log);
                    log = RaftLog::open(dir.path()).unwrap();
                }
            }
            let all: Vec<_> = model.clone().into_iter().collect();
            prop_assert_eq!(log.range(0, u64::MAX, usize::MAX).unwrap(), all);
            let bounds = model.keys().next().zip(model.keys().next_back());
            prop_assert_eq!(log.bounds(), bounds.map(|(first, last)| Bounds { first: *first, last: *last }));
        }
    }
}

#[test]
fn holes_and_overwrites_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = RaftLog::open(dir.path()).unwrap();
    log.append(5, &[b"a".to_vec(), b"b".to_vec()]).unwrap();
    assert!(matches!(
        log.append(8, &[vec![]]),
        Err(LogError::NotNext { expected: 7, got: 8 })
    ));
    assert!(matches!(
        log.append(6, &[vec![]]),
        Err(LogError::NotNext { expected: 7, got: 6 })
    ));
    assert_eq!(
        log.range(5, 7, 1).unwrap(),
        vec![(5, b"a".to_vec())],
        "a byte limit still returns one entry"
    );
}

#[test]
fn small_values_and_the_snapshot_survive_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let log = RaftLog::open(dir.path()).unwrap();
    log.put(Slot::Vote, b"v").unwrap();
    log.put_unsynced(Slot::Committed, b"c").unwrap();
    assert_eq!(log.snapshot().unwrap(), None);
    log.put_snapshot(b"d1", b"first").unwrap();
    log.put_snapshot(b"d2", b"second").unwrap();
    drop(log);
    let log = RaftLog::open(dir.path()).unwrap();
    assert_eq!(log.get(Slot::Vote).unwrap().unwrap(), b"v");
    assert_eq!(log.get(Slot::Committed).unwrap().unwrap(), b"c");
    assert_eq!(
        log.snapshot().unwrap(),
        Some((b"d2".to_vec(), b"second".to_vec()))
    );
    log.clear(Slot::Committed).unwrap();
    assert_eq!(log.get(Slot::Committed).unwrap(), None);
}

/// Guarantee: a folder of something else is refused with words that say so, and is left as it was.
#[test]
fn a_foreign_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("photo.jpg"), b"x").unwrap();
    let error = RaftLog::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);

    let other = tempfile::tempdir().unwrap();
    DB::open_default(other.path()).unwrap().put(b"k", b"v").unwrap();
    assert!(matches!(
        RaftLog::open(other.path()).unwrap_err(),
        OpenError::Foreign { .. }
    ));
    assert!(matches!(
        crate::blobs::Blobs::open(other.path()).unwrap_err(),
        OpenError::Foreign { .. }
    ));

    let log = tempfile::tempdir().unwrap();
    drop(RaftLog::open(log.path()).unwrap());
    assert!(matches!(
        crate::blobs::Blobs::open(log.path()).unwrap_err(),
        OpenError::Foreign { .. }
    ));
}

#[test]
fn a_damaged_folder_is_reported_as_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let log = RaftLog::open(dir.path()).unwrap();
    log.append(1, &[vec![1; 1000], vec![2; 1000], vec![3; 1000]])
        .unwrap();
    drop(log);
    // One flipped bit in the middle of the WAL: synced records follow it, so dropping the tail would lose them.
    let wal = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path());
    let wal = wal
        .filter(|p| p.extension().is_some_and(|e| e == "log"))
        .max_by_key(|p| p.metadata().unwrap().len());
    let wal = wal.unwrap();
    let mut bytes = std::fs::read(&wal).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&wal, bytes).unwrap();
    let error = RaftLog::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");

    let dir = tempfile::tempdir().unwrap();
    drop(RaftLog::open(dir.path()).unwrap());
    std::fs::write(dir.path().join("CURRENT"), b"garbage").unwrap();
    let error = RaftLog::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}

#[test]
fn a_folder_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let held = RaftLog::open(dir.path()).unwrap();
    assert!(matches!(
        RaftLog::open(dir.path()).unwrap_err(),
        OpenError::Locked { .. }
    ));
    drop(held);
    RaftLog::open(dir.path()).unwrap();
}
