//! Where facts about code are kept between runs: one store for all projects of a user, because equal code is kept once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use codegraph::records::Records;
use serde_json::{Value, json};
use store::code_records::{CodeRecords, Sizes};

use crate::client;

/// Where the store is.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreArgs {
    /// The folder in which facts are kept between runs; default: elixirscope/code in the user's cache folder.
    #[arg(long, global = true, env = "ELIXIRSCOPE_CODE_STORE", value_name = "PATH")]
    store: Option<PathBuf>,
    /// Keep nothing: read and link the project anew.
    #[arg(long, global = true, conflicts_with = "store")]
    no_store: bool,
}

impl StoreArgs {
    /// Opens the store. One that was named must open; without the usual one the answer only takes longer.
    pub(super) fn open(&self) -> Result<Option<CodeRecords>> {
        if self.no_store {
            return Ok(None);
        }
        if let Some(dir) = &self.store {
            return open(dir).map(Some);
        }
        let Some(dir) = usual() else {
            return Ok(None);
        };
        match open(&dir) {
            Ok(records) => Ok(Some(records)),
            Err(fault) => {
                client::say(&format!("nothing is kept between runs: {fault:#}"));
                Ok(None)
            }
        }
    }

    /// As [`StoreArgs::open`], for what cannot be done without.
    pub(super) fn required(&self) -> Result<CodeRecords> {
        self.open()?
            .context("this needs the code store; say --store with a folder that can be written")
    }
}

fn open(dir: &Path) -> Result<CodeRecords> {
    std::fs::create_dir_all(dir).with_context(|| format!("the code store {}", dir.display()))?;
    CodeRecords::open(dir).with_context(|| format!("the code store {}", dir.display()))
}

fn usual() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")))?;
    Some(cache.join("elixirscope").join("code"))
}

/// As what reads and writes records.
pub(super) fn shared(records: Option<&CodeRecords>) -> Option<Arc<dyn Records>> {
    records.map(|records| Arc::new(records.clone()) as Arc<dyn Records>)
}

/// Path and sizes of a store, for JSON.
pub(super) fn value(records: &CodeRecords) -> Result<Value> {
    let sizes = records.sizes()?;
    let families = sizes.families.iter().map(|size| {
        json!({
            "family": size.family.name(),
            "records": size.records,
            "content_bytes": size.content_bytes,
            "disk_bytes": size.disk_bytes,
        })
    });
    Ok(json!({
        "path": records.path(),
        "read_only": records.read_only(),
        "disk_bytes": sizes.disk_bytes(),
        "families": families.collect::<Vec<_>>(),
    }))
}

/// The same for a person.
pub(super) fn text(records: &CodeRecords) -> Result<String> {
    let sizes = records.sizes()?;
    let read_only = records
        .read_only()
        .map(|why| format!(", read only: {why}"))
        .unwrap_or_default();
    Ok(format!(
        "store {}: {} records, {:.1} MB on disk{read_only}\n",
        records.path().display(),
        count(&sizes),
        sizes.disk_bytes() as f64 / 1e6,
    ))
}

fn count(sizes: &Sizes) -> u64 {
    sizes.families.iter().map(|size| size.records).sum()
}
