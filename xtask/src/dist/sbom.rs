//! The list of what is linked in (CycloneDX), by `cargo cyclonedx`. It writes beside every `Cargo.toml`, so it works on a copy.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run;

/// Writes the list for the program; gives it.
pub fn make(to: &Path, time: u64) -> Result<Value> {
    let copy = tempfile::tempdir()?;
    let source = copy.path().canonicalize()?.join("elixirscope");
    let tracked = [
        "ls-files",
        "-co",
        "--exclude-standard",
        "*.rs",
        "*Cargo.toml",
        "Cargo.lock",
    ];
    let listed = run::output(&mut run::command("git", &tracked))?;
    // Workspaces of their own, which are not part of the program.
    let ours = listed
        .lines()
        .filter(|file| !file.starts_with("fuzz/") && !file.starts_with("clients/"));
    for file in ours.filter(|file| run::root().join(file).is_file()) {
        let copied = source.join(file);
        fs::create_dir_all(copied.parent().context("no folder")?)?;
        fs::copy(run::root().join(file), copied)?;
    }
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut command = run::cargo(&["cyclonedx", "--manifest-path", "elixirscope/Cargo.toml"]);
    command
        .args([
            "--format",
            "json",
            "--spec-version",
            "1.5",
            "--describe",
            "binaries",
        ])
        .args(["--quiet", "--target", &target])
        .env("SOURCE_DATE_EPOCH", time.to_string())
        .current_dir(&source);
    run::check(&mut command)?;
    let text = fs::read_to_string(source.join("elixirscope/elixirscope_bin.cdx.json"))?;
    // Where the copy was is nobody's business, and would be different each time.
    let text = text.replace(
        &format!("file://{}", copy.path().canonicalize()?.display()),
        "file://",
    );
    let sbom: Value = serde_json::from_str(&text)?;
    if components(&sbom).next().is_none() {
        bail!("cargo cyclonedx found nothing that is linked in");
    }
    let mut pretty = serde_json::to_string_pretty(&sbom)?;
    pretty.push('\n');
    fs::write(to, pretty)?;
    Ok(sbom)
}

/// Names and versions of what is linked in.
pub fn components(sbom: &Value) -> impl Iterator<Item = (String, String)> + '_ {
    let listed = sbom["components"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    listed.map(move |component| (text(&component["name"]), text(&component["version"])))
}
