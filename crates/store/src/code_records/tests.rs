//! The code store: what it keeps, who may open it, and what it says of damage and full disks.

use std::path::Path;
use std::process::{Command, Stdio};

use codegraph::records::{Change, Family, Records};
use proptest::prelude::*;
use rocksdb::{ColumnFamilyDescriptor, DB, Options};
use testbed::Disk;

use super::{CODE_FORMAT, CodeRecords, CodeStoreError, FamilySize};

const CHILD: &str = "ELIXIRSCOPE_CODE_RECORDS_CHILD";

fn put(family: Family, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Change {
    Change::Put(family, key.as_ref().to_vec(), value.as_ref().to_vec())
}

/// Bytes that do not compress.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555;
    let mut next = || {
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (x >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn raw(dir: &Path, more: &[&str]) -> DB {
    let mut options = Options::default();
    options.create_missing_column_families(true);
    let mut names = DB::list_cf(&options, dir).unwrap();
    names.extend(more.iter().map(|name| (*name).to_owned()));
    let columns = names
        .into_iter()
        .map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
    DB::open_cf_descriptors(&options, dir, columns).unwrap()
}

/// Scenario: records of all families, one overwritten, one removed; opened again, and again after more than the log
/// keeps. Guarantee: each is found in its family alone, scans go on behind a key, sizes are counted.
#[test]
fn records_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let records = CodeRecords::open(dir.path()).unwrap();
    let all = Family::ALL.map(|family| put(family, b"key", family.name()));
    records.write(all.to_vec()).unwrap();
    records
        .write(vec![
            put(Family::Head, b"key", b"newer"),
            put(Family::Head, b"other", b"gone"),
            Change::Remove(Family::Head, b"other".to_vec()),
        ])
        .unwrap();
    drop(records);

    let records = CodeRecords::open(dir.path()).unwrap();
    for family in Family::ALL {
        let expected = if family == Family::Head {
            "newer"
        } else {
            family.name()
        };
        let keys = [b"none".to_vec(), b"key".to_vec(), b"key".to_vec()];
        let value = Some(expected.as_bytes().to_vec());
        assert_eq!(records.get(family, &keys).unwrap(), [None, value.clone(), value]);
    }
    for some in 0..20u64 {
        let many = (0..50).map(|n| {
            put(
                Family::Source,
                format!("{some:02}{n:02}"),
                noise(some * 50 + n, 3000),
            )
        });
        records.write(many.collect()).unwrap();
    }
    drop(records);

    let records = CodeRecords::open(dir.path()).unwrap();
    let mut seen = Vec::new();
    while let Some((after, _)) = records
        .scan(Family::Source, seen.last().map(Vec::as_slice), 1)
        .unwrap()
        .pop()
    {
        seen.push(after);
    }
    assert_eq!((seen.len(), seen.is_sorted()), (1001, true));
    assert_eq!(records.scan(Family::Source, Some(b"1948"), 9).unwrap().len(), 2);
    assert_eq!(
        records.one(Family::Source, b"1949").unwrap(),
        Some(noise(19 * 50 + 49, 3000))
    );
    let sizes = records.sizes().unwrap();
    let of = |family| -> FamilySize { *sizes.families.iter().find(|s| s.family == family).unwrap() };
    assert_eq!(of(Family::Head).records, 1);
    assert_eq!(of(Family::Source).records, 1001);
    assert_eq!(of(Family::Source).content_bytes, 1000 * 3004 + 3 + 7);
    assert!(of(Family::Source).disk_bytes >= 3_000_000);
    assert_eq!(
        sizes.log_bytes, 0,
        "what closing left in the log is in tables now"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Scenario: any batches of few keys, with openings between. Guarantee: answers as those of a map in memory.
    #[test]
    fn answers_are_those_of_a_map(
        lives in prop::collection::vec(
            prop::collection::vec(
                prop::collection::vec((0usize..10, 0u8..6, prop::option::of(0u16..3000)), 1..8), 0..6), 1..4)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let memory = codegraph::records::Memory::default();
        let keys: Vec<Vec<u8>> = (0..7).map(|key| vec![b'k'; key]).collect();
        for batches in lives {
            let records = CodeRecords::open(dir.path()).unwrap();
            for batch in batches {
                let changes: Vec<Change> = batch
                    .into_iter()
                    .map(|(family, key, value)| {
                        let (family, key) = (Family::ALL[family], keys[usize::from(key)].clone());
                        match value {
                            Some(bytes) => Change::Put(family, key, noise(u64::from(bytes), bytes.into())),
                            None => Change::Remove(family, key),
                        }
                    })
                    .collect();
                memory.write(changes.clone()).unwrap();
                records.write(changes).unwrap();
            }
            for family in Family::ALL {
                prop_assert_eq!(records.get(family, &keys).unwrap(), memory.get(family, &keys).unwrap());
                for after in [None, Some(b"kk".as_slice())] {
                    prop_assert_eq!(
                        records.scan(family, after, 3).unwrap(),
                        memory.scan(family, after, 3).unwrap()
                    );
                }
            }
        }
    }
}

/// Scenario: opened a second time, by this process. Guarantee: the second reads what is there, and says why it does not
/// write; it does not see what comes after; once the first is gone, opening is for writing.
#[test]
fn who_comes_second_reads() {
    let dir = tempfile::tempdir().unwrap();
    let first = CodeRecords::open(dir.path()).unwrap();
    first.write(vec![put(Family::Head, b"a", b"1")]).unwrap();
    let second = CodeRecords::open(dir.path()).unwrap();
    assert!(first.is_writable() && first.read_only().is_none());
    assert!(!second.is_writable());
    assert!(second.read_only().unwrap().contains("in use by another process"));
    assert_eq!(second.one(Family::Head, b"a").unwrap(), Some(b"1".to_vec()));
    let refused = second.write(vec![put(Family::Head, b"b", b"2")]).unwrap_err();
    assert!(refused.0.contains("in use"), "{refused}");
    assert!(second.compact().is_err());
    first.write(vec![put(Family::Head, b"c", b"3")]).unwrap();
    assert_eq!(second.one(Family::Head, b"c").unwrap(), None);
    drop((first, second));
    assert!(CodeRecords::open(dir.path()).unwrap().is_writable());
}

/// The child of the next test: writes rounds of one record in each family until it is killed. A round's records
/// are written in one batch, with enough noise that tables are written and compacted all the time.
#[test]
fn writing_child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let records = CodeRecords::open(Path::new(&dir)).unwrap();
    assert!(records.is_writable());
    for round in 0..u64::MAX {
        let all = Family::ALL.map(|family| {
            put(
                family,
                b"round",
                [&round.to_be_bytes()[..], &noise(round, 4000)].concat(),
            )
        });
        records.write(all.to_vec()).unwrap();
        if round % 50 == 49 {
            records.compact().unwrap();
        }
    }
}

/// Scenario: another process writes batches over all families, and compacts; meanwhile the folder is opened again and
/// again; then the writer is killed. Guarantee: each opening beside the writer finds whole batches and none older than an
/// opening before; so does the one for writing after the kill.
#[test]
fn whole_batches_beside_a_writer_and_after_its_death() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "code_records::tests::writing_child", "--nocapture"])
        .env(CHILD, dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
    let round = |records: &CodeRecords| -> Option<u64> {
        let all = Family::ALL.map(|family| records.one(family, b"round").unwrap());
        let number = |value: &Vec<u8>| u64::from_be_bytes(value[..8].try_into().unwrap());
        let rounds: Vec<Option<u64>> = all.iter().map(|value| value.as_ref().map(number)).collect();
        assert!(rounds.windows(2).all(|two| two[0] == two[1]), "{rounds:?}");
        rounds[0]
    };
    while !dir.path().join("CURRENT").exists() && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    let (mut last, mut openings) = (None, 0);
    while openings < 60 && std::time::Instant::now() < until {
        let records = match CodeRecords::open(dir.path()) {
            Ok(records) => records,
            Err(CodeStoreError::InUse { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        assert!(!records.is_writable(), "the child is not there");
        let now = round(&records);
        assert!(now >= last, "{now:?} after {last:?}");
        last = now;
        openings += 1;
    }
    assert_eq!(child.try_wait().unwrap(), None, "the writer ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(last > Some(0), "{last:?} after {openings} openings");
    let records = CodeRecords::open(dir.path()).unwrap();
    assert!(records.is_writable());
    let end = round(&records);
    assert!(end >= last);
    println!("{openings} openings beside the writer, up to round {last:?} of {end:?}");
}

/// Scenario: a format of the future, with and without a column family of the future; a marker that is no number; a
/// column family too many. Guarantee: refused with both formats; damage is said; nothing is changed by asking.
#[test]
fn other_formats_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(CodeRecords::open(dir.path()).unwrap());
    let newer = CODE_FORMAT + 7;
    raw(dir.path(), &[])
        .put("format", format!("elixirscope code {newer}"))
        .unwrap();
    for _ in 0..2 {
        let error = CodeRecords::open(dir.path()).unwrap_err();
        assert!(matches!(error, CodeStoreError::Newer { found, known: CODE_FORMAT, .. } if found == newer));
        let said = error.to_string();
        assert!(said.contains("format 8") && said.contains("up to 1"), "{said}");
        drop(raw(dir.path(), &["futures"]));
    }
    raw(dir.path(), &[]).put("format", "elixirscope code x").unwrap();
    let error = CodeRecords::open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, CodeStoreError::Damaged { reason, .. } if reason.contains("code x") && reason.contains("code 1")),
        "{error}"
    );
    raw(dir.path(), &[]).put("format", "elixirscope code 1").unwrap();
    let error = CodeRecords::open(dir.path()).unwrap_err();
    assert!(matches!(&error, CodeStoreError::Damaged { reason, .. } if reason.contains("column families")));
}

/// Scenario: a folder with a file of something else, another program's database, a file instead of a folder. Guarantee:
/// refused by name, and untouched.
#[test]
fn what_is_not_ours_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let notes = dir.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    std::fs::write(notes.join("todo.txt"), "x").unwrap();
    let error = CodeRecords::open(&notes).unwrap_err();
    assert!(error.to_string().contains("todo.txt"), "{error}");
    assert_eq!(std::fs::read_dir(&notes).unwrap().count(), 1);
    assert!(matches!(
        CodeRecords::open(&notes.join("todo.txt")).unwrap_err(),
        CodeStoreError::Io { .. } | CodeStoreError::NotWritable { .. }
    ));

    let other = dir.path().join("other");
    DB::open_default(&other).unwrap().put("k", "v").unwrap();
    let error = CodeRecords::open(&other).unwrap_err();
    assert!(matches!(error, CodeStoreError::Foreign { .. }), "{error}");
    assert_eq!(DB::list_cf(&Options::default(), &other).unwrap(), ["default"]);
    assert_eq!(raw(&other, &[]).get("k").unwrap(), Some(b"v".to_vec()));
}

/// Scenario: the making of a store was interrupted when some column families were there and no marker. Guarantee: the
/// next opening finishes it.
#[test]
fn an_interrupted_making_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    drop(DB::open_default(dir.path()).unwrap());
    drop(raw(dir.path(), &["place", "local"]));
    let records = CodeRecords::open(dir.path()).unwrap();
    records.write(vec![put(Family::Head, b"a", b"1")]).unwrap();
}

/// Scenario: bytes in the middle of a table are overwritten. Guarantee: reading them is a fault that says so, and never a
/// wrong answer.
#[test]
fn damaged_tables_are_said() {
    let dir = tempfile::tempdir().unwrap();
    let records = CodeRecords::open(dir.path()).unwrap();
    let many = (0..200u64).map(|n| put(Family::Link, n.to_be_bytes(), noise(n, 10_000)));
    records.write(many.collect()).unwrap();
    drop(records);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "sst") {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..middle + 100].fill(0x55);
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let records = CodeRecords::open(dir.path()).unwrap();
    let mut faults = 0;
    for n in 0..200u64 {
        match records.one(Family::Link, &n.to_be_bytes()) {
            Ok(found) => assert_eq!(found, Some(noise(n, 10_000))),
            Err(fault) => {
                assert!(fault.0.contains("damaged"), "{fault}");
                faults += 1;
            }
        }
    }
    assert!((1..200).contains(&faults), "{faults}");
    assert!(records.sizes().is_err());
}

/// Scenario: a small disk is filled by records, with the reserve; then it grows. Guarantee: refused with words and
/// numbers, nothing of the refused batch is there, and writing goes on without opening anew.
#[test]
fn below_the_reserve_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_memory(dir.path(), 60 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let records = CodeRecords::open_with(&disk.path().join("code"), Some(10 << 20)).unwrap();
    let batch = |n: u64| {
        vec![
            put(Family::Source, n.to_be_bytes(), noise(n, 500_000)),
            put(Family::Head, b"last", n.to_be_bytes()),
        ]
    };
    let mut written = 0;
    let fault = loop {
        match records.write(batch(written)) {
            Ok(()) => written += 1,
            Err(fault) => break fault,
        }
        assert!(written < 1000, "the disk is never full");
    };
    assert!(written > 5, "{written}");
    assert!(
        fault.0.contains("disk full") && fault.0.contains("bytes free"),
        "{fault}"
    );
    assert!(records.is_writable());
    assert_eq!(records.one(Family::Source, &written.to_be_bytes()).unwrap(), None);
    assert_eq!(
        records.one(Family::Head, b"last").unwrap(),
        Some((written - 1).to_be_bytes().to_vec())
    );
    disk.resize(200 << 10).unwrap();
    records.write(batch(written)).unwrap();
}

/// Scenario: without the reserve the disk is really full in the middle of a write. Guarantee: a fault that says so;
/// nothing more is written, all acknowledged is read; with more space and opened again it is all there and writing goes on.
#[test]
fn a_disk_that_is_really_full() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_memory(dir.path(), 24 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let path = disk.path().join("code");
    let batch = |n: u64| {
        vec![
            put(Family::Source, n.to_be_bytes(), noise(n, 300_000)),
            put(Family::Head, b"last", n.to_be_bytes()),
        ]
    };
    let mut written = 0u64;
    {
        let records = CodeRecords::open_with(&path, None).unwrap();
        let fault = loop {
            match records.write(batch(written)) {
                Ok(()) => written += 1,
                Err(fault) => break fault,
            }
            assert!(written < 1000, "the disk is never full");
        };
        println!("full after {written} batches: {fault}");
        assert!(fault.0.contains("disk full"), "{fault}");
        assert!(fault.0.contains("No space left on device"), "{fault}");
        assert!(!records.is_writable());
        let again = records.write(batch(written)).unwrap_err();
        assert!(again.0.contains("until it is opened again"), "{again}");
        assert_eq!(
            records.one(Family::Source, &0u64.to_be_bytes()).unwrap(),
            Some(noise(0, 300_000))
        );
    }
    disk.resize(200 << 10).unwrap();
    let records = CodeRecords::open(&path).unwrap();
    for n in 0..written {
        assert_eq!(
            records.one(Family::Source, &n.to_be_bytes()).unwrap(),
            Some(noise(n, 300_000))
        );
    }
    records.write(batch(written)).unwrap();
}

/// Scenario: a store on a file system mounted for reading only; a folder there that is none; then mounted for writing.
/// Guarantee: the store is read, says why it does not write; the other is refused with the system's words.
#[test]
fn a_read_only_file_system_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_memory(dir.path(), 100 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let path = disk.path().join("code");
    let records = CodeRecords::open(&path).unwrap();
    records.write(vec![put(Family::Head, b"a", b"1")]).unwrap();
    drop(records);
    disk.read_only().unwrap();
    let records = CodeRecords::open(&path).unwrap();
    assert!(!records.is_writable());
    assert!(
        records.read_only().unwrap().contains("Read-only"),
        "{:?}",
        records.read_only()
    );
    assert_eq!(records.one(Family::Head, b"a").unwrap(), Some(b"1".to_vec()));
    assert!(
        records
            .write(vec![put(Family::Head, b"b", b"2")])
            .unwrap_err()
            .0
            .contains("Read-only")
    );
    drop(records);
    let error = CodeRecords::open(&disk.path().join("new")).unwrap_err();
    assert!(matches!(error, CodeStoreError::NotWritable { .. }), "{error}");
    disk.writable().unwrap();
    assert!(CodeRecords::open(&path).unwrap().is_writable());
}
