//! Texts that are not as they should be: syntax errors, not UTF-8, CRLF, too large.

use codegraph::version::Ids;
use repo_sync::history::{What, file_at};

use crate::support::{Git, SHOW, Store, TAKE, module};

/// Scenario: a version with a syntax error, one that is not UTF-8, one with a byte order mark; each repaired by the next
/// commit, with a function renamed. Guarantee: ids go on over it, and the broken version still has the old ones; its
/// text is kept.
#[test]
fn a_broken_text_keeps_the_ids_for_the_next() {
    let broken: [&[u8]; 3] = [
        b"defmodule Shop.Stock do\n  def take(stock, count do\n    if\n",
        b"defmodule Shop.Stock do\n  # caf\xe9\nend\n",
        b"\xef\xbb\xbfdefmodule Shop.Stock do\nend\n",
    ];
    for text in broken {
        let mut git = Git::new();
        let first = git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE, SHOW]));
        git.write("lib/stock.ex", text);
        let second = git.commit("broken");
        git.save(
            "lib/stock.ex",
            &module("Shop.Stock", &[&TAKE.replace("take", "reserve"), SHOW]),
        );
        let store = Store::of(&git);
        let id = store.id(&first, "Shop.Stock.take/2");
        assert_eq!(store.id("main", "Shop.Stock.reserve/2"), id);
        assert_eq!(store.id(&second, "Shop.Stock.take/2"), id);
        assert_eq!(store.compare(&first, &second).unreadable, ["lib/stock.ex"]);
        assert!(store.compare(&first, &second).differences.is_empty());
        let mut shelf = store.shelf();
        let root = shelf.version(store.version(&second)).unwrap().root;
        let file = file_at(&mut shelf, root, "lib/stock.ex").unwrap().unwrap();
        assert!(matches!(file.ids, Ids::Stale(..)));
        assert_eq!(shelf.bytes(file.source).unwrap().as_deref(), Some(text));
        assert_eq!(store.past("Shop.Stock.reserve/2").len(), 2);
    }
}

/// Scenario: a file that could never be read, then can. Guarantee: it is there, without ids; then it has some.
#[test]
fn a_text_that_was_never_sound_begins_when_it_is() {
    let mut git = Git::new();
    git.write("lib/stock.ex", b"\xff\xfe\x00d");
    let first = git.commit("UTF-16");
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE]));
    let store = Store::of(&git);
    let mut shelf = store.shelf();
    let root = shelf.version(store.version(&first)).unwrap().root;
    let file = file_at(&mut shelf, root, "lib/stock.ex").unwrap().unwrap();
    assert_eq!(file.ids, Ids::Unread);
    assert_eq!(store.past("Shop.Stock.take/2")[0].what, [What::Added]);
}

/// Scenario: all line ends become CRLF. Guarantee: another text, the same ids, and nothing happened to the function.
#[test]
fn other_line_ends_change_nothing() {
    let mut git = Git::new();
    let text = module("Shop.Stock", &[TAKE, SHOW]);
    let first = git.save("lib/stock.ex", &text);
    let second = git.save("lib/stock.ex", &text.replace('\n', "\r\n"));
    let store = Store::of(&git);
    assert_ne!(store.version(&first), store.version(&second));
    assert_eq!(
        store.id(&first, "Shop.Stock.take/2"),
        store.id(&second, "Shop.Stock.take/2")
    );
    assert!(store.compare(&first, &second).differences.is_empty());
    assert_eq!(store.past("Shop.Stock.take/2").len(), 1);
}

/// Scenario: a file beyond the size limit, and a symbolic link with a source's name. Guarantee: the first is known by
/// its hash alone, the second is no file; all else is indexed.
#[test]
fn what_is_too_large_or_a_link_is_not_read() {
    let mut git = Git::new();
    git.write("lib/large.ex", vec![b'#'; codegraph::SOURCE_BYTES_MAX + 1]);
    std::os::unix::fs::symlink("stock.ex", git.path().join("lib/link.ex")).unwrap();
    git.save("lib/stock.ex", &module("Shop.Stock", &[TAKE]));
    let store = Store::of(&git);
    let mut shelf = store.shelf();
    let root = shelf.version(store.version("main")).unwrap().root;
    let large = file_at(&mut shelf, root, "lib/large.ex").unwrap().unwrap();
    assert_eq!(
        (large.ids, shelf.bytes(large.source).unwrap()),
        (Ids::Unread, None)
    );
    assert_eq!(file_at(&mut shelf, root, "lib/link.ex").unwrap(), None);
    store.named("main", "Shop.Stock.take/2");
}
