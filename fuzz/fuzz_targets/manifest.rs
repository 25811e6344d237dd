//! A version's manifest, and texts of hashes.

#![no_main]

use codegraph::{ContentHash, FileEntry, Manifest, SourceHash, VersionId, want};
use fuzz::{heap, seeds};

fn manifests() -> impl Iterator<Item = Vec<u8>> {
    let entry = |n: u32| FileEntry {
        path: format!("apps/shop{}/lib/file{n}.ex", n % 3),
        source: SourceHash::of(&n.to_le_bytes()),
        source_blob: ContentHash::of(&n.to_le_bytes()),
        document: ContentHash::of(&[n as u8]),
        size: n * 200,
    };
    let manifest = move |files| Manifest::new("shop", (0..files).map(entry).collect()).encode();
    let id = VersionId::of(b"").to_string().into_bytes();
    [0, 1, 2, 20].into_iter().map(manifest).chain([id])
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(manifests()), |data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(id) = text.parse::<VersionId>()
    {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
    let Ok(manifest) = heap::within(data.len(), 8, || Manifest::decode(data)) else {
        return;
    };
    assert_eq!(manifest.encode(), data);
    assert_eq!(manifest.id(), VersionId::of(data));
    assert_eq!(want(&manifest, |_| false), manifest.blobs());
    for file in manifest.files() {
        let found = manifest.find(&file.source, &file.path);
        assert_eq!(found.is_some(), file.source.is_known());
    }
});
