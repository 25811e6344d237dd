//! `export --parquet`: the static tables.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use codegraph::clones;
use repo_sync::project::CodeProject;
use repo_sync::tables::{ExportOptions, export, version_of};
use serde_json::{Value, json};

use super::table::Table;
use crate::client;

/// Files between two lines of progress.
const PROGRESS_FILES: usize = 500;

/// Writes the tables of a project into a folder. What was written, for people and for programs.
pub(super) fn write(project: &CodeProject, tests: bool, folder: &Path) -> Result<(String, Value)> {
    let (version, name) = version_of(project.root(), tests)?;
    let options = ExportOptions {
        version,
        project: name,
        clones: Some(clones::Options::default()),
    };
    let watched = std::io::stderr().is_terminal();
    let mut progress = |done: usize, total: usize| {
        if watched && (done.is_multiple_of(PROGRESS_FILES) || done == total) {
            client::say(&format!("wrote the rows of {done} files of {total}"));
        }
    };
    let done = export(project, folder, &options, None, &mut progress)
        .context("the tables were not written; what was in the folder is as it was")?;
    let mut table = Table::new(&["TABLE", ">ROWS", ">BYTES"]);
    for one in &done.tables {
        table.row([one.table.to_string(), one.rows.to_string(), one.bytes.to_string()]);
    }
    let mut text = table.text();
    let _ = writeln!(text, "version {version} in {}", folder.display());
    let faults: Vec<String> = done.faults.iter().map(ToString::to_string).collect();
    for fault in &faults {
        let _ = writeln!(text, "left out: {fault}");
    }
    let tables = done
        .tables
        .iter()
        .map(|one| json!({ "table": one.table.to_string(), "rows": one.rows, "bytes": one.bytes }));
    let answer = json!({
        "folder": folder,
        "version": version.to_string(),
        "tables": tables.collect::<Vec<Value>>(),
        "faults": faults,
    });
    Ok((text, answer))
}
