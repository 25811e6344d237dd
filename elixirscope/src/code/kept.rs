//! The search index that is kept beside the code store, a folder for each project.
//!
//! `search/<hash of the project's name>/` below the store's folder; in it `project`, the name by which the store knows the
//! project, and `index/`. `code search` and `code watch` bring it up to date, one of them at a time; who comes second reads
//! what is committed, or makes an index in memory. `code gc` removes it with its project.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ::store::code_records::CodeRecords;
use anyhow::{Context as _, Result};
use codegraph::SourceHash;
use codegraph::records::{Family, Records};
use repo_sync::documents;
use repo_sync::project::CodeProject;
use search::{Index, Opened};

use crate::client;

const FOLDER: &str = "search";
const NAME_FILE: &str = "project";
const INDEX_FOLDER: &str = "index";
/// How long a question waits for another process to bring the index up to date; then it makes its own, in memory.
const WAIT: Duration = Duration::from_millis(1500);
/// Between two looks at what the other process has committed.
const LOOK: Duration = Duration::from_millis(50);

/// Where a project's index lies.
fn folder(store: &Path, head: &str) -> PathBuf {
    store
        .join(FOLDER)
        .join(SourceHash::of(head.as_bytes()).to_string())
}

/// Opens a project's index, which is made if there is none.
pub(super) fn open(store: &Path, head: &str) -> Result<Index> {
    let dir = folder(store, head);
    fs::create_dir_all(&dir).with_context(|| format!("the search index {}", dir.display()))?;
    let name = dir.join(NAME_FILE);
    if !name.is_file() {
        fs::write(&name, head).with_context(|| format!("the search index {}", dir.display()))?;
    }
    let index = Index::open(&dir.join(INDEX_FOLDER))?;
    match index.opened() {
        Opened::Damaged => client::say("the search index was damaged and is made anew"),
        Opened::New | Opened::Found | Opened::Older => {}
    }
    Ok(index)
}

/// The project's index, as its files are now. What is kept is used and brought up to date; if that cannot be, the answer
/// is the same and takes longer. `kept`: the store, and by what name it knows the project.
pub(super) fn filled(project: &CodeProject, kept: Option<(&CodeRecords, &str)>) -> Result<Index> {
    if let Some((records, head)) = kept {
        match open(records.path(), head).and_then(|index| current(project, index)) {
            Ok(Some(index)) => return Ok(index),
            // Another process writes it and is not there yet.
            Ok(None) => {}
            Err(fault) => client::say(&format!("the kept search index is not used: {fault:#}")),
        }
    }
    let mut index = Index::memory()?;
    documents::fill(project, &mut index).context("the search index could not be made")?;
    Ok(index)
}

/// Brings an index up to date, or waits until the process that writes it has.
fn current(project: &CodeProject, mut index: Index) -> Result<Option<Index>> {
    if index.is_writer() {
        documents::fill(project, &mut index)?;
        return Ok(Some(index));
    }
    let started = Instant::now();
    while !documents::is_filled(project, &index)? {
        if started.elapsed() >= WAIT {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
        index.refresh()?;
    }
    Ok(Some(index))
}

/// Removes the indexes of projects that the store no longer knows. Returns their names and bytes.
pub(super) fn forget(records: &CodeRecords) -> Result<Vec<(String, u64)>> {
    let mut removed = Vec::new();
    let dir = records.path().join(FOLDER);
    let Ok(entries) = fs::read_dir(&dir) else {
        return Ok(removed);
    };
    for entry in entries.flatten() {
        // What is no index of ours is left alone.
        let Ok(head) = fs::read_to_string(entry.path().join(NAME_FILE)) else {
            continue;
        };
        if folder(records.path(), &head) != entry.path()
            || records.one(Family::Head, head.as_bytes())?.is_some()
        {
            continue;
        }
        let bytes = bytes(&entry.path());
        fs::remove_dir_all(entry.path())
            .with_context(|| format!("the search index {}", entry.path().display()))?;
        removed.push((head, bytes));
    }
    removed.sort();
    Ok(removed)
}

/// Bytes of an index's files: they lie at most three folders deep.
fn bytes(dir: &Path) -> u64 {
    let mut bytes = 0;
    let mut folders = vec![(dir.to_owned(), 0)];
    while let Some((dir, depth)) = folders.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() && depth < 3 => folders.push((entry.path(), depth + 1)),
                Ok(found) => bytes += found.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}
