//! An index on disk: what survives, who writes, and what damage does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::assigning_clones,
    reason = "a broken fixture is a failed test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use search::{Document, Index, Kind, Opened, Query, SearchFault, Stamp};

fn document(id: &str, doc: &str) -> Document {
    let mut document = Document::new(id, Kind::Function, "Shop", id);
    document.doc = doc.to_owned();
    document
}

fn found(index: &Index, query: &str) -> Vec<String> {
    let answer = index.search(&query.parse::<Query>().unwrap(), 10).unwrap();
    answer.hits.into_iter().map(|hit| hit.id).collect()
}

fn filled(dir: &Path) {
    let mut index = Index::open(dir).unwrap();
    index
        .replace("lib/a.ex", Stamp([1; 16]), &[document("a", "first things")])
        .unwrap();
    index
        .replace("lib/b.ex", Stamp([2; 16]), &[document("b", "second things")])
        .unwrap();
    index.commit().unwrap();
}

/// Scenario: a file is changed, one is removed, one has no documents; the index is closed and opened. Guarantee: nothing
/// is seen before the commit; afterwards exactly what was put in last, with the files' stamps.
#[test]
fn a_file_is_replaced_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mut index = Index::open(dir.path()).unwrap();
    assert_eq!(index.opened(), Opened::Found);
    index
        .replace("lib/a.ex", Stamp([3; 16]), &[document("c", "third things")])
        .unwrap();
    index.remove("lib/b.ex").unwrap();
    index.replace("lib/empty.ex", Stamp([4; 16]), &[]).unwrap();
    assert_eq!(found(&index, "first"), ["a"]);
    index.commit().unwrap();
    assert_eq!(found(&index, "things"), ["c"]);
    drop(index);
    let index = Index::open(dir.path()).unwrap();
    assert_eq!(found(&index, "things"), ["c"]);
    assert!(found(&index, "first second").is_empty());
    let stamps: Vec<(String, Stamp)> = index.stamps().unwrap().into_iter().collect();
    assert_eq!(
        stamps,
        [
            ("lib/a.ex".to_owned(), Stamp([3; 16])),
            ("lib/empty.ex".to_owned(), Stamp([4; 16]))
        ]
    );
}

/// Scenario: changes, and the process ends without a commit. Guarantee: the index is as the last commit left it.
#[test]
fn what_is_not_committed_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mut index = Index::open(dir.path()).unwrap();
    index.clear().unwrap();
    index
        .replace("lib/z.ex", Stamp::default(), &[document("z", "last things")])
        .unwrap();
    drop(index);
    assert_eq!(found(&Index::open(dir.path()).unwrap(), "things").len(), 2);
}

/// Scenario: two handles on one folder. Guarantee: the second reads, is refused writing, sees commits after a refresh,
/// and may write when the first is gone.
#[test]
fn one_writes_and_others_read() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mut writer = Index::open(dir.path()).unwrap();
    let mut reader = Index::open(dir.path()).unwrap();
    assert!(writer.is_writer() && !reader.is_writer());
    assert!(matches!(reader.remove("lib/a.ex"), Err(SearchFault::ReadOnly)));
    assert!(matches!(reader.commit(), Err(SearchFault::ReadOnly)));
    writer
        .replace("lib/c.ex", Stamp::default(), &[document("c", "things")])
        .unwrap();
    writer.commit().unwrap();
    assert_eq!(found(&reader, "things").len(), 2);
    reader.refresh().unwrap();
    assert_eq!(found(&reader, "things").len(), 3);
    drop((writer, reader));
    assert!(Index::open(dir.path()).unwrap().is_writer());
}

/// Scenario: an index of an older format, of a newer one, a folder with something else, and a format file with nonsense.
/// Guarantee: the older and the unreadable are made anew, the newer and the foreign refused and left alone.
#[test]
fn other_formats_are_made_anew_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let format = dir.path().join("format");
    for (text, expected) in [
        ("elixirscope search index 0\n", Opened::Older),
        ("\u{1}", Opened::Older),
    ] {
        fs::write(&format, text).unwrap();
        let index = Index::open(dir.path()).unwrap();
        assert_eq!(index.opened(), expected);
        assert!(index.is_empty());
        drop(index);
        filled(dir.path());
    }
    fs::write(&format, "elixirscope search index 999\n").unwrap();
    let refused = Index::open(dir.path()).unwrap_err();
    assert!(
        matches!(refused, SearchFault::Newer { found: 999, .. }),
        "{refused}"
    );
    assert!(dir.path().join("index/meta.json").exists());

    let foreign = tempfile::tempdir().unwrap();
    fs::write(foreign.path().join("thesis.txt"), "years of work").unwrap();
    assert!(matches!(
        Index::open(foreign.path()),
        Err(SearchFault::NotAnIndex(_))
    ));
    assert!(foreign.path().join("thesis.txt").exists());
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("index")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

/// Scenario: each file of the index in turn is cut short, has bytes changed, or is gone. Guarantee: opening never panics;
/// what opens as found answers as before, else the index is empty, says so and can be filled again.
#[test]
fn a_damaged_index_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mut damaged = 0;
    for at in 0..files(dir.path()).len() {
        for harm in 0..3 {
            let file = files(dir.path())[at].clone();
            let mut bytes = fs::read(&file).unwrap();
            match harm {
                0 => bytes.truncate(bytes.len() / 2),
                1 => bytes.iter_mut().for_each(|byte| *byte ^= 0x55),
                _ => bytes.clear(),
            }
            if harm == 2 {
                fs::remove_file(&file).unwrap();
            } else {
                fs::write(&file, bytes).unwrap();
            }
            let index = Index::open(dir.path()).unwrap();
            match index.opened() {
                Opened::Found => assert_eq!(found(&index, "things").len(), 2, "{}", file.display()),
                opened => {
                    assert_eq!(opened, Opened::Damaged);
                    assert!(index.is_empty());
                    damaged += 1;
                }
            }
            drop(index);
            fs::remove_dir_all(dir.path()).unwrap();
            filled(dir.path());
        }
    }
    assert!(damaged > 0);
}
