//! `export --parquet`: the static tables.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;

use ::store::code_records::CodeRecords;
use anyhow::{Context as _, Result};
use codegraph::clones;
use repo_sync::history::{HistoryFault, KeptIds, Shelf};
use repo_sync::project::CodeProject;
use repo_sync::tables::{ExportOptions, Kept, Readings, export};
use serde_json::{Value, json};

use super::table::Table;
use crate::client;

/// Files between two lines of progress.
const PROGRESS_FILES: usize = 500;

/// Writes the tables of a project into a folder. What was written, for people and for programs.
pub(super) fn write(
    project: &CodeProject,
    records: Option<&CodeRecords>,
    folder: &Path,
) -> Result<(String, Value)> {
    let readings = Readings::of(project)?;
    let version = readings.version;
    let options = ExportOptions {
        clones: Some(clones::Options::default()),
    };
    let mut shelf = records.map(|records| Shelf::new(records)).transpose()?;
    let kept = match &mut shelf {
        Some(shelf) => kept(shelf, project)?.map(|ids| Kept { shelf, ids }),
        None => None,
    };
    let ids = kept.as_ref().map(|kept| (kept.ids.version, kept.ids.is_exact));
    let watched = std::io::stderr().is_terminal();
    let mut progress = |done: usize, total: usize| {
        if watched && (done.is_multiple_of(PROGRESS_FILES) || done == total) {
            client::say(&format!("wrote the rows of {done} files of {total}"));
        }
    };
    let done = export(project, folder, &options, readings, kept, &mut progress)
        .context("the tables were not written; what was in the folder is as it was")?;
    let mut table = Table::new(&["TABLE", ">ROWS", ">BYTES"]);
    for one in &done.tables {
        table.row([one.table.to_string(), one.rows.to_string(), one.bytes.to_string()]);
    }
    let mut text = table.text();
    let _ = writeln!(text, "version {version} in {}", folder.display());
    let _ = match ids {
        Some((stored, true)) => writeln!(text, "ids and lineage of {stored} in the code store"),
        Some((stored, false)) => writeln!(
            text,
            "ids of {stored} in the code store where files are as they were then; for the others and for lineage: \
             elixirscope code index"
        ),
        None => writeln!(
            text,
            "ids minted for this version alone: elixirscope code index --git HEAD"
        ),
    };
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
        "stored": ids.map(|(stored, _)| stored.to_string()),
        "is_stored_version": ids.is_some_and(|(_, is_exact)| is_exact),
        "tables": tables.collect::<Vec<Value>>(),
        "faults": faults,
    });
    Ok((text, answer))
}

/// The ids of a project, if the store has any. A repository that git refuses is none.
fn kept(shelf: &mut Shelf<'_>, project: &CodeProject) -> Result<Option<KeptIds>> {
    match KeptIds::of(shelf, project) {
        Ok(kept) => Ok(kept),
        Err(HistoryFault::Git(_) | HistoryFault::Folder(_)) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}
