//! A version that is read from the store's texts equals a checkout of its commit: numbers, edges and places included.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_collect,
    reason = "a broken fixture is a failed test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use codegraph::records::{Memory, Records};
use proptest::prelude::*;
use repo_sync::git::Repository;
use repo_sync::history::{
    GitOptions, HistoryFault, KeptIds, NoFacts, Shelf, VersionFacts, index_folder, index_git, revision,
    revision_indexed,
};
use repo_sync::project::{CodeProject, FactsAhead, LiveProject, ProjectOptions};

/// Runs git in a folder, alike everywhere.
fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"])
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(folder: &Path) -> String {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", "edit"]);
    git(folder, &["rev-parse", "HEAD"])
}

/// A repository with the shop's sources as its first commit.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    let shop = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam/demo");
    let mut folders = vec![PathBuf::from("lib")];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(dir.path().join(&folder)).unwrap();
        for entry in fs::read_dir(shop.join(&folder)).unwrap() {
            let path = folder.join(entry.as_ref().unwrap().file_name());
            if shop.join(&path).is_dir() {
                folders.push(path);
            } else {
                fs::copy(shop.join(&path), dir.path().join(&path)).unwrap();
            }
        }
    }
    commit(dir.path());
    dir
}

const OPTIONS: ProjectOptions = ProjectOptions {
    tests: false,
    threads: 1,
    trees_bytes_max: 1 << 20,
};

/// All that a project says.
fn said(project: &CodeProject) -> String {
    let files = project.files().iter().map(|file| format!("{file:?}\n"));
    let modules = project.modules().iter().map(|module| format!("{module:?}\n"));
    let functions = project.functions().iter().map(|one| format!("{one:?}\n"));
    let sites = project.sites().iter().map(|site| format!("{site:?}\n"));
    let said: String = files.chain(modules).chain(functions).chain(sites).collect();
    let edges: Vec<_> = project.graph().edges().collect();
    said + &format!("{edges:?}\n{:?}", project.faults())
}

fn open_at(folder: &Path, records: &Arc<dyn Records>, name: &str) -> LiveProject {
    let mut shelf = Shelf::new(&**records).unwrap();
    let found = revision_indexed(&mut shelf, folder, name, &mut |_| {}).unwrap();
    let records = Arc::clone(records);
    LiveProject::open_at(folder, &OPTIONS, records, found.version, None, &|_, _| {}).unwrap()
}

fn index(folder: &Path, records: &dyn Records, range: &str, facts: &mut dyn VersionFacts) {
    let mut shelf = Shelf::new(records).unwrap();
    let mut git = Repository::open(folder).unwrap();
    let options = GitOptions {
        range: range.to_owned(),
        anew: false,
    };
    index_git(&mut shelf, &mut git, &options, facts, &mut |_| {}).unwrap();
}

/// What a checkout of a commit says, read without any record.
fn checked_out(folder: &Path, name: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("tree");
    git(
        folder,
        &["worktree", "add", "-q", "--detach", place.to_str().unwrap(), name],
    );
    let project = CodeProject::open(&place, &OPTIONS, &|_, _| {}).unwrap();
    git(
        folder,
        &["worktree", "remove", "--force", place.to_str().unwrap()],
    );
    said(&project)
}

fn assert_same(left: &str, right: &str, why: &str) {
    if left != right {
        let other = left.lines().zip(right.lines()).find(|(a, b)| a != b);
        panic!("{why}: the version and its checkout differ: {other:#?}");
    }
}

/// An edit of the file with this number.
#[derive(Clone, Debug)]
enum Edit {
    Comment(usize),
    Body(usize, u8),
    Add(usize, u8),
    Remove(usize),
    Copy(usize, u8),
    Move(usize),
    Break(usize),
    Using(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let file = 0..64usize;
    let one = prop_oneof![
        file.clone().prop_map(Edit::Comment),
        (file.clone(), any::<u8>()).prop_map(|(file, n)| Edit::Body(file, n)),
        (file.clone(), any::<u8>()).prop_map(|(file, n)| Edit::Add(file, n)),
        file.clone().prop_map(Edit::Remove),
        (file.clone(), 0..3u8).prop_map(|(file, n)| Edit::Copy(file, n)),
        file.clone().prop_map(Edit::Move),
        file.clone().prop_map(Edit::Break),
        file.prop_map(Edit::Using),
    ];
    proptest::collection::vec(one, 1..6)
}

fn apply(root: &Path, edit: &Edit) {
    let listed = git(root, &["ls-files", "-co", "--exclude-standard", "lib"]);
    let all: Vec<PathBuf> = listed.lines().map(|line| root.join(line)).collect();
    let there: Vec<PathBuf> = all.into_iter().filter(|path| path.is_file()).collect();
    let pick = |at: &usize| there.get(at % there.len().max(1)).cloned();
    let change = |at: &usize, change: &dyn Fn(&str) -> String| {
        if let Some(path) = pick(at) {
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, change(&text)).unwrap();
        }
    };
    match edit {
        Edit::Comment(at) => change(at, &|text| format!("# a comment\n\n{text}")),
        Edit::Body(at, n) => change(at, &|text| {
            text.replacen("  end\n", &format!("    Enum.sum([{n}])\n  end\n"), 1)
        }),
        Edit::Add(at, n) => change(at, &|text| {
            text.replacen(
                " do\n",
                &format!(" do\n  def added_{n}(a, b \\\\ {n}), do: Enum.map(a, &(&1 + b))\n"),
                1,
            )
        }),
        Edit::Remove(at) => {
            if let Some(path) = pick(at) {
                fs::remove_file(path).unwrap();
            }
        }
        Edit::Copy(at, n) => {
            if let Some(path) = pick(at) {
                fs::copy(path, root.join(format!("lib/copy_{n}.ex"))).unwrap();
            }
        }
        Edit::Move(at) => {
            if let Some(path) = pick(at) {
                fs::create_dir_all(root.join("lib/moved")).unwrap();
                let to = root.join("lib/moved").join(path.file_name().unwrap());
                fs::rename(path, to).unwrap();
            }
        }
        Edit::Break(at) => change(at, &|text| text.replacen("end", "en d )", 1)),
        Edit::Using(at) => change(at, &|text| {
            text.replacen(
                " do\n",
                " do\n  defmacro __using__(_) do\n    quote do\n      import Enum\n      def used(x), do: x\n    end\n  end\n  use Shop.Remote\n",
                1,
            )
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Scenario: commits with random edits, indexed with or without their facts; then each is opened from the store, and
    /// again. Guarantee: it says what a checkout says, numbers, edges and faults included; with facts nothing is parsed
    /// or computed to open it, and never the second time.
    #[test]
    fn a_version_equals_its_checkout(edits in edits(), with_facts: bool) {
        let dir = repository();
        let records: Arc<dyn Records> = Arc::new(Memory::default());
        let mut commits = vec![git(dir.path(), &["rev-parse", "HEAD"])];
        for edit in &edits {
            apply(dir.path(), edit);
            commits.push(commit(dir.path()));
        }
        if with_facts {
            let mut ahead = FactsAhead::new(dir.path(), &OPTIONS, &records).unwrap();
            index(dir.path(), &*records, "main", &mut ahead);
            ahead.save().unwrap();
        } else {
            index(dir.path(), &*records, "main", &mut NoFacts);
        }
        for (at, commit) in commits.iter().enumerate() {
            let why = format!("commit {at} of {edits:?}");
            let wanted = checked_out(dir.path(), commit);
            for again in [with_facts, true] {
                let live = open_at(dir.path(), &records, commit);
                assert_same(&said(live.project()), &wanted, &why);
                let reading = live.project().reading();
                let made = reading.parsed + reading.measured + reading.linked;
                prop_assert!(!again || made == 0, "{why}: {reading:?}");
                live.save().unwrap();
            }
        }
    }
}

/// Scenario: facts are made of commits that are versions already, twice. Guarantee: they are made once, and only files
/// that differ are looked at.
#[test]
fn facts_of_known_versions_are_made_once() {
    let dir = repository();
    let records: Arc<dyn Records> = Arc::new(Memory::default());
    for edit in [Edit::Body(1, 5), Edit::Comment(2), Edit::Add(3, 7)] {
        apply(dir.path(), &edit);
        commit(dir.path());
    }
    index(dir.path(), &*records, "main", &mut NoFacts);
    let files = git(dir.path(), &["ls-files", "lib"]).lines().count() as u64;
    for measured in [files + 2, 0] {
        let mut ahead = FactsAhead::new(dir.path(), &OPTIONS, &records).unwrap();
        index(dir.path(), &*records, "main", &mut ahead);
        ahead.save().unwrap();
        let made = ahead.made();
        assert_eq!((made.versions, made.files), (4, files + 3), "{made:?}");
        assert_eq!(
            made.measured, measured,
            "a comment has the facts of before: {made:?}"
        );
    }
}

/// Scenario: a store without versions is asked for `HEAD~1`, then the whole line is indexed, then newer commits are asked
/// for. Guarantee: the one commit is a version alone, which no line goes on from; a commit shortly behind a line's end
/// continues that line.
#[test]
fn a_commit_is_indexed_when_it_is_asked_for() {
    let dir = repository();
    apply(dir.path(), &Edit::Add(0, 1));
    commit(dir.path());
    apply(dir.path(), &Edit::Add(1, 2));
    commit(dir.path());
    let records: Arc<dyn Records> = Arc::new(Memory::default());
    let mut shelf = Shelf::new(&*records).unwrap();
    let unknown = revision(&shelf, dir.path(), "HEAD~1");
    assert_eq!(unknown, Err(HistoryFault::NoVersion("HEAD~1".to_owned())));
    let mut ask = |name: &str| revision_indexed(&mut shelf, dir.path(), name, &mut |_| {}).unwrap();
    let alone = ask("HEAD~1");
    assert_eq!(alone.added, 1);
    assert_eq!((ask("HEAD~1").added, ask("main~1").version), (0, alone.version));
    index(dir.path(), &*records, "main", &mut NoFacts);
    let in_line = ask("HEAD~1");
    assert_ne!(
        in_line.version, alone.version,
        "the line begins at the first commit"
    );
    for n in 3..6 {
        apply(dir.path(), &Edit::Add(2, n));
        commit(dir.path());
    }
    let newer = ask("HEAD");
    assert_eq!(newer.added, 3);
    let parent = |id| shelf.version(id).unwrap().parent;
    let mut at = Some(newer.version);
    for _ in 0..4 {
        at = parent(at.unwrap());
    }
    assert_eq!(at, Some(in_line.version));
    let id = newer.version.to_string();
    assert_eq!(revision(&shelf, dir.path(), &id).unwrap().version, newer.version);
    let nowhere = revision(&shelf, dir.path(), "no-such-branch");
    assert_eq!(nowhere, Err(HistoryFault::NoVersion("no-such-branch".to_owned())));
}

/// Scenario: a function's body, its name, a call and a whole file change; a comment is added. Guarantee: each is told
/// apart, the renamed one by what it says, a removed one that is still called keeps the node that its callers reach; what
/// only looks otherwise is not listed.
#[test]
fn what_changed_since_a_version_is_told_by_name_and_content() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    fs::create_dir(dir.path().join("lib")).unwrap();
    let write = |path: &str, text: &str| fs::write(dir.path().join(path), text).unwrap();
    write(
        "lib/a.ex",
        "defmodule A do\n  def kept(x), do: x + 1\n  def edited(x), do: B.gone(x)\n  def before(x), do: {:once, x, x}\nend\n",
    );
    write(
        "lib/b.ex",
        "defmodule B do\n  def gone(x), do: x * 2\n  def lost(x), do: x * 3\nend\n",
    );
    let old = commit(dir.path());
    write(
        "lib/a.ex",
        "defmodule A do\n  # here\n  def kept(x),\n    do: x + 1\n\n  def edited(x), do: B.gone(x) + 1\n\n  def after_it(x), do: {:once, x, x}\nend\n",
    );
    fs::remove_file(dir.path().join("lib/b.ex")).unwrap();
    write("lib/c.ex", "defmodule C do\n  def new(x), do: A.edited(x)\nend\n");
    let records: Arc<dyn Records> = Arc::new(Memory::default());
    let before = open_at(dir.path(), &records, &old);
    let now = CodeProject::open(dir.path(), &OPTIONS, &|_, _| {}).unwrap();
    let told: Vec<String> = now
        .changed_since(before.project())
        .iter()
        .map(|one| {
            let text = |project: &CodeProject, node: Option<u32>| {
                node.map(|node| project.text(node)).unwrap_or_default()
            };
            let (new, old) = (text(&now, one.node), text(before.project(), one.old));
            format!("{}: {old} -> {new}", one.changed.name())
        })
        .collect();
    assert_eq!(
        told,
        [
            "edited: A.edited/1 -> A.edited/1",
            "renamed: A.before/1 -> A.after_it/1",
            "added:  -> C.new/1",
            "removed: B.gone/1 -> B.gone/1",
            "removed: B.lost/1 -> ",
        ]
    );
    assert_eq!(now.changed_since(&now), []);
}

/// Scenario: a line of commits, then a clean checkout, then one file edited, then that indexed. Guarantee: ids are those of
/// the version that the project is; of an edited file there are none until it is a version; `--at` has those of its own.
#[test]
fn a_project_has_the_ids_of_its_version() {
    let dir = repository();
    let first = git(dir.path(), &["rev-parse", "HEAD"]);
    apply(dir.path(), &Edit::Add(0, 1));
    commit(dir.path());
    let records: Arc<dyn Records> = Arc::new(Memory::default());
    let mut shelf = Shelf::new(&*records).unwrap();
    let open = || CodeProject::open(dir.path(), &OPTIONS, &|_, _| {}).unwrap();
    assert!(KeptIds::of(&mut shelf, &open()).unwrap().is_none());
    index(dir.path(), &*records, "main", &mut NoFacts);
    let clean = open();
    let kept = KeptIds::of(&mut shelf, &clean).unwrap().unwrap();
    assert_eq!((kept.is_exact, kept.count()), (true, clean.files().len()));
    let path = &clean.files()[0].path;
    let ids = kept.file(&mut shelf, path).unwrap().unwrap();
    let old = open_at(dir.path(), &records, &first);
    let before = KeptIds::of(&mut shelf, old.project()).unwrap().unwrap();
    assert!(before.is_exact && before.version != kept.version);
    let were = before.file(&mut shelf, path).unwrap().unwrap();
    assert!(
        were.functions
            .iter()
            .all(|one| ids.functions.iter().any(|now| now.entity == one.entity))
    );
    apply(dir.path(), &Edit::Body(0, 9));
    let edited = open();
    let kept = KeptIds::of(&mut shelf, &edited).unwrap().unwrap();
    assert_eq!((kept.is_exact, kept.count()), (false, edited.files().len() - 1));
    assert!(kept.file(&mut shelf, path).unwrap().is_none());
    index_folder(&mut shelf, dir.path(), &mut NoFacts).unwrap();
    let kept = KeptIds::of(&mut shelf, &edited).unwrap().unwrap();
    assert!(kept.is_exact && kept.file(&mut shelf, path).unwrap().is_some());
}
