//! Records of versions: folders, versions, values that are patches of others, ids of commits.

#![no_main]

use codegraph::SourceHash;
use codegraph::version::delta::{Stored, patch};
use codegraph::version::{CommitId, Entry, FileRecord, Folder, Ids, RecordId, VersionRecord, is_file_name};
use fuzz::{heap, seeds};

fn folder() -> Vec<u8> {
    let mut folder = Folder::default();
    let (source, id) = (SourceHash::of(b"1"), RecordId::of(b"2"));
    folder.set("lib", Some(Entry::Folder(id)));
    for (name, ids) in [
        ("a.ex", Ids::Read(id)),
        ("b.ex", Ids::Stale(source, id)),
        ("c.ex", Ids::Unread),
    ] {
        folder.set(name, Some(Entry::File(FileRecord { source, ids })));
    }
    folder.encode()
}

fn version() -> Vec<u8> {
    let version = VersionRecord {
        commit: CommitId::new(&[1; 20]),
        merged: CommitId::new(&[2; 32]).into_iter().collect(),
        time_s: 1_700_000_000,
        subject: VersionRecord::subject("first line\nsecond"),
        root: Some(RecordId::of(b"root")),
        ..VersionRecord::default()
    };
    version.encode()
}

fn patched() -> Option<Vec<u8>> {
    let base = b"defmodule Shop do\n  def take(stock), do: stock\nend\n".repeat(8);
    patch(&[&base[..200], b"new", &base[150..]].concat(), &base, &[7; 32], 0)
}

libfuzzer_sys::fuzz_target!(
    init: seeds::plant([folder(), version()].into_iter().chain(patched())),
    |data: &[u8]| {
        if let Ok(folder) = heap::within(data.len(), 8, || Folder::decode(data)) {
            assert_eq!(folder.encode(), data);
            for (name, entry) in folder.entries() {
                assert!(is_file_name(name));
                assert_eq!(folder.get(name), Some(*entry));
            }
        }
        if let Ok(version) = heap::within(data.len(), 8, || VersionRecord::decode(data)) {
            assert_eq!(version.encode(), data);
        }
        if let Stored::Patch(found) = Stored::of(data) {
            let base = b"0123456789abcdef".repeat(4);
            let _ = found.apply(&base);
        }
        // A value and its base from one input.
        let (value, base) = data.split_at(data.len() / 2);
        if let Some(stored) = patch(value, base, b"key", 0) {
            let Stored::Patch(found) = Stored::of(&stored) else {
                panic!("a patch is one");
            };
            assert_eq!(found.apply(base).as_deref(), Ok(value));
        }
        if let Ok(text) = std::str::from_utf8(data)
            && let Some(id) = CommitId::parse(text)
        {
            assert_eq!(id.to_string(), text.to_ascii_lowercase());
        }
    }
);
