//! Where the programs under test are: built now, or in a folder that was built before.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Result;

use crate::{bench, run};

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Takes them out of this folder, or builds them.
pub fn from(folder: Option<&Path>) -> Result<()> {
    match folder {
        Some(folder) => drop(FOLDER.set(folder.to_owned())),
        None => bench::build()?,
    }
    Ok(())
}

/// One of them.
pub fn path(name: &str) -> PathBuf {
    FOLDER
        .get()
        .map_or_else(|| run::target().join("debug"), Clone::clone)
        .join(name)
}
