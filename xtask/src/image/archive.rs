//! The OCI image layout (image-spec 1.1) in a tar archive: `oci-layout`, `index.json`, `blobs/sha256/...`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::declared;
use crate::date::stamp;
use crate::pack::{Entry, complete, digest, gzip, tar};

/// Names that the layout asks for.
const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Writes the image of these layers; gives the digest of its manifest.
pub fn write(path: &Path, layers: &[Vec<Entry>], version: &str, time: u64) -> Result<String> {
    let mut blobs = Blobs::default();
    let mut described = Vec::new();
    let mut contents = Vec::new();
    for layer in layers {
        let plain = tar(layer, time)?;
        contents.push(digest(&plain));
        described.push(blobs.add(LAYER, gzip(&plain, 6)?));
    }
    let config = blobs.add(CONFIG, serde_json::to_vec(&config(&contents, version, time)?)?);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": described,
    });
    let mut manifest = blobs.add(MANIFEST, serde_json::to_vec(&manifest)?);
    let name = manifest["digest"].as_str().context("a digest")?.to_owned();
    let tagged = format!("elixirscope:{version}");
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": tagged});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]});
    let mut entries = blobs.0;
    entries.push(Entry::file("index.json", serde_json::to_vec(&index)?, 0o644));
    entries.push(Entry::file("oci-layout", LAYOUT, 0o644));
    let bytes = tar(&complete(entries), time)?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(name)
}

/// What the container is started with, and which layers it has.
fn config(layers: &[String], version: &str, time: u64) -> Result<Value> {
    let env: Vec<String> = declared::ENV
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| ((*name).to_owned(), json!({})))
            .collect::<Value>()
    };
    let mut labels: Value = declared::LABELS
        .iter()
        .map(|(k, v)| ((*k).to_owned(), json!(v)))
        .collect();
    labels["org.opencontainers.image.version"] = json!(version);
    let created = stamp(time)?;
    let made: Vec<Value> = layers
        .iter()
        .map(|_| json!({"created": created, "created_by": "cargo xtask image"}))
        .collect();
    Ok(json!({
        "architecture": architecture()?,
        "os": "linux",
        "created": created,
        "config": {
            "User": format!("{0}:{0}", declared::UID),
            "Entrypoint": declared::ENTRYPOINT,
            "Cmd": declared::COMMAND,
            "Env": env,
            "ExposedPorts": set(declared::PORTS),
            "Volumes": set(&[declared::DATA]),
            "WorkingDir": "/",
            "StopSignal": declared::STOP_SIGNAL,
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": layers},
        "history": made,
    }))
}

/// As OCI and Debian name this machine's processor.
pub fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("no image for {other}"),
    }
}

/// Files of `blobs/`.
#[derive(Default)]
struct Blobs(Vec<Entry>);

impl Blobs {
    /// Adds one, and describes it.
    fn add(&mut self, kind: &str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let size = bytes.len();
        self.0.push(Entry::file(
            &format!("blobs/{}", digest.replace(':', "/")),
            bytes,
            0o644,
        ));
        json!({"mediaType": kind, "digest": digest, "size": size})
    }
}

#[cfg(test)]
mod tests;
