//! What is packed beside the program: units, settings, the manual page, documents. From `packaging/`, `docs/` and the workspace's root.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::date;
use crate::image::{changed_at, version};
use crate::pack::{Entry, complete, gzip, tar};
use crate::run;

/// Program and what goes with it.
pub struct Contents {
    pub program: Vec<u8>,
    /// `elixirscope.service`, ... and their text.
    pub units: Vec<(String, Vec<u8>)>,
    /// `up.toml`, ...
    pub settings: Vec<(String, Vec<u8>)>,
    /// `README.md`, `docs/operations.md`, ...; the list of what is linked in.
    pub documents: Vec<(String, Vec<u8>)>,
    /// The manual page's source.
    pub manual: String,
}

impl Contents {
    /// Reads them.
    pub fn of(program: &Path, sbom: &Value) -> Result<Self> {
        let root = run::root();
        let manual = fs::read_to_string(root.join("packaging/elixirscope.1"))?;
        let mut documents = below(&root.join("docs"), "docs/", ".md")?;
        for name in ["LICENSE", "README.md"] {
            documents.push((name.to_owned(), fs::read(root.join(name))?));
        }
        let mut sbom = serde_json::to_vec_pretty(sbom)?;
        sbom.push(b'\n');
        documents.push(("elixirscope.cdx.json".to_owned(), sbom));
        Ok(Self {
            program: fs::read(program)?,
            units: below(&root.join("packaging/systemd"), "", ".service")?,
            settings: below(&root.join("packaging/etc"), "", ".toml")?,
            documents,
            manual: manual
                .replace("@VERSION@", &version()?)
                .replace("@DATE@", &date::day(changed_at())?),
        })
    }

    /// Writes a tarball with all of it below one folder.
    pub fn tarball(&self, stem: &str, to: &Path) -> Result<()> {
        let mut entries = vec![
            Entry::file(&format!("{stem}/bin/elixirscope"), &*self.program, 0o755),
            Entry::file(&format!("{stem}/man/elixirscope.1"), &*self.manual, 0o644),
        ];
        for (folder, files) in [
            ("systemd/", &self.units),
            ("etc/", &self.settings),
            ("", &self.documents),
        ] {
            let entry = |(name, bytes): &(String, Vec<u8>)| {
                Entry::file(&format!("{stem}/{folder}{name}"), &**bytes, 0o644)
            };
            entries.extend(files.iter().map(entry));
        }
        let bytes = gzip(&tar(&complete(entries), changed_at())?, 6)?;
        fs::write(to, bytes).with_context(|| format!("cannot write {}", to.display()))
    }
}

/// Files whose names end so, in a folder and those in it, sorted.
fn below(folder: &Path, prefix: &str, end: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let listed = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in listed {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            found.extend(below(&path, &format!("{prefix}{name}/"), end)?);
        } else if name.ends_with(end) {
            found.push((format!("{prefix}{name}"), fs::read(&path)?));
        }
    }
    found.sort();
    Ok(found)
}
