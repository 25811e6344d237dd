//! Codecs of versions: what is written is read back alike, all else is refused; patches make what they are of.

use proptest::prelude::*;

use super::delta::{DEPTH_MAX, Stored, patch};
use super::*;
use crate::identity::{EntityId, EntityKind, RepositoryId};
use crate::lineage::{Evidence, LineageEdge, LineageKind};
use crate::{ContentHash, SourceHash, VersionId};

fn entry() -> impl Strategy<Value = Entry> {
    let hash = any::<u8>().prop_map(|n| SourceHash([n; 32]));
    let id = any::<u8>().prop_map(|n| RecordId([n; 16]));
    let ids = prop_oneof![
        id.clone().prop_map(Ids::Read),
        (hash.clone(), id.clone()).prop_map(|(source, id)| Ids::Stale(source, id)),
        Just(Ids::Unread),
    ];
    prop_oneof![
        id.prop_map(Entry::Folder),
        (hash, ids).prop_map(|(source, ids)| Entry::File(FileRecord { source, ids })),
    ]
}

fn folder() -> impl Strategy<Value = Folder> {
    proptest::collection::vec(("[a-z._]{0,6}", entry()), 0..12).prop_map(|entries| {
        let mut folder = Folder::default();
        for (name, entry) in entries {
            folder.set(&name, Some(entry));
        }
        folder
    })
}

fn version() -> VersionRecord {
    let edge = |from: u8, to: u8, kind| LineageEdge {
        from: EntityId([from; 16]),
        to: EntityId([to; 16]),
        entity: EntityKind::Function,
        kind,
        evidence: Evidence::Nodes,
        confidence: 987,
    };
    VersionRecord {
        repository: RepositoryId([1; 16]),
        parent: Some(VersionId(ContentHash([2; 32]))),
        commit: CommitId::new(&[3; 20]),
        merged: CommitId::new(&[4; 32]).into_iter().collect(),
        time_s: -5,
        subject: VersionRecord::subject("Take\u{1b}[31m less\nthe rest"),
        root: Some(RecordId([6; 16])),
        edges: vec![
            edge(1, 1, LineageKind::Edited),
            edge(1, 2, LineageKind::Extracted),
        ],
    }
}

/// Scenario: a version with all parts, and an empty one. Guarantee: read back alike; a message is one line without
/// control characters.
#[test]
fn a_version_is_read_back() {
    let whole = version();
    assert_eq!(whole.subject, "Take[31m less");
    for version in [whole, VersionRecord::default()] {
        assert_eq!(VersionRecord::decode(&version.encode()).unwrap(), version);
    }
}

/// Scenario: the same version with one thing changed: repository, parent, commit, a path, a source, a deletion.
/// Guarantee: each has another id, and the ids are these on every machine, for they are stored.
#[test]
fn a_version_id_says_all_that_led_to_it() {
    let (repository, parent) = (RepositoryId([1; 16]), VersionId(ContentHash([2; 32])));
    let commit = CommitId::new(&[3; 20]);
    let source = Some(SourceHash([4; 32]));
    let id = |repository, parent, commit: &Option<CommitId>, path, source| {
        version_id(repository, parent, commit.as_ref(), [(path, source)])
    };
    let all = [
        id(repository, Some(parent), &commit, "lib/a.ex", source),
        id(RepositoryId([9; 16]), Some(parent), &commit, "lib/a.ex", source),
        id(repository, None, &commit, "lib/a.ex", source),
        id(repository, Some(parent), &None, "lib/a.ex", source),
        id(repository, Some(parent), &commit, "lib/b.ex", source),
        id(repository, Some(parent), &commit, "lib/a.ex", None),
    ];
    let mut different = all.to_vec();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), all.len());
    assert_eq!(
        all[0].to_string(),
        "68922a808f9ebb2e68eb7bc910f99855bc14b8cc441645de679ec60a41fe8d48"
    );
    assert_ne!(repository_id(b"ab", "c"), repository_id(b"a", "bc"));
}

/// Scenario: digits of commits, and what is none. Guarantee: read and written alike, all else refused.
#[test]
fn commits_are_hexadecimal() {
    let text = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(CommitId::parse(text).unwrap().to_string(), text);
    for wrong in ["", "01", &text[1..], &text.replace('a', "g"), &text.repeat(2)] {
        assert_eq!(CommitId::parse(wrong), None, "{wrong}");
    }
}

/// Scenario: a text with a line changed in the middle, two parts swapped, against itself, against nothing. Guarantee:
/// the patch is small where much is shared, and none where nothing is; patches do not follow one another without end.
#[test]
fn a_patch_is_small_where_much_is_shared() {
    let lines: Vec<String> = (0..400)
        .map(|line| format!("  def f{line}(x), do: x + {line}\n"))
        .collect();
    let base = lines.concat();
    let mut edited = lines;
    edited[200] = "  def g(y), do: y\n".to_owned();
    edited.swap(10, 300);
    let edited = edited.concat();
    let stored = patch(edited.as_bytes(), base.as_bytes(), b"key", 0).unwrap();
    assert!(stored.len() < 300, "{}", stored.len());
    let Stored::Patch(found) = Stored::of(&stored) else {
        panic!("a patch");
    };
    assert_eq!((found.depth, found.key), (1, b"key".as_slice()));
    assert_eq!(found.apply(base.as_bytes()).unwrap(), edited.as_bytes());
    assert!(found.apply(b"another base").is_err());
    assert_eq!(patch(b"short", base.as_bytes(), b"key", 0), None);
    assert_eq!(patch(edited.as_bytes(), base.as_bytes(), b"key", DEPTH_MAX), None);
    assert_eq!(Stored::of(base.as_bytes()), Stored::Whole(base.as_bytes()));
}

proptest! {
    /// Scenario: folders of any entries, and their bytes with one changed or the end missing. Guarantee: read back
    /// alike; what is read at all is written back as it was.
    #[test]
    fn folders_are_read_back(folder in folder(), at in 0usize..2000, byte: u8) {
        let mut bytes = folder.encode();
        prop_assert_eq!(&Folder::decode(&bytes).unwrap(), &folder);
        for (name, entry) in folder.entries() {
            prop_assert_eq!(folder.get(name), Some(*entry));
        }
        let at = at % bytes.len();
        prop_assert!(Folder::decode(&bytes[..at]).is_err());
        bytes[at] = byte;
        if let Ok(read) = Folder::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    /// Scenario: a version's bytes with one changed or the end missing, and any bytes. Guarantee: an answer, never a
    /// panic; what is read is written back as it was.
    #[test]
    fn decoding_versions_is_total(noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..400, byte: u8) {
        let _ = VersionRecord::decode(&noise);
        let _ = Folder::decode(&noise);
        let mut bytes = version().encode();
        let at = at % bytes.len();
        prop_assert!(VersionRecord::decode(&bytes[..at]).is_err());
        bytes[at] = byte;
        if let Ok(read) = VersionRecord::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    /// Scenario: two values of few different bytes, so that parts repeat; and a patch with a byte changed. Guarantee: a
    /// patch makes the value that it is of; a damaged one makes something or is refused, never a panic.
    #[test]
    fn patches_make_their_values(
        base in proptest::collection::vec(0u8..3, 0..400),
        value in proptest::collection::vec(0u8..3, 0..400),
        cut in (0usize..400, 0usize..400),
        at in 0usize..400,
        byte: u8,
    ) {
        // Begins and ends with parts of the base.
        let part = |at: usize| base.get(at..).unwrap_or_default();
        let value = [part(cut.0), &value, part(cut.1)].concat();
        if let Some(mut stored) = patch(&value, &base, &[7; 16], 3) {
            let Stored::Patch(found) = Stored::of(&stored) else {
                return Err(TestCaseError::fail("no patch"));
            };
            prop_assert_eq!(found.apply(&base).unwrap(), value);
            let at = at % stored.len();
            stored[at] = byte;
            if let Stored::Patch(found) = Stored::of(&stored) {
                let _ = found.apply(&base);
            }
        }
    }
}
