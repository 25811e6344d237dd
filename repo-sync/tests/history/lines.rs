//! Lines of versions: alike on every machine, continued where they ended, merges by first parent, what comes back.

use codegraph::records::{Change, Family, Memory, Pairs, Records, RecordsFault};
use repo_sync::history::{What, find_function};

use crate::support::{Git, SHOW, Store, TAKE, index, module};

fn shop() -> Git {
    let mut git = Git::new();
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE, SHOW]));
    git.save("README.md", "no Elixir");
    git.write("apps/web/lib/web.ex", module("Web", &[SHOW]));
    git.save(
        "lib/stock.ex",
        &module("Shop.Stock", &[&TAKE.replace("take", "reserve"), SHOW]),
    );
    git.remove("apps/web/lib/web.ex");
    git.commit("no web");
    git
}

fn all(records: &dyn Records) -> Vec<(Family, Pairs)> {
    Family::ALL
        .into_iter()
        .map(|family| (family, records.scan(family, None, usize::MAX).unwrap()))
        .collect()
}

/// Scenario: the same commits, cloned to another folder. Guarantee: the same records, byte by byte; a second run adds
/// nothing.
#[test]
fn two_machines_write_the_same_records() {
    let git = shop();
    let other = Git::new();
    let here = git.path().to_str().unwrap();
    other.run(&["fetch", "-q", here, "main"]);
    other.run(&["reset", "-q", "--hard", "FETCH_HEAD"]);
    let (first, second) = (Memory::default(), Memory::default());
    let indexed = index(&first, &git, "main").unwrap();
    assert_eq!((indexed.added, indexed.known, indexed.left_out), (4, 0, 0));
    assert_eq!(index(&second, &other, "main").unwrap(), indexed);
    assert_eq!(all(&first), all(&second));
    let again = index(&first, &git, "main").unwrap();
    assert_eq!((again.added, again.known), (0, 4));
    assert_eq!(all(&first), all(&second));
}

/// A store that fails after some batches.
struct Failing {
    records: Memory,
    left: std::sync::atomic::AtomicUsize,
}

impl Records for Failing {
    fn get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, RecordsFault> {
        self.records.get(family, keys)
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), RecordsFault> {
        use std::sync::atomic::Ordering::Relaxed;
        let left = self
            .left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        left.map_err(|_| RecordsFault("no space left".to_owned()))?;
        self.records.write(changes)
    }

    fn scan(&self, family: Family, after: Option<&[u8]>, limit: usize) -> Result<Pairs, RecordsFault> {
        self.records.scan(family, after, limit)
    }

    fn is_writable(&self) -> bool {
        true
    }
}

/// Scenario: the disk is full after each number of commits, and the run is done again. Guarantee: it goes on where it
/// stopped, and the records are those of one run.
#[test]
fn an_interrupted_run_goes_on() {
    let git = shop();
    let whole = Store::of(&git);
    for batches in 0..4 {
        let store = Failing {
            records: Memory::default(),
            left: batches.into(),
        };
        let fault = index(&store, &git, "main").unwrap_err();
        assert_eq!(fault.to_string(), "code store: no space left");
        let rest = index(&store.records, &git, "main").unwrap();
        assert_eq!((rest.known, rest.added), (batches, 4 - batches));
        assert_eq!(all(&store.records), all(&whole.records));
    }
}

/// Scenario: a range of two commits first, then all up to now, then a range that begins earlier. Guarantee: the second
/// goes on from the first; what is older than the first version is left out and counted.
#[test]
fn a_line_begins_before_the_first_range() {
    let mut git = shop();
    let records = Memory::default();
    let first = index(&records, &git, "main~2..main~1").unwrap();
    assert_eq!((first.added, first.known), (2, 0));
    git.save("lib/stock.ex", &module("Shop.Stock", &[SHOW]));
    let more = index(&records, &git, "main~3..main").unwrap();
    assert_eq!((more.added, more.known, more.left_out), (2, 2, 0));
    let all = index(&records, &git, "main").unwrap();
    assert_eq!((all.added, all.known, all.left_out), (0, 4, 1));
    assert_eq!(all.newest, more.newest);
}

/// Scenario: a commit that deletes a file and renames a function, taken back by the next; later a function is edited and
/// that is taken back. Guarantee: the ids are those from before, of functions and of nodes; numbers of nodes that were
/// given in between are not given again; the past tells that it was gone and is back.
#[test]
fn what_is_reverted_has_its_ids_back() {
    let mut git = Git::new();
    git.write("lib/view.ex", module("Shop.View", &[SHOW]));
    let stock = module("Shop.Stock", &[TAKE]);
    let first = git.save("lib/stock.ex", &stock);
    git.remove("lib/view.ex");
    let extended = TAKE.replace("left < 0", "left < 0 or count == 0 or stock.closed");
    let second = git.save("lib/stock.ex", &module("Shop.Stock", &[&extended]));
    git.save("lib/other.ex", &module("Shop.Other", &[]));
    git.run(&["revert", "--no-edit", &second]);
    let reverted = git.run(&["rev-parse", "HEAD"]);
    let again = module(
        "Shop.Stock",
        &[&TAKE.replace("left < 0", "left < 0 or stock.empty")],
    );
    let last = git.save("lib/stock.ex", &again);
    let store = Store::of(&git);
    for name in ["Shop.View.show/1", "Shop.View", "Shop.Stock.take/2"] {
        assert_eq!(store.id(&first, name), store.id("main", name), "{name}");
    }
    let mut shelf = store.shelf();
    let mut nids = |version: &str, path: &str| {
        let root = shelf.version(store.version(version)).unwrap().root;
        let file = repo_sync::history::file_at(&mut shelf, root, path)
            .unwrap()
            .unwrap();
        let ids = shelf.ids(file.readable().unwrap().1).unwrap();
        ids.nids.iter().collect::<Vec<_>>()
    };
    assert_eq!(nids(&first, "lib/stock.ex"), nids(&reverted, "lib/stock.ex"));
    let old: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|version| nids(version, "lib/stock.ex"))
        .collect();
    let kept = nids(&reverted, "lib/stock.ex");
    let born = nids(&last, "lib/stock.ex");
    let born: Vec<_> = born.iter().filter(|nid| !kept.contains(nid)).collect();
    assert!(!born.is_empty());
    assert!(
        born.iter().all(|nid| !old.contains(nid)),
        "a number was given twice"
    );
    let past = store.past("Shop.View.show/1");
    assert_eq!(past[0].what, [What::Restored]);
    assert_eq!(past.last().unwrap().what, [What::Added]);
    assert_eq!(past.len(), 2);
}

/// Scenario: a function that moved to another file stays there, while the file that it came from gets its old text back.
/// Guarantee: the id is in one place: the old text's function is a new one.
#[test]
fn an_id_is_never_in_two_places() {
    let mut git = Git::new();
    git.write("lib/view.ex", module("Shop.View", &[]));
    let first = git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE, SHOW]));
    git.write("lib/view.ex", module("Shop.View", &[SHOW]));
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE]));
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE, SHOW]));
    let store = Store::of(&git);
    let id = store.id(&first, "Shop.Stock.show/1");
    assert_eq!(store.id("main", "Shop.View.show/1"), id);
    assert_ne!(store.id("main", "Shop.Stock.show/1"), id);
}

/// Scenario: a branch is merged that renamed one function, while the main line edited another. Guarantee: the merge is a
/// version whose parent is the main line's; ids go on through it, and the merged commit is named.
#[test]
fn a_merge_follows_the_first_parent() {
    let mut git = Git::new();
    let first = git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE]));
    git.write("lib/view.ex", module("Shop.View", &[SHOW]));
    git.commit("view");
    git.run(&["switch", "-q", "-c", "topic"]);
    let topic = git.save(
        "lib/stock.ex",
        &module("Shop.Stock", &[&TAKE.replace("take", "reserve")]),
    );
    git.run(&["switch", "-q", "main"]);
    let main = git.save(
        "lib/view.ex",
        &module("Shop.View", &[&SHOW.replace("stock of", "we have")]),
    );
    git.run(&["merge", "-q", "--no-ff", "-m", "merge topic", "topic"]);
    git.run(&["tag", "-a", "-m", "first", "v1"]);
    let store = Store::of(&git);
    assert_eq!(store.version("v1"), store.version("main"));
    let merge = store.shelf().version(store.version("main")).unwrap();
    assert_eq!(merge.parent, Some(store.version(&main)));
    assert_eq!(
        merge.merged.iter().map(ToString::to_string).collect::<Vec<_>>(),
        std::slice::from_ref(&topic)
    );
    assert_eq!(
        store.id(&first, "Shop.Stock.take/2"),
        store.id("main", "Shop.Stock.reserve/2")
    );
    // The branch's own commits are versions once they are asked for; they follow the commit that they began with.
    let branch = index(&store.records, &git, "topic").unwrap();
    assert_eq!((branch.added, branch.known), (1, 2));
    let found = find_function(&mut store.shelf(), store.version(&topic), "Shop.Stock.reserve/2").unwrap();
    assert_eq!(found[0].entity, store.id(&first, "Shop.Stock.take/2"));
}
