//! Tables of a project whose versions are kept: ids that outlive names, and lineage.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use codegraph::records::{Memory, Records};
use repo_sync::git::Repository;
use repo_sync::history::{GitOptions, KeptIds, NoFacts, Shelf, find_function, index_git, revision};
use repo_sync::project::{CodeProject, LiveProject, ProjectOptions};
use repo_sync::tables::{ExportOptions, Kept, Readings, export};

use crate::{broken, duckdb};

fn git(folder: &Path, args: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(["-c", "commit.gpgsign=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {done:?}");
}

fn tables(shelf: &mut Shelf<'_>, project: &CodeProject, folder: &Path) {
    let ids = KeptIds::of(shelf, project).unwrap().unwrap();
    let readings = Readings::of(project).unwrap();
    let options = ExportOptions { clones: None };
    let kept = Some(Kept { shelf, ids });
    let done = export(project, folder, &options, readings, kept, &mut |_, _| {}).unwrap();
    assert_eq!(done.faults, vec![]);
}

const BEFORE: &str = "defmodule Shop do
  def take(stock, count) do
    left = Map.fetch!(stock, :left) - count
    if left < 0, do: {:error, :out_of_stock}, else: {:ok, Map.put(stock, :left, left)}
  end

  def show(stock), do: IO.inspect({stock.name, stock.left, :shown})
end
";

/// Scenario: a function is renamed and another edited by a commit; the tables of both versions are made, and of the folder
/// with one more edit. Guarantee: a renamed function keeps its entity in `function`, the one that history shows; `lineage`
/// has the steps of the later version, whose ends are there; `version` names version and commit of the store, and of an
/// edited folder neither; all rules hold.
#[test]
fn tables_have_the_ids_and_lineage_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let (root, at) = (dir.path(), dir.path().join("lib/shop.ex"));
    fs::create_dir(root.join("lib")).unwrap();
    git(root, &["init", "-q", "-b", "main"]);
    let after = BEFORE
        .replace("def take", "def reserve")
        .replace(":shown", ":seen");
    for text in [BEFORE, &after] {
        fs::write(&at, text).unwrap();
        git(root, &["add", "-A"]);
        git(root, &["commit", "-q", "-m", "a step"]);
    }
    let records: Arc<dyn Records> = Arc::new(Memory::default());
    let mut shelf = Shelf::new(&*records).unwrap();
    let mut repository = Repository::open(root).unwrap();
    let options = GitOptions {
        range: "main".to_owned(),
        anew: false,
    };
    index_git(&mut shelf, &mut repository, &options, &mut NoFacts, &mut |_| {}).unwrap();
    let old = revision(&shelf, root, "HEAD~1").unwrap();
    let new = revision(&shelf, root, "HEAD").unwrap();
    let take = find_function(&mut shelf, old.version, "Shop.take/2").unwrap()[0].entity;
    let show = find_function(&mut shelf, old.version, "Shop.show/1").unwrap()[0].entity;

    let answers = |shelf: &mut Shelf<'_>, project: &CodeProject| {
        let folder = tempfile::tempdir().unwrap();
        tables(shelf, project, folder.path());
        assert_eq!(broken(folder.path()), Vec::<String>::new());
        let sql = [
            "SELECT \"function\", entity FROM \"function\" WHERE file IS NOT NULL ORDER BY 1",
            "SELECT identities, stored, \"commit\" FROM version",
            "SELECT from_version, from_entity, to_entity, kind FROM lineage WHERE entity_kind = 'function' ORDER BY 2, 4",
        ];
        duckdb::ask(folder.path(), "", &sql)
    };
    let options = ProjectOptions::default();
    let open_at = |version| {
        LiveProject::open_at(root, &options, Arc::clone(&records), version, None, &|_, _| {}).unwrap()
    };
    let (take, show) = (take.to_string(), show.to_string());
    let row = |cells: &[&str]| cells.iter().map(ToString::to_string).collect::<Vec<String>>();

    let before = answers(&mut shelf, open_at(old.version).project());
    assert_eq!(before[0], [row(&["show/1", &show]), row(&["take/2", &take])]);
    assert_eq!(
        before[2],
        Vec::<Vec<String>>::new(),
        "the first version comes from none"
    );

    let folder = CodeProject::open(root, &options, &|_, _| {}).unwrap();
    let now = answers(&mut shelf, &folder);
    assert_eq!(now[0], [row(&["reserve/2", &take]), row(&["show/1", &show])]);
    let commit = new.commit.unwrap().to_string();
    assert_eq!(now[1], [row(&["kept", &new.version.to_string(), &commit])]);
    let from = old.version.to_string();
    let mut steps = vec![
        row(&[&from, &take, &take, "renamed"]),
        row(&[&from, &show, &show, "edited"]),
    ];
    steps.sort();
    assert_eq!(now[2], steps);

    fs::write(&at, after.replace(":seen", ":edited")).unwrap();
    fs::write(
        root.join("lib/more.ex"),
        "defmodule More do\n  def one, do: 1\nend\n",
    )
    .unwrap();
    let edited = CodeProject::open(root, &options, &|_, _| {}).unwrap();
    assert!(
        KeptIds::of(&mut shelf, &edited).unwrap().is_none(),
        "no file is as it was"
    );
    fs::write(&at, &after).unwrap();
    let edited = CodeProject::open(root, &options, &|_, _| {}).unwrap();
    let edited = answers(&mut shelf, &edited);
    assert_eq!(edited[1], [row(&["partly", "", ""])]);
    assert_eq!(edited[0][1], row(&["reserve/2", &take]));
    assert_eq!(edited[2], Vec::<Vec<String>>::new());
}
