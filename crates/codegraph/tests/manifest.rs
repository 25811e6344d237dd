//! A manifest's bytes, its id, and what a receiver lacks.

use codegraph::{ContentHash, FileEntry, Manifest, SourceHash, VersionId, want};
use proptest::prelude::*;

fn entry(path: &str, text: &str) -> FileEntry {
    FileEntry {
        path: path.to_owned(),
        source: SourceHash::of(text.as_bytes()),
        source_blob: ContentHash::of(text.as_bytes()),
        document: ContentHash::of(format!("document of {text}").as_bytes()),
        size: text.len() as u32,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_any_order(
        files in proptest::collection::vec(("[a-z]{1,6}/[a-z]{1,6}\\.ex", "[a-z]{0,4}"), 0..30),
    ) {
        let mut entries: Vec<_> = files.iter().map(|(path, text)| entry(path, text)).collect();
        let manifest = Manifest::new("shop", entries.clone());
        let bytes = manifest.encode();
        prop_assert_eq!(&Manifest::decode(&bytes).unwrap(), &manifest);
        prop_assert_eq!(manifest.id(), VersionId::of(&bytes));
        entries.reverse();
        entries.dedup_by(|a, b| a.path == b.path);
        entries.retain(|entry| manifest.files().contains(entry));
        prop_assert_eq!(Manifest::new("shop", entries).id(), manifest.id());
    }

    #[test]
    fn changed_bytes_are_never_a_panic(
        at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Manifest::new("shop", vec![entry("lib/a.ex", "a"), entry("lib/b.ex", "b")]).encode();
        prop_assert!(Manifest::decode(&bytes[..cut.index(bytes.len())]).is_err());
        let len = bytes.len();
        bytes[at.index(len)] = value;
        if let Ok(read) = Manifest::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }
}

/// A manifest comes from a network: its paths must not lead out of the project.
#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for path in [
        "../a.ex",
        "/etc/passwd",
        "lib//a.ex",
        "lib/./a.ex",
        "lib/a\n.ex",
        "",
    ] {
        let bytes = Manifest::new("shop", vec![entry(path, "a")]).encode();
        assert!(Manifest::decode(&bytes).is_err(), "{path:?}");
    }
}

/// Two releases with the same path: each finds its own text. Equal texts: the path decides.
#[test]
fn a_file_is_found_by_its_source_and_only_then_by_its_path() {
    let manifest = Manifest::new(
        "shop",
        vec![
            entry("apps/x/lib/a.ex", "one"),
            entry("lib/a.ex", "two"),
            entry("lib/b.ex", "two"),
        ],
    );
    let find = |text: &str, path| {
        manifest
            .find(&SourceHash::of(text.as_bytes()), path)
            .map(|file| file.path.as_str())
    };
    assert_eq!(find("one", "lib/a.ex"), Some("apps/x/lib/a.ex"));
    assert_eq!(find("two", "lib/b.ex"), Some("lib/b.ex"));
    assert_eq!(find("two", "b.ex"), Some("lib/b.ex"));
    assert_eq!(find("three", "lib/a.ex"), None);
    assert_eq!(manifest.find(&SourceHash::default(), "lib/a.ex"), None);
}

#[test]
fn a_receiver_wants_what_it_lacks_once() {
    let manifest = Manifest::new(
        "shop",
        vec![
            entry("lib/a.ex", "one"),
            entry("lib/b.ex", "one"),
            entry("lib/c.ex", "two"),
        ],
    );
    assert_eq!(manifest.blobs().len(), 4);
    let have = manifest.files()[2].source_blob;
    let lacking = want(&manifest, |hash| *hash == have);
    assert_eq!(lacking.len(), 3);
    assert!(!lacking.contains(&have));
    assert!(want(&manifest, |_| true).is_empty());
}
