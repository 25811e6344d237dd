//! `gc`: removes from the code store what no project, branch or version leads to any more.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use codegraph::records::{Change, Family, Records};
use repo_sync::gc;
use serde_json::{Value, json};

use super::{Common, kept, open};
use crate::client;

/// Arguments of `gc`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code gc
  elixirscope code gc --json

Kept are all projects that still have their folder, and all versions that commits, branches and tags are known by.")]
pub(crate) struct GcArgs {
    /// Keep what is known of folders that are gone, too.
    #[arg(long)]
    keep_missing: bool,
}

/// Heads that are looked at, at once.
const HEADS: usize = 1024;

/// Removes, and gives the space back.
pub(super) fn run(common: &Common, args: &GcArgs) -> Result<()> {
    let records = common.store.required()?;
    let forgotten = if args.keep_missing {
        Vec::new()
    } else {
        forget_missing(&records)?
    };
    let indexes = kept::forget(&records)?;
    let before = records.sizes()?.disk_bytes();
    let found = gc::collect(&records)?;
    if found.records() > 0 {
        records.compact()?;
    }
    let after = records.sizes()?.disk_bytes();
    if common.json {
        let families: Vec<Value> = found
            .removed
            .iter()
            .map(|of| {
                json!({
                    "family": of.family.name(),
                    "kept": of.kept,
                    "removed": of.records,
                    "removed_bytes": of.bytes,
                })
            })
            .collect();
        return open::print(&json!({
            "forgotten": forgotten,
            "search_indexes": indexes
                .iter()
                .map(|(head, bytes)| json!({ "project": head, "removed_bytes": bytes }))
                .collect::<Vec<_>>(),
            "families": families,
            "damaged": found.damaged,
            "disk_bytes_before": before,
            "disk_bytes": after,
        }));
    }
    let mut text = String::new();
    for folder in &forgotten {
        let _ = writeln!(text, "forgotten, its folder is gone: {folder}");
    }
    for (head, bytes) in &indexes {
        let _ = writeln!(
            text,
            "search index removed, {:.1} MB: {head}",
            *bytes as f64 / 1e6
        );
    }
    for damaged in &found.damaged {
        let _ = writeln!(text, "damaged: {damaged}");
    }
    let _ = writeln!(
        text,
        "{} records removed; {:.1} MB on disk, before {:.1} MB",
        found.records(),
        after as f64 / 1e6,
        before as f64 / 1e6,
    );
    client::print(&text)
}

/// Working trees whose folder is gone have no head any more.
fn forget_missing(records: &dyn Records) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let heads = records.scan(Family::Head, after.as_deref(), HEADS)?;
        let Some((last, _)) = heads.last() else {
            break;
        };
        after = Some(last.clone());
        for (key, _) in &heads {
            let name = String::from_utf8_lossy(key).into_owned();
            // `work//home/me/shop`, `work+tests//...`, `work/REPOSITORY//...`
            let folder = name
                .strip_prefix("work")
                .and_then(|name| Some(&name[name.find("//")? + 1..]));
            if folder.is_some_and(|folder| !Path::new(folder).is_dir()) {
                missing.push(name);
            }
        }
    }
    let removed = missing
        .iter()
        .map(|name| Change::Remove(Family::Head, name.clone().into_bytes()));
    records.write(removed.collect())?;
    Ok(missing)
}
