//! A project that is kept in step with its files equals one that is read anew, and computes no more than it must.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_collect,
    reason = "a broken fixture is a failed test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codegraph::records::{Memory, Records};
use proptest::prelude::*;
use repo_sync::project::{CodeProject, LiveProject, ProjectOptions};

fn shop() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam/demo")
}

/// A copy of the shop's sources.
fn copy() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut folders = vec![PathBuf::from("lib")];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(dir.path().join(&folder)).unwrap();
        for entry in fs::read_dir(shop().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                fs::copy(entry.path(), dir.path().join(&path)).unwrap();
            }
        }
    }
    dir
}

fn open(root: &Path, records: Option<Arc<dyn Records>>) -> LiveProject {
    let options = ProjectOptions {
        threads: 1,
        ..ProjectOptions::default()
    };
    LiveProject::open(root, &options, records, &|_, _| {}).unwrap()
}

/// All that a project says.
fn said(project: &CodeProject) -> String {
    let files = project.files().iter().map(|file| format!("{file:?}\n"));
    let modules = project.modules().iter().map(|module| format!("{module:?}\n"));
    let functions = project
        .functions()
        .iter()
        .map(|function| format!("{function:?}\n"));
    let sites = project.sites().iter().map(|site| format!("{site:?}\n"));
    let said: String = files.chain(modules).chain(functions).chain(sites).collect();
    let edges: Vec<_> = project.graph().edges().collect();
    said + &format!("{edges:?}\n{:?}", project.faults())
}

fn assert_as_cold(live: &LiveProject, root: &Path, why: &str) {
    let cold = CodeProject::open(root, &ProjectOptions::default(), &|_, _| {}).unwrap();
    let (left, right) = (said(live.project()), said(&cold));
    if left != right {
        let other = left.lines().zip(right.lines()).find(|(a, b)| a != b);
        panic!("{why}: kept in step and read anew differ: {other:#?}");
    }
}

fn edit(root: &Path, path: &str, change: impl Fn(&str) -> String) {
    let path = root.join(path);
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(text, changed);
    fs::write(path, changed).unwrap();
}

const WAREHOUSE: &str = "lib/shop/stock/warehouse.ex";

/// Scenario: comments, blank lines and another layout, then a function's body, then a new function in a module that
/// others call. Guarantee: no fact is computed for the first; for the others those of this file alone.
#[test]
fn only_what_changed_is_computed() {
    let dir = copy();
    let mut live = open(dir.path(), Some(Arc::new(Memory::default())));
    let files = live.project().files().len() as u64;
    let reading = live.project().reading();
    assert_eq!(
        (reading.parsed, reading.measured, reading.linked),
        (files, files, files)
    );
    assert!(live.refresh().unwrap().is_same());
    live.save().unwrap();

    edit(dir.path(), WAREHOUSE, |text| {
        format!(
            "# A comment.\n\n{}",
            text.replace("\n  def ", "\n\n  # Another.\n  def ")
        )
    });
    let found = live.refresh().unwrap();
    assert_eq!(found.changed, [WAREHOUSE]);
    assert_eq!((found.parsed, found.measured, found.linked), (1, 0, 0));
    assert_as_cold(&live, dir.path(), "comments");
    live.save().unwrap();

    edit(dir.path(), WAREHOUSE, |text| {
        text.replacen(" do\n", " do\n    _ = :edited\n", 3)
    });
    let found = live.refresh().unwrap();
    assert_eq!((found.parsed, found.measured, found.linked), (1, 1, 1));
    assert_as_cold(&live, dir.path(), "a body");

    edit(dir.path(), WAREHOUSE, |text| {
        text.replacen("  def ", "  def brand_new(a, b \\\\ 1), do: a + b\n\n  def ", 1)
    });
    let found = live.refresh().unwrap();
    assert_eq!((found.parsed, found.measured, found.linked), (1, 1, 1));
    assert_as_cold(&live, dir.path(), "a new function");
}

/// Scenario: a function gets another arity by a default, its module vanishes, comes back under another path, a file no
/// longer parses. Guarantee: those that call it are linked again, and all is as if it were read anew.
#[test]
fn who_was_answered_otherwise_is_linked_again() {
    let dir = copy();
    let callers = "defmodule Caller do\n  def a, do: Callee.f(1)\n  def b, do: Other.g()\nend\n";
    let callee = "defmodule Callee do\n  def f(a), do: a\nend\n";
    fs::write(dir.path().join("lib/caller.ex"), callers).unwrap();
    fs::write(dir.path().join("lib/callee.ex"), callee).unwrap();
    let mut live = open(dir.path(), Some(Arc::new(Memory::default())));

    edit(dir.path(), "lib/callee.ex", |text| {
        text.replace("f(a)", "f(a, b \\\\ nil)")
    });
    let found = live.refresh().unwrap();
    assert_eq!((found.parsed, found.measured, found.linked), (2, 1, 2));
    assert_as_cold(&live, dir.path(), "a default");

    fs::remove_file(dir.path().join("lib/callee.ex")).unwrap();
    let found = live.refresh().unwrap();
    assert_eq!(found.gone, ["lib/callee.ex"]);
    assert_eq!(found.linked, 1);
    assert_as_cold(&live, dir.path(), "a file is gone");

    // What was linked this way before is found.
    live.save().unwrap();
    fs::write(dir.path().join("lib/moved.ex"), callee).unwrap();
    let found = live.refresh().unwrap();
    assert_eq!((found.parsed, found.measured, found.linked), (0, 0, 0));
    assert_as_cold(&live, dir.path(), "a file came back elsewhere");

    edit(dir.path(), "lib/moved.ex", |text| text.replace("do: a", "do: (("));
    live.refresh().unwrap();
    assert_as_cold(&live, dir.path(), "a syntax error");
    fs::write(dir.path().join("lib/moved.ex"), b"\xff\xfe").unwrap();
    live.refresh().unwrap();
    assert_as_cold(&live, dir.path(), "no text");
    fs::write(dir.path().join("lib/moved.ex"), callee).unwrap();
    live.refresh().unwrap();
    assert_as_cold(&live, dir.path(), "mended");
}

/// Scenario: a project is read, saved, and opened by another process; then the records are damaged. Guarantee: nothing is
/// parsed the second time; damaged records are made again.
#[test]
fn a_project_is_opened_from_its_records() {
    let dir = copy();
    let records: Arc<dyn Records> = Arc::new(Memory::default());
    // Files that changed just now may change again unseen: they are read, but not parsed.
    let first = open(dir.path(), Some(records.clone()));
    first.save().unwrap();
    let again = open(dir.path(), Some(records.clone()));
    let reading = again.project().reading();
    assert_eq!((reading.parsed, reading.measured, reading.linked), (0, 0, 0));
    assert_as_cold(&again, dir.path(), "from records");

    for family in codegraph::records::Family::ALL {
        let all = records.scan(family, None, usize::MAX).unwrap();
        let damaged = all.into_iter().map(|(key, mut value)| {
            value.truncate(value.len() / 2);
            codegraph::records::Change::Put(family, key, value)
        });
        records.write(damaged.collect()).unwrap();
    }
    let mended = open(dir.path(), Some(records.clone()));
    assert_as_cold(&mended, dir.path(), "damaged records");
    mended.save().unwrap();
    let after = open(dir.path(), Some(records));
    assert_eq!(after.project().reading().parsed, 0);
}

#[derive(Clone, Debug)]
enum Edit {
    Comment(usize),
    Body(usize, usize),
    Add(usize, u8, bool),
    RenameFunction(usize, usize),
    Remove(usize),
    Copy(usize, u8),
    Break(usize),
    Using(usize),
    Restore(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let file = 0usize..64;
    let one = prop_oneof![
        file.clone().prop_map(Edit::Comment),
        (file.clone(), 0usize..8).prop_map(|(file, at)| Edit::Body(file, at)),
        (file.clone(), 0u8..4, any::<bool>()).prop_map(|(file, n, public)| Edit::Add(file, n, public)),
        (file.clone(), 0usize..8).prop_map(|(file, at)| Edit::RenameFunction(file, at)),
        file.clone().prop_map(Edit::Remove),
        (file.clone(), 0u8..4).prop_map(|(file, n)| Edit::Copy(file, n)),
        file.clone().prop_map(Edit::Break),
        file.clone().prop_map(Edit::Using),
        file.prop_map(Edit::Restore),
    ];
    proptest::collection::vec(one, 1..12)
}

fn apply(root: &Path, project: &CodeProject, edit: &Edit) {
    let pick = |file: &usize| {
        let files = project.files();
        (!files.is_empty()).then(|| root.join(&files[file % files.len()].path))
    };
    let change = |file: &usize, change: &dyn Fn(&str) -> String| {
        if let Some(path) = pick(file)
            && let Ok(text) = fs::read_to_string(&path)
        {
            fs::write(path, change(&text)).unwrap();
        }
    };
    let nth = |text: &str, part: &str, at: usize| {
        let places: Vec<usize> = text.match_indices(part).map(|(at, _)| at).collect();
        (!places.is_empty()).then(|| places[at % places.len()])
    };
    match edit {
        Edit::Comment(file) => change(file, &|text| format!("# {}\n{text}", text.len())),
        Edit::Body(file, at) => change(file, &|text| match nth(text, " do\n", *at) {
            Some(place) => format!("{} do\n    _ = {at}\n{}", &text[..place], &text[place + 4..]),
            None => text.to_owned(),
        }),
        Edit::Add(file, n, public) => change(file, &|text| {
            let word = if *public { "def" } else { "defp" };
            text.replacen(
                " do\n",
                &format!(" do\n  {word} added_{n}(a, b \\\\ {n}), do: Enum.map(a, &(&1 + b))\n"),
                1,
            )
        }),
        Edit::RenameFunction(file, at) => change(file, &|text| match nth(text, "  def ", *at) {
            Some(place) => format!("{}  def re_{}", &text[..place], &text[place + 6..]),
            None => text.to_owned(),
        }),
        Edit::Remove(file) => {
            if let Some(path) = pick(file) {
                let _ = fs::remove_file(path);
            }
        }
        Edit::Copy(file, n) => {
            if let Some(path) = pick(file) {
                let _ = fs::copy(path, root.join(format!("lib/copy_{n}.ex")));
            }
        }
        Edit::Break(file) => change(file, &|text| text.replacen("end", "en d )", 1)),
        Edit::Using(file) => change(file, &|text| {
            text.replacen(
                " do\n",
                " do\n  defmacro __using__(_) do\n    quote do\n      import Enum\n      def used(x), do: x\n    end\n  end\n  use Shop.Remote\n",
                1,
            )
        }),
        Edit::Restore(file) => {
            if let Some(path) = pick(file) {
                let relative = path.strip_prefix(root).unwrap().to_owned();
                let _ = fs::copy(shop().join(relative), path);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Scenario: random edits of the shop, each followed by a look, some saved. Guarantee: after each the project equals
    /// one that is read anew, numbers and edges included.
    #[test]
    fn kept_in_step_equals_read_anew(edits in edits(), saves: u16) {
        let dir = copy();
        let mut live = open(dir.path(), Some(Arc::new(Memory::default())));
        for (at, edit) in edits.iter().enumerate() {
            let project = live.project().clone();
            apply(dir.path(), &project, edit);
            if saves >> (at % 13) & 1 == 1 {
                let all = project.files().iter().map(|file| file.path.clone());
                let copies = (0..4).map(|n| format!("lib/copy_{n}.ex"));
                live.refresh_paths(&all.chain(copies).collect::<Vec<_>>()).unwrap();
            } else {
                live.refresh().unwrap();
            }
            assert_as_cold(&live, dir.path(), &format!("after {edit:?}"));
            if saves >> (at % 16) & 1 == 1 {
                live.save().unwrap();
            }
        }
    }
}
