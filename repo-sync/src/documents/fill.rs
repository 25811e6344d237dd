//! Puts a project into an index: the files that the index does not have as they are now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};

use codegraph::SourceHash;
use codegraph::definitions::Outline;
use search::{Document, Index, SearchFault, Stamp};

use super::{Comments, documents};
use crate::SourceFault;
use crate::lower::Lowerer;
use crate::project::CodeProject;

/// Why a project could not be put into an index.
#[derive(Debug, thiserror::Error)]
pub enum FillFault {
    /// The index.
    #[error(transparent)]
    Index(#[from] SearchFault),
    /// The parser.
    #[error(transparent)]
    Parser(#[from] SourceFault),
}

/// What a file's documents are made of, for [`Index::stamps`].
#[must_use]
pub fn stamp(source: &[u8]) -> Stamp {
    let mut stamp = Stamp::default();
    let hash = SourceHash::of(source);
    for (to, from) in stamp.0.iter_mut().zip(hash.0) {
        *to = from;
    }
    stamp
}

/// Files whose documents are made but not yet put in.
const MADE_FILES_MAX: usize = 32;

type Made = (usize, Stamp, Vec<Document>);

/// Brings an index to the state of a project: files that are new or changed are put in, files that are gone are taken
/// out, all in one commit. Returns how many files that were. A file that cannot be read has no documents.
///
/// Reads each file again (to see whether it changed) and parses the changed ones, with as many threads as the machine has
/// processors. How important a definition is is taken over when its file is put in.
pub fn fill(project: &CodeProject, index: &mut Index) -> Result<usize, FillFault> {
    let files: Vec<&str> = project.files().iter().map(|file| &*file.path).collect();
    let known = index.stamps()?;
    let there: BTreeSet<&str> = files.iter().copied().collect();
    let gone: Vec<&str> = known
        .keys()
        .map(String::as_str)
        .filter(|path| !there.contains(path))
        .collect();
    bring(project, index, &known, &files, &gone)
}

/// As [`fill()`], looking only at these files: who watches the project knows which changed.
pub fn fill_files<'a>(
    project: &CodeProject,
    index: &mut Index,
    paths: impl IntoIterator<Item = &'a str>,
) -> Result<usize, FillFault> {
    let known = index.stamps()?;
    let there: BTreeSet<&str> = project.files().iter().map(|file| &*file.path).collect();
    let (files, gone): (Vec<&str>, Vec<&str>) = paths
        .into_iter()
        .filter(|path| there.contains(path) || known.contains_key(*path))
        .partition(|path| there.contains(path));
    bring(project, index, &known, &files, &gone)
}

/// Whether an index has the files of a project as they are now.
pub fn is_filled(project: &CodeProject, index: &Index) -> Result<bool, FillFault> {
    let known = index.stamps()?;
    // A file that cannot be read has no documents, and no stamp.
    let mut found = 0;
    for file in project.files() {
        if let Ok(text) = project.text_at(&file.path) {
            if known.get(&file.path) != Some(&stamp(text.as_bytes())) {
                return Ok(false);
            }
            found += 1;
        }
    }
    Ok(found == known.len())
}

fn bring(
    project: &CodeProject,
    index: &mut Index,
    known: &BTreeMap<String, Stamp>,
    files: &[&str],
    gone: &[&str],
) -> Result<usize, FillFault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(files.len()).max(1);
    let lowerers: Result<Vec<Lowerer>, SourceFault> = (0..threads).map(|_| Lowerer::new()).collect();
    let next = AtomicUsize::new(0);
    // Only asked for if a file changed.
    let importance = OnceLock::new();
    let look = |mut lowerer: Lowerer, made: SyncSender<Made>| {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.get(at) else {
                return;
            };
            let rank = || importance.get_or_init(|| super::importance(project));
            if let Some((stamp, documents)) = changed(project, &mut lowerer, path, known, &rank)
                && made.send((at, stamp, documents)).is_err()
            {
                return;
            }
        }
    };
    let (sender, made) = mpsc::sync_channel(MADE_FILES_MAX);
    let (look, lowerers) = (&look, lowerers?);
    let mut count = std::thread::scope(|scope| {
        for lowerer in lowerers {
            let sender = sender.clone();
            scope.spawn(move || look(lowerer, sender));
        }
        drop(sender);
        // Dropping what receives, after a fault, ends the threads.
        put(files, index, made)
    })?;
    for path in gone {
        index.remove(path)?;
        count += 1;
    }
    if count > 0 {
        index.commit()?;
    }
    Ok(count)
}

fn put(files: &[&str], index: &mut Index, made: Receiver<Made>) -> Result<usize, SearchFault> {
    let mut count = 0;
    for (at, stamp, documents) in made {
        if let Some(path) = files.get(at) {
            index.replace(path, stamp, &documents)?;
            count += 1;
        }
    }
    Ok(count)
}

/// A file's documents, if the index does not have them.
fn changed<'a>(
    project: &CodeProject,
    lowerer: &mut Lowerer,
    path: &str,
    known: &BTreeMap<String, Stamp>,
    importance: &dyn Fn() -> &'a BTreeMap<String, f32>,
) -> Option<(Stamp, Vec<Document>)> {
    let text = project.text_at(path).ok()?;
    let stamp = stamp(text.as_bytes());
    if known.get(path) == Some(&stamp) {
        return None;
    }
    let lowered = lowerer.lower(&text);
    let outline = Outline::of(&lowered.quoted);
    let comments = Comments {
        text: &text,
        places: &lowered.comments,
    };
    let importance = importance();
    let rank = |id: &str| importance.get(id).copied().unwrap_or_default();
    let found = documents(&lowered.quoted, &outline, &comments, &rank);
    Some((stamp, found.into_iter().map(|found| found.document).collect()))
}
