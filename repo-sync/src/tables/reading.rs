//! One reading of a project's files for two uses: the version's id, which rests on the documents of all files and stands
//! in every row, and the rows themselves. Trees of the first are kept for the second up to a bound; files beyond it are
//! parsed twice.

use std::collections::HashMap;

use codegraph::definitions::Outline;
use codegraph::quoted::Quoted;
use codegraph::{ContentHash, FileEntry, Manifest, SourceHash, VersionId};

use crate::project::{CodeProject, FileSource};
use crate::syntax::Indexer;
use crate::{FileFault, SourceFault, index};

/// Bytes of trees that are kept.
const TREES_BYTES_MAX: usize = 64 << 20;
/// About what a node of a tree takes.
const NODE_BYTES: usize = 56;

/// A project's files, read once.
pub struct Readings {
    /// The id under which the project's sources are published as they are.
    pub version: VersionId,
    /// The project's name.
    pub project: String,
    trees: HashMap<u32, Kept>,
}

/// A file's tree, and the text that it is of.
struct Kept {
    text: String,
    tree: Quoted,
    outline: Outline,
}

impl std::fmt::Debug for Readings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Readings({}, {} trees)", self.version, self.trees.len())
    }
}

impl Readings {
    /// Reads a project's files. One that is no text any more is not in the version.
    pub fn of(project: &CodeProject) -> Result<Self, SourceFault> {
        let mut indexer = Indexer::new()?;
        let mut entries = Vec::with_capacity(project.files().len());
        let mut trees = HashMap::new();
        let mut left = TREES_BYTES_MAX;
        for (number, file) in project.files().iter().enumerate() {
            let Ok(text) = project.text_at(&file.path) else {
                continue;
            };
            let Ok((document, tree)) = indexer.index_and_lower(&text) else {
                continue;
            };
            let document = document.encode();
            entries.push(FileEntry {
                path: file.path.clone(),
                source: SourceHash::of(text.as_bytes()),
                source_blob: ContentHash::of(text.as_bytes()),
                document: ContentHash::of(&document),
                size: text.len() as u32,
            });
            let bytes = tree.nodes().len() * NODE_BYTES + text.len();
            if let Some(rest) = left.checked_sub(bytes) {
                left = rest;
                let outline = Outline::of(&tree);
                trees.insert(number as u32, Kept { text, tree, outline });
            }
        }
        let name = index::project_name(&mut indexer, project.root());
        let manifest = Manifest::new(name, entries);
        Ok(Self {
            version: manifest.id(),
            project: manifest.project().to_owned(),
            trees,
        })
    }

    /// A file's source: as it was read, or read again. Each is given once.
    pub(super) fn source(&mut self, project: &CodeProject, file: u32) -> Result<FileSource, FileFault> {
        match self.trees.remove(&file) {
            Some(kept) => Ok(FileSource::new(file, kept.text, kept.tree, kept.outline)),
            None => project.source(file),
        }
    }
}
