//! Puts a project into an index: the files that the index does not have as they are now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};

use codegraph::SourceHash;
use codegraph::definitions::Outline;
use search::{Document, Index, SearchFault, Stamp};

use super::documents;
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
    let importance = super::importance(project);
    let known = index.stamps()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let lowerers: Result<Vec<Lowerer>, SourceFault> = (0..threads).map(|_| Lowerer::new()).collect();
    let next = AtomicUsize::new(0);
    let look = |mut lowerer: Lowerer, made: SyncSender<Made>| {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = project.files().get(at) else {
                return;
            };
            if let Some((stamp, documents)) = changed(project, &mut lowerer, &file.path, &known, &importance)
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
        put(project, index, made)
    })?;
    let paths: BTreeSet<&str> = project.files().iter().map(|file| &*file.path).collect();
    for path in known.keys().filter(|path| !paths.contains(path.as_str())) {
        index.remove(path)?;
        count += 1;
    }
    if count > 0 {
        index.commit()?;
    }
    Ok(count)
}

fn put(project: &CodeProject, index: &mut Index, made: Receiver<Made>) -> Result<usize, SearchFault> {
    let mut count = 0;
    for (at, stamp, documents) in made {
        if let Some(file) = project.files().get(at) {
            index.replace(&file.path, stamp, &documents)?;
            count += 1;
        }
    }
    Ok(count)
}

/// A file's documents, if the index does not have them.
fn changed(
    project: &CodeProject,
    lowerer: &mut Lowerer,
    path: &str,
    known: &BTreeMap<String, Stamp>,
    importance: &BTreeMap<String, f32>,
) -> Option<(Stamp, Vec<Document>)> {
    let text = project.text_at(path).ok()?;
    let stamp = stamp(text.as_bytes());
    if known.get(path) == Some(&stamp) {
        return None;
    }
    let tree = lowerer.lower(&text).quoted;
    let outline = Outline::of(&tree);
    let rank = |id: &str| importance.get(id).copied().unwrap_or_default();
    let found = documents(&tree, &outline, &rank);
    Some((stamp, found.into_iter().map(|found| found.document).collect()))
}
