//! Working trees as versions, and projects inside of repositories.

use codegraph::records::Memory;
use repo_sync::git::Repository;
use repo_sync::history::{
    GitOptions, NoFacts, Shelf, Worked, find_function, index_folder, index_git, resolve,
};

use crate::support::{Git, SHOW, Store, TAKE, module};

fn work(records: &Memory, git: &Git) -> Worked {
    let mut shelf = Shelf::new(records).unwrap();
    index_folder(&mut shelf, git.path(), &mut NoFacts).unwrap()
}

/// Scenario: a working tree as its commit has it; edited; edited again; clean again. Guarantee: clean, it is its commit's
/// version; edited, a version that follows the one before, with the ids of the commit.
#[test]
fn a_working_tree_follows_its_commit() {
    let mut git = Git::new();
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE]));
    let store = Store::of(&git);
    let id = store.id("main", "Shop.Stock.take/2");
    let clean = work(&store.records, &git);
    assert_eq!((clean.version, clean.changed), (store.version("main"), 0));
    git.write(
        "lib/stock.ex",
        module("Shop.Stock", &[&TAKE.replace("take", "reserve"), SHOW]),
    );
    let first = work(&store.records, &git);
    assert_eq!(first.changed, 1);
    assert_eq!(
        work(&store.records, &git),
        Worked {
            changed: 0,
            ..first.clone()
        }
    );
    git.write("lib/view.ex", module("Shop.View", &[]));
    let second = work(&store.records, &git);
    let mut shelf = store.shelf();
    assert_eq!(shelf.version(second.version).unwrap().parent, Some(first.version));
    assert_eq!(
        shelf.version(first.version).unwrap().parent,
        Some(store.version("main"))
    );
    let found = find_function(&mut shelf, second.version, "Shop.Stock.reserve/2").unwrap();
    assert_eq!(found[0].entity, id);
    git.run(&["checkout", "-q", "."]);
    git.remove("lib/view.ex");
    assert_eq!(work(&store.records, &git).version, store.version("main"));
}

/// Scenario: a folder without git. Guarantee: its versions follow one another all the same, and have the project's name.
#[test]
fn a_folder_needs_no_git() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lib")).unwrap();
    let path = folder.path().join("lib/stock.ex");
    std::fs::write(&path, module("Shop.Stock", &[TAKE])).unwrap();
    let records = Memory::default();
    let mut shelf = Shelf::new(&records).unwrap();
    let first = index_folder(&mut shelf, folder.path(), &mut NoFacts).unwrap();
    std::fs::write(&path, module("Shop.Stock", &[SHOW, TAKE])).unwrap();
    let second = index_folder(&mut shelf, folder.path(), &mut NoFacts).unwrap();
    assert_eq!(first.repository, second.repository);
    assert_eq!(shelf.version(second.version).unwrap().parent, Some(first.version));
    let name = folder.path().canonicalize().unwrap();
    let found = resolve(&records, first.repository, name.to_str().unwrap()).unwrap();
    assert_eq!(found, second.version);
}

/// Scenario: two projects in one repository. Guarantee: each has its own files and its own id; a commit that changes the
/// other one is a version with the same files.
#[test]
fn a_project_may_be_a_folder_of_a_repository() {
    let mut git = Git::new();
    git.write("shop/lib/stock.ex", module("Shop.Stock", &[TAKE]));
    git.save("web/lib/web.ex", &module("Web", &[SHOW]));
    git.save("web/lib/web.ex", &module("Web", &[TAKE]));
    let records = Memory::default();
    let mut shelf = Shelf::new(&records).unwrap();
    let options = GitOptions {
        range: "main".to_owned(),
        anew: false,
    };
    let mut versions = Vec::new();
    for (folder, name) in [("shop", "Shop.Stock.take/2"), ("web", "Web.take/2")] {
        let mut repository = Repository::open(&git.path().join(folder)).unwrap();
        let indexed = index_git(&mut shelf, &mut repository, &options, &mut NoFacts, &mut |_| {}).unwrap();
        assert_eq!(indexed.added, 2);
        find_function(&mut shelf, indexed.newest, name).unwrap();
        versions.push((indexed.repository, shelf.version(indexed.newest).unwrap()));
    }
    assert_ne!(versions[0].0, versions[1].0);
    let shop = &versions[0].1;
    assert_eq!(shelf.version(shop.parent.unwrap()).unwrap().root, shop.root);
}
