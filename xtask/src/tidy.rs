//! The house rules that a machine can check: floors, purity, outside things in one room each, a head line on every file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{dashboards, run};

/// Floors of `docs/architecture.md`. A crate may import lower floors only; on floor 3 and below also as listed in `SAME_FLOOR`.
const FLOORS: &[(&str, u8)] = &[
    ("elixirscope", 6),
    ("loadtest", 6),
    ("simulation", 6),
    ("collector", 5),
    ("coordinator", 5),
    ("repo-sync", 5),
    ("agent", 5),
    ("query", 4),
    ("objects", 3),
    ("store", 3),
    ("replication", 3),
    ("transport", 3),
    ("host", 3),
    ("search", 3),
    ("tables", 3),
    ("wire", 2),
    ("codegraph", 2),
    ("placement", 2),
    ("traceql", 2),
    ("event", 1),
    ("hlc", 0),
];

/// Outside crates and the only member that may depend on them.
const OUTSIDE: &[(&str, &str)] = &[
    ("arrow-array", "tables"),
    ("arrow-schema", "tables"),
    ("parquet", "tables"),
    ("object_store", "objects"),
    ("rocksdb", "store"),
    ("quinn", "transport"),
    ("rustls", "transport"),
    ("rcgen", "transport"),
    ("openraft", "coordinator"),
    ("tantivy", "search"),
    ("tree-sitter", "repo-sync"),
    ("tree-sitter-elixir", "repo-sync"),
];

/// Pure although above floor 2: it builds on `placement`.
const PURE_ABOVE: &[&str] = &["replication"];

/// What the pure floors (0-2) must not name.
const IMPURE_CRATES: &[&str] = &[
    "tokio",
    "tokio-util",
    "tracing",
    "rand",
    "getrandom",
    "tempfile",
    "axum",
    "parking_lot",
];
const IMPURE_PATHS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::env",
    "std::process",
    "Instant::now",
    "SystemTime",
    "std::io::std",
];

/// Longest source file, in lines, and longest line, in characters.
const FILE_LINES_MAX: usize = 600;

pub fn run() -> Result<()> {
    let mut faults = Vec::new();
    let members = members()?;
    check_floors(&members, &mut faults);
    for (name, member) in &members {
        for file in rust_files(&member.dir.join("src")) {
            check_file(name, &file, &mut faults)?;
        }
    }
    check_text(&mut faults)?;
    dashboards::check(&mut faults)?;
    if !faults.is_empty() {
        bail!("{} house rules broken:\n  {}", faults.len(), faults.join("\n  "));
    }
    eprintln!(
        "tidy: {} members; floors, purity, file rules, dashboards and runbooks hold",
        members.len()
    );
    Ok(())
}

struct Member {
    dir: PathBuf,
    normal: Vec<String>,
}

fn members() -> Result<BTreeMap<String, Member>> {
    let json = run::output(&mut run::cargo(&[
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
    ]))?;
    let json: Value = serde_json::from_str(&json)?;
    let packages = json["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let mut members = BTreeMap::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
        let normal = package["dependencies"].as_array().into_iter().flatten();
        let normal = normal
            .filter(|d| d["kind"].is_null())
            .filter_map(|d| Some(d["name"].as_str()?.to_owned()))
            .collect();
        let dir = manifest.parent().map(Path::to_path_buf).unwrap_or_default();
        members.insert(name, Member { dir, normal });
    }
    Ok(members)
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(n, _)| *n == name).map(|(_, f)| *f)
}

fn is_pure(name: &str) -> bool {
    floor(name).is_some_and(|f| f <= 2) || PURE_ABOVE.contains(&name)
}

fn check_floors(members: &BTreeMap<String, Member>, faults: &mut Vec<String>) {
    for (name, member) in members {
        let Some(own) = floor(name) else {
            if name != "xtask" && name != "testbed" {
                faults.push(format!(
                    "{name} has no floor in docs/architecture.md (xtask/src/tidy.rs)"
                ));
            }
            continue;
        };
        for dependency in &member.normal {
            if let Some(below) = floor(dependency)
                && below >= own
            {
                faults.push(format!(
                    "{name} (floor {own}) imports {dependency} (floor {below}): arrows go down only"
                ));
            }
            if let Some((_, owner)) = OUTSIDE.iter().find(|(outside, _)| outside == dependency)
                && owner != name
            {
                faults.push(format!("{name} names {dependency}, which only {owner} may"));
            }
            if is_pure(name) && IMPURE_CRATES.contains(&dependency.as_str()) {
                faults.push(format!("{name} is pure and must not depend on {dependency}"));
            }
        }
    }
}

fn check_file(member: &str, file: &Path, faults: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let shown = file
        .strip_prefix(run::root())
        .unwrap_or(file)
        .display()
        .to_string();
    if !text.starts_with("//!") && !text.starts_with("#![") {
        faults.push(format!("{shown}: no `//!` at its head that says what it is"));
    }
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        faults.push(format!(
            "{shown}: {lines} lines; make two files of it (at most {FILE_LINES_MAX})"
        ));
    }
    let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    if ["utils", "util", "helpers", "helper", "common", "manager", "misc"].contains(&stem) {
        faults.push(format!("{shown}: name the file after its main type or verb"));
    }
    let of_tests = shown.ends_with("/tests.rs") || shown.contains("/tests/");
    if is_pure(member) && !of_tests {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            if let Some(path) = IMPURE_PATHS.iter().find(|p| line.contains(**p)) {
                faults.push(format!(
                    "{shown}:{}: {member} is pure and must not name {path}",
                    number + 1
                ));
            }
        }
    }
    if member == "coordinator"
        && text.contains("openraft::")
        && !shown.contains("/raft/")
        && !shown.ends_with("raft.rs")
    {
        faults.push(format!(
            "{shown}: openraft is named in coordinator/src/raft/ alone"
        ));
    }
    Ok(())
}

fn check_text(faults: &mut Vec<String>) -> Result<()> {
    let files = run::output(&mut run::command(
        "git",
        &["ls-files", "-co", "--exclude-standard"],
    ))?;
    for file in files.lines() {
        let path = run::root().join(file);
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let home = ["\"/root/", " /root/", "=/root/", "(/root/", "'/root/"]
                .iter()
                .any(|p| line.contains(p));
            if file != "xtask/src/tidy.rs" && (line.contains("/work/main") || home) {
                faults.push(format!("{file}:{}: names a path of one machine", number + 1));
            }
        }
    }
    Ok(())
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut stack = vec![dir.to_path_buf()];
    while let Some(dir) = stack.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
