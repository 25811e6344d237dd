//! The archive is the same for the same files, and each of its blobs is what its name says.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::*;
use crate::pack::Kind;

fn layers() -> Vec<Vec<Entry>> {
    vec![
        complete(vec![
            Entry::file("etc/passwd", "root:x:0:0::/:/bin/false\n", 0o644),
            Entry::folder("data", 0o750, declared::UID),
        ]),
        complete(vec![Entry::file("usr/bin/elixirscope", vec![7; 70_000], 0o755)]),
    ]
}

/// The files of a tar archive.
fn files(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(bytes);
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert!(
            files.insert(path.clone(), content).is_none(),
            "{path} is there twice"
        );
    }
    files
}

fn written(layers: &[Vec<Entry>], time: u64) -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    let digest = write(&path, layers, "1.2.3", time).unwrap();
    (digest, fs::read(path).unwrap())
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let (first, bytes) = written(&layers(), 1_700_000_000);
    assert_eq!(written(&layers(), 1_700_000_000), (first.clone(), bytes));
    let mut shuffled = layers();
    shuffled[0].reverse();
    let shuffled: Vec<_> = shuffled.into_iter().map(complete).collect();
    assert_eq!(
        written(&shuffled, 1_700_000_000).0,
        first,
        "order of finding does not count"
    );
}

#[test]
fn a_changed_byte_is_another_image_with_the_same_system_layer() {
    let before = layers();
    let mut after = layers();
    if let Kind::File(bytes) = &mut after[1].last_mut().unwrap().kind {
        bytes[0] = 8;
    }
    let manifest = |layers: &[Vec<Entry>]| -> Value {
        let (digest, bytes) = written(layers, 0);
        serde_json::from_slice(&files(&bytes)[&format!("blobs/{}", digest.replace(':', "/"))]).unwrap()
    };
    let (before, after) = (manifest(&before), manifest(&after));
    assert_eq!(before["layers"][0], after["layers"][0]);
    assert_ne!(before["layers"][1], after["layers"][1]);
}

#[test]
fn what_is_named_is_there_and_is_what_its_name_says() {
    let (name, bytes) = written(&layers(), 0);
    let files = files(&bytes);
    assert_eq!(files["oci-layout"], LAYOUT.as_bytes());
    let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    assert_eq!(index["manifests"][0]["digest"], json!(name));
    let blob = |described: &Value| {
        let digested = described["digest"].as_str().unwrap();
        let content = &files[&format!("blobs/{}", digested.replace(':', "/"))];
        assert_eq!(digest(content), digested);
        assert_eq!(json!(content.len()), described["size"]);
        content.clone()
    };
    let manifest: Value = serde_json::from_slice(&blob(&index["manifests"][0])).unwrap();
    let config: Value = serde_json::from_slice(&blob(&manifest["config"])).unwrap();
    assert_eq!(config["config"]["User"], "10001:10001");
    for (layer, plain) in manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .zip(config["rootfs"]["diff_ids"].as_array().unwrap())
    {
        let mut content = Vec::new();
        flate2::read::GzDecoder::new(&blob(layer)[..])
            .read_to_end(&mut content)
            .unwrap();
        assert_eq!(
            json!(digest(&content)),
            *plain,
            "diff_ids are of what is in the layers"
        );
    }
}
