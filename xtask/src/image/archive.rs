//! Tar archives with fixed order, owners and times, and the OCI image layout (image-spec 1.1) made of them: `oci-layout`, `index.json`,
//! `blobs/sha256/...`. Layers are compressed without a time or a name in their head, so that equal content is equal bytes.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::declared;
use super::root::{Entry, Kind};

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
        described.push(blobs.add(LAYER, gzip(&plain)?));
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
    let bytes = tar(&super::root::complete(entries), time)?;
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

/// Unix seconds as RFC 3339 in UTC (the days by Hinnant's `civil_from_days`).
fn stamp(time: u64) -> Result<String> {
    let (days, rest) = (i64::try_from(time / 86_400)? + 719_468, time % 86_400);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    Ok(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

/// A tar archive of the entries, in their order, all of one time.
pub fn tar(entries: &[Entry], time: u64) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_mtime(time);
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.into());
        header.set_gid(entry.owner.into());
        let (path, bytes): (_, &[u8]) = match &entry.kind {
            Kind::Folder => {
                header.set_entry_type(tar::EntryType::Directory);
                (format!("{}/", entry.path), &[])
            }
            Kind::File(bytes) => (entry.path.clone(), bytes),
        };
        header.set_size(bytes.len() as u64);
        archive
            .append_data(&mut header, &path, bytes)
            .with_context(|| format!("{path} in an archive"))?;
    }
    Ok(archive.into_inner()?)
}

/// Compressed, with no time and no name in the head.
pub fn gzip(plain: &[u8]) -> Result<Vec<u8>> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::new(6));
    writer.write_all(plain)?;
    Ok(writer.finish()?)
}

/// `sha256:...` of bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
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
