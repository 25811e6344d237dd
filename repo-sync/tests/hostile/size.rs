//! Much of everything: one very long line, very many files.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use super::{found, indexed, opened, project, write};

/// Longer than these should ever take, on a machine that does other things too.
const LONG: Duration = Duration::from_mins(2);

/// Scenario: a line of 10 MB, one of just below the limit as one list and as one string. Guarantee: the first is refused
/// with its size, the others are read, in time.
#[test]
fn one_line_of_megabytes() {
    let root = project();
    write(
        root.path(),
        "lib/huge.ex",
        format!("x = [{}]", "1, ".repeat(10 << 20)),
    );
    write(
        root.path(),
        "lib/list.ex",
        format!("x = [{}1]", "1, ".repeat(1 << 20)),
    );
    write(
        root.path(),
        "lib/text.ex",
        format!("x = \"{}\"", "a".repeat(4_000_000)),
    );
    let started = Instant::now();
    let found = found(root.path());
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
    assert_eq!(
        found.faults,
        ["lib/huge.ex: source of 31457286 bytes exceeds the limit of 4194304"]
    );
    assert_eq!(found.paths, ["lib/good.ex", "lib/list.ex", "lib/text.ex"]);
}

/// Scenario: 100,000 files in one folder. Guarantee: all are read, in time.
#[test]
fn a_hundred_thousand_files_in_one_folder() {
    let root = project();
    let mut text = String::new();
    for number in 0..100_000 {
        text.clear();
        write!(text, "defmodule M{number} do\nend\n").unwrap();
        fs::write(root.path().join(format!("lib/m{number}.ex")), &text).unwrap();
    }
    for name in ["index_project", "CodeProject::open"] {
        let started = Instant::now();
        let found = if name == "index_project" {
            indexed(root.path(), &mut || {})
        } else {
            opened(root.path(), &|| {})
        };
        println!("{name}: {:?}", started.elapsed());
        assert_eq!((found.paths.len(), found.faults.len()), (100_001, 0));
        assert!(started.elapsed() < LONG, "{name}: {:?}", started.elapsed());
    }
}
