//! Whole projects: what is found, what is reported, what is sent.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use codegraph::{ContentHash, Manifest, SourceHash, SyntaxDocument, VersionId, want};
use event::SiteKind;
use repo_sync::{FileFaultKind, Index, IndexOptions, PublishFault, Publisher, index_project, publish};

fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn shop(root: &Path) {
    write(
        root,
        "mix.exs",
        "defmodule Shop.MixProject do\n  def project, do: [app: :shop, version: \"1\"]\nend\n",
    );
    write(
        root,
        "lib/shop/stock.ex",
        "defmodule Shop.Stock do\n  def take(n), do: n - 1\nend\n",
    );
    write(root, "lib/shop.ex", "defmodule Shop do\nend\n");
    write(root, "apps/pay/lib/pay.ex", "defmodule Pay do\nend\n");
    write(root, "test/shop_test.exs", "defmodule ShopTest do\nend\n");
    write(root, "deps/x/lib/x.ex", "nothing");
    write(root, "lib/_build/x.ex", "nothing");
    write(root, "lib/.hidden/x.ex", "nothing");
    write(root, "lib/readme.md", "nothing");
}

fn index(root: &Path, options: &IndexOptions) -> Index {
    index_project(root, options, &mut |progress| {
        assert!(progress.done <= progress.total);
    })
    .unwrap()
}

fn paths(index: &Index) -> Vec<&str> {
    index
        .manifest
        .files()
        .iter()
        .map(|file| file.path.as_str())
        .collect()
}

#[test]
fn a_project_is_its_sources_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    shop(root.path());
    let found = index(root.path(), &IndexOptions::default());
    assert_eq!(found.manifest.project(), "shop");
    assert_eq!(
        paths(&found),
        ["apps/pay/lib/pay.ex", "lib/shop.ex", "lib/shop/stock.ex"]
    );
    assert_eq!(found.faults, []);
    let with_tests = index(
        root.path(),
        &IndexOptions {
            tests: true,
            ..IndexOptions::default()
        },
    );
    assert!(paths(&with_tests).contains(&"test/shop_test.exs"));
    let again = index(root.path(), &IndexOptions::default());
    assert_eq!(
        again.manifest.id(),
        found.manifest.id(),
        "the same sources are the same version"
    );
}

/// Each bad file is reported in words; the good ones are indexed.
#[test]
fn bad_files_disturb_nothing() {
    let root = tempfile::tempdir().unwrap();
    shop(root.path());
    write(root.path(), "lib/bad_utf8.ex", b"x = \"\xff\"");
    write(root.path(), "lib/bom.ex", "\u{feff}defmodule A do\nend\n");
    write(
        root.path(),
        "lib/crlf.ex",
        "defmodule Crlf do\r\n  def f, do: 1\r\nend\r\n",
    );
    write(root.path(), "lib/huge.ex", vec![b'a'; 10 << 20]);
    write(
        root.path(),
        "lib/syntax.ex",
        "defmodule S do\n  def f, do: 1\n  def g, do: ((\nend\n",
    );
    write(root.path(), "lib/empty.ex", "");
    std::os::unix::fs::symlink(root.path().join("lib"), root.path().join("lib/loop")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.path().join("lib/link.ex")).unwrap();
    fs::create_dir(root.path().join("lib/folder.ex")).unwrap();
    let found = index(root.path(), &IndexOptions::default());
    let expected = [
        "apps/pay/lib/pay.ex",
        "lib/crlf.ex",
        "lib/empty.ex",
        "lib/shop.ex",
        "lib/shop/stock.ex",
        "lib/syntax.ex",
    ];
    assert_eq!(paths(&found), expected);
    let faults: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 6, "{faults:?}");
    assert!(
        faults.contains(&"lib/bad_utf8.ex: not UTF-8 at byte 5".to_owned()),
        "{faults:?}"
    );
    assert!(faults[1].starts_with("lib/bom.ex: the file begins with a byte order mark"));
    assert_eq!(
        faults[2],
        "lib/huge.ex: source of 10485760 bytes exceeds the limit of 4194304"
    );
    assert_eq!(faults[3], "lib/link.ex: symbolic links are not followed");
    assert_eq!(faults[4], "lib/loop: symbolic links are not followed");
    assert!(
        matches!(found.faults[5].kind, FileFaultKind::Syntax { .. }),
        "{faults:?}"
    );
    let absent = index_project(&root.path().join("absent"), &IndexOptions::default(), &mut |_| {});
    assert!(absent.unwrap_err().to_string().contains("absent: "));
}

/// A receiver in memory, which can fail after some blobs.
#[derive(Default)]
struct Memory {
    blobs: HashMap<ContentHash, Vec<u8>>,
    versions: Vec<Manifest>,
    fails_after: Option<usize>,
}

impl Publisher for Memory {
    fn want(&mut self, manifest: &[u8]) -> Result<Vec<ContentHash>, PublishFault> {
        Ok(want(&Manifest::decode(manifest).unwrap(), |hash| {
            self.blobs.contains_key(hash)
        }))
    }

    fn put(&mut self, hash: ContentHash, bytes: &[u8]) -> Result<(), PublishFault> {
        if self.fails_after == Some(self.blobs.len()) {
            return Err(PublishFault {
                message: "connection reset".into(),
                retry: true,
            });
        }
        assert_eq!(ContentHash::of(bytes), hash);
        self.blobs.insert(hash, bytes.to_vec());
        Ok(())
    }

    fn commit(&mut self, manifest: &[u8]) -> Result<VersionId, PublishFault> {
        let read = Manifest::decode(manifest).unwrap();
        assert!(want(&read, |hash| self.blobs.contains_key(hash)).is_empty());
        let id = read.id();
        self.versions.push(read);
        Ok(id)
    }
}

/// An interrupted upload goes on where it stopped; a second publisher of the same release sends nothing.
#[test]
fn only_what_is_missing_is_sent() {
    let root = tempfile::tempdir().unwrap();
    shop(root.path());
    let first = index(root.path(), &IndexOptions::default());
    let mut memory = Memory {
        fails_after: Some(2),
        ..Memory::default()
    };
    assert_eq!(
        publish(&first, &mut memory, &mut |_| {}).unwrap_err().to_string(),
        "connection reset"
    );
    assert!(memory.versions.is_empty());
    memory.fails_after = None;
    let sent = publish(&first, &mut memory, &mut |_| {}).unwrap();
    assert_eq!((sent.blobs, sent.sent_blobs), (6, 4));
    let again = publish(
        &index(root.path(), &IndexOptions::default()),
        &mut memory,
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(
        (again.version, again.sent_blobs, again.sent_bytes),
        (sent.version, 0, 0)
    );
    write(
        root.path(),
        "lib/shop.ex",
        "defmodule Shop do\n  # changed\nend\n",
    );
    let changed = publish(
        &index(root.path(), &IndexOptions::default()),
        &mut memory,
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(changed.sent_blobs, 2);
    assert_ne!(changed.version, sent.version);
}

/// Beyond the bound nothing is kept; blobs are made again, and a file that changed meanwhile is not sent as the old one.
#[test]
fn memory_is_bounded_and_changes_are_noticed() {
    let root = tempfile::tempdir().unwrap();
    shop(root.path());
    let lean = index(
        root.path(),
        &IndexOptions {
            kept_bytes_max: 100,
            ..IndexOptions::default()
        },
    );
    assert!(lean.kept_bytes() <= 100);
    let mut memory = Memory::default();
    publish(&lean, &mut memory, &mut |_| {}).unwrap();
    assert_eq!(memory.blobs.len(), 6);
    write(root.path(), "lib/shop/stock.ex", "defmodule Other do\nend\n");
    let fault = publish(&lean, &mut Memory::default(), &mut |_| {})
        .unwrap_err()
        .to_string();
    assert_eq!(
        fault,
        "lib/shop/stock.ex changed while the version was being published; index again"
    );
}

/// Two releases run at once: the same module, the function moved. Each event's site is resolved in the source that its
/// module version was compiled from.
#[test]
fn two_releases_each_find_their_own_source() {
    let releases = [
        "defmodule A do\n  def f, do: :one\nend\n",
        "defmodule A do\n  # new\n  def f, do: :two\nend\n",
    ];
    let mut memory = Memory::default();
    for source in releases {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "lib/a.ex", source);
        publish(
            &index(root.path(), &IndexOptions::default()),
            &mut memory,
            &mut |_| {},
        )
        .unwrap();
    }
    for (source, line, literal) in [(releases[0], 2, ":one"), (releases[1], 3, ":two")] {
        let compiled_from = SourceHash::of(source.as_bytes());
        let file = memory
            .versions
            .iter()
            .find_map(|version| version.find(&compiled_from, "lib/a.ex"))
            .unwrap();
        let document = SyntaxDocument::decode(&memory.blobs[&file.document]).unwrap();
        let text = &memory.blobs[&file.source_blob];
        assert!(document.describes(text));
        let place = codegraph::resolve(&document, text, line, 7, "f", SiteKind::Clause).unwrap();
        let clause = &text[place.node_bytes.0 as usize..place.node_bytes.1 as usize];
        assert!(String::from_utf8_lossy(clause).ends_with(literal));
    }
}
