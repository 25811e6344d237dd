//! What cannot be indexed or found is said in words; nothing that a repository names is executed.

use codegraph::records::{Family, Memory, Records};
use repo_sync::git::{GitFault, Repository};
use repo_sync::history::{HistoryFault, find_function, resolve};

use crate::support::{Git, SHOW, Store, TAKE, index, module};

/// Scenario: no folder, a folder without git, a range that is no range or looks like an option, an empty range, a shallow
/// clone. Guarantee: each is said as what it is.
#[test]
fn each_fault_is_said() {
    let mut git = Git::new();
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE]));
    git.save("lib/stock.ex", &module("Shop.Stock", &[SHOW]));
    let records = Memory::default();
    let empty = tempfile::tempdir().unwrap();
    let fault = Repository::open(empty.path()).unwrap_err();
    assert!(matches!(fault, GitFault::NotARepository { .. }), "{fault}");
    let fault = Repository::open(&empty.path().join("none")).unwrap_err();
    assert!(matches!(fault, GitFault::Folder(_)), "{fault}");
    for range in ["nothing", "--output=/tmp/x", "main..nothing", ""] {
        let fault = index(&records, &git, range).unwrap_err();
        assert!(
            matches!(fault, HistoryFault::Git(GitFault::Range { .. })),
            "{range}: {fault}"
        );
    }
    let fault = index(&records, &git, "main..main").unwrap_err();
    assert_eq!(fault.to_string(), "'main..main' has no commits");
    let here = format!("file://{}", git.path().display());
    let shallow = empty.path().join("shallow");
    git.run(&["clone", "-q", "--depth", "1", &here, shallow.to_str().unwrap()]);
    let fault = Repository::open(&shallow).unwrap_err();
    assert!(fault.to_string().contains("git fetch --unshallow"), "{fault}");
    assert_eq!(records.bytes(), 0);
}

/// Scenario: a repository whose settings name programs for hooks, pager, diffs, text conversion, filters and the file
/// system monitor. Guarantee: none of them runs.
#[test]
fn nothing_of_the_repository_is_executed() {
    let mut git = Git::new();
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE]));
    git.save("lib/stock.ex", &module("Shop.Stock", &[SHOW]));
    let trace = git.path().join("executed");
    let program = git.path().join("program");
    std::fs::write(
        &program,
        format!("#!/bin/sh\necho \"$0 $@\" >> {}\n", trace.display()),
    )
    .unwrap();
    std::fs::write(
        git.path().join(".git/info/attributes"),
        "*.ex diff=evil filter=evil\n",
    )
    .unwrap();
    std::os::unix::fs::symlink(&program, git.path().join(".git/hooks/post-index-change")).ok();
    git.run(&["config", "core.pager", program.to_str().unwrap()]);
    for key in [
        "core.fsmonitor",
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.smudge",
        "filter.evil.clean",
        "gpg.program",
        "pager.log",
        "alias.log",
    ] {
        git.run(&["config", key, program.to_str().unwrap()]);
    }
    git.run(&["config", "log.showSignature", "true"]);
    std::process::Command::new("chmod")
        .arg("+x")
        .arg(&program)
        .status()
        .unwrap();
    let indexed = index(&Memory::default(), &git, "main").unwrap();
    assert_eq!(indexed.added, 2);
    assert!(!trace.exists(), "{}", std::fs::read_to_string(&trace).unwrap());
}

/// Scenario: names of versions: whole ids, their beginnings, too short ones, unknown ones; a beginning that two commits
/// share. Guarantee: found, or said that it is not known or not clear.
#[test]
fn versions_are_found_by_name() {
    let mut git = Git::new();
    let mut commits = Vec::new();
    for number in 0..40 {
        commits.push(git.save("lib/a.ex", &format!("{number}")));
    }
    let store = Store::of(&git);
    let find = |name: &str| resolve(&store.records, store.repository, name);
    for commit in &commits {
        let version = find(commit).unwrap();
        assert_eq!(find(&commit[..12]).unwrap(), version);
        assert_eq!(find(&version.to_string()[..12]).unwrap(), version);
        assert_eq!(find(&version.to_string().to_uppercase()).unwrap(), version);
    }
    for wrong in ["abc", "none", "", "0000000000000000000000000000000000000000"] {
        assert_eq!(
            find(wrong).unwrap_err(),
            HistoryFault::NoVersion(wrong.to_owned())
        );
    }
    // Two commits whose versions begin alike, as a store can have them.
    let key = |digit: &str| format!("git/{}/abcd{}", hex(&store.repository.0), digit.repeat(36));
    let heads = ["1", "2"].map(|digit| {
        let version = find(&commits[usize::from(digit == "2")]).unwrap();
        codegraph::records::Change::Put(Family::Head, key(digit).into_bytes(), version.0.0.to_vec())
    });
    store.records.write(heads.to_vec()).unwrap();
    assert!(matches!(
        find("abcd").unwrap_err(),
        HistoryFault::Ambiguous { .. }
    ));
    find("abcd1").unwrap();
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// Scenario: names of functions that are none, and a store with a record missing or damaged. Guarantee: said in words,
/// never a panic.
#[test]
fn what_is_missing_is_said() {
    let mut git = Git::new();
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE]));
    let store = Store::of(&git);
    let version = store.version("main");
    let find = |name: &str| find_function(&mut store.shelf(), version, name).unwrap_err();
    assert!(matches!(find(""), HistoryFault::Name(_)));
    assert!(matches!(
        find("Shop.Stock.take/3"),
        HistoryFault::NoFunction { .. }
    ));
    for family in [Family::Tree, Family::Identities, Family::Source, Family::Version] {
        let broken = Memory::default();
        for of in Family::ALL {
            for (key, mut value) in store.records.scan(of, None, usize::MAX).unwrap() {
                if of == family {
                    value.truncate(value.len() / 2);
                }
                broken
                    .write(vec![codegraph::records::Change::Put(of, key, value)])
                    .unwrap();
            }
        }
        let mut shelf = repo_sync::history::Shelf::new(&broken).unwrap();
        let found = find_function(&mut shelf, version, "Shop.Stock.take/2");
        assert!(found.is_err(), "{family:?}");
    }
}
