//! Where a project's texts are: in its folder, or in a version of the code store. All that is read of a project's sources
//! is read through here, so that questions about a version take the same path as questions about what lies there.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codegraph::records::Records;
use codegraph::{ContentHash, SourceHash, VersionId};

use super::head::{Head, Stamp};
use super::read;
use crate::history::{HistoryFault, Shelf, TreeChange, files, source_bytes};
use crate::syntax::checked;
use crate::walk::{is_source, source_files};
use crate::{FileFault, FileFaultKind, SourceFault};

/// Where texts are.
#[derive(Clone, Debug)]
pub(super) enum Texts {
    /// Files under this folder.
    Folder(PathBuf),
    /// Sources of a version.
    Version(Arc<VersionTexts>),
}

/// A version's files.
pub(super) struct VersionTexts {
    pub(super) id: VersionId,
    records: Arc<dyn Records>,
    files: BTreeMap<Arc<str>, SourceHash>,
}

impl std::fmt::Debug for VersionTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VersionTexts({}, {} files)", self.id, self.files.len())
    }
}

/// A file that there is.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) path: Arc<str>,
    /// How the file system describes it; the same for all files of versions.
    pub(super) stamp: Stamp,
    /// What it holds, if that is known without reading it.
    pub(super) source: Option<SourceHash>,
}

impl VersionTexts {
    /// The files of a version.
    pub(super) fn open(records: Arc<dyn Records>, id: VersionId) -> Result<Self, HistoryFault> {
        let mut shelf = Shelf::new(&*records)?;
        let root = shelf.version(id)?.root;
        let files = files(&mut shelf, root)?;
        drop(shelf);
        let files = files.into_iter().map(|(path, file)| (path.into(), file.source));
        Ok(Self {
            id,
            files: files.collect(),
            records,
        })
    }

    /// No version yet.
    pub(super) fn none(records: Arc<dyn Records>) -> Self {
        Self {
            id: VersionId(ContentHash([0; 32])),
            records,
            files: BTreeMap::new(),
        }
    }

    /// Another version, by what differs from this one.
    pub(super) fn moved(self: Arc<Self>, id: VersionId, changes: &[TreeChange]) -> Self {
        let mut moved = Arc::try_unwrap(self).unwrap_or_else(|shared| Self {
            records: Arc::clone(&shared.records),
            files: shared.files.clone(),
            ..*shared
        });
        moved.id = id;
        for change in changes {
            match change.new {
                Some(file) => moved.files.insert(change.path.as_str().into(), file.source),
                None => moved.files.remove(change.path.as_str()),
            };
        }
        moved
    }

    /// The store.
    pub(super) fn records(&self) -> Arc<dyn Records> {
        Arc::clone(&self.records)
    }

    fn text(&self, path: &str) -> Result<String, FileFaultKind> {
        let missing = || FileFaultKind::Unreadable("the code store does not have its text".to_owned());
        let source = self.files.get(path).ok_or_else(missing)?;
        let bytes = source_bytes(&*self.records, *source);
        let bytes = bytes.map_err(|fault| FileFaultKind::Unreadable(fault.to_string()))?;
        text_of(bytes.ok_or_else(missing)?)
    }
}

impl Texts {
    /// The text of a source, by its path in the project.
    pub(super) fn text(&self, path: &str) -> Result<String, FileFaultKind> {
        match self {
            Self::Folder(root) => text_of(read::bytes_of(&root.join(path))?),
            Self::Version(version) => version.text(path),
        }
    }

    /// All sources by path, and what cannot be one. `head` is what was last seen of the folder.
    pub(super) fn list(&self, tests: bool, head: &Head) -> io::Result<(Vec<Listed>, Vec<FileFault>)> {
        let root = match self {
            Self::Folder(root) => root,
            Self::Version(version) => {
                let sources = version.files.iter().filter(|(path, _)| is_source(path, tests));
                let listed = sources.map(|(path, source)| Listed {
                    path: path.clone(),
                    stamp: Stamp::default(),
                    source: Some(*source),
                });
                return Ok((listed.collect(), Vec::new()));
            }
        };
        let (sources, faults) = source_files(root, tests)?;
        let listed = sources.into_iter().map(|file| {
            let found = fs::symlink_metadata(&file.path);
            let stamp = found.map_or_else(|_| Stamp::default(), |now| Stamp::of(&now));
            Listed {
                source: head.source(&file.relative, &stamp),
                path: file.relative.into(),
                stamp,
            }
        });
        Ok((listed.collect(), faults))
    }

    /// The folder, if that is where texts are.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(root) => Some(root),
            Self::Version(_) => None,
        }
    }

    /// The version, if that is where texts are.
    pub(super) fn version(&self) -> Option<VersionId> {
        match self {
            Self::Folder(_) => None,
            Self::Version(version) => Some(version.id),
        }
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String, FileFaultKind> {
    checked(&bytes).map_err(FileFaultKind::Source)?;
    String::from_utf8(bytes).map_err(|fault| {
        FileFaultKind::Source(SourceFault::NotUtf8 {
            at: fault.utf8_error().valid_up_to(),
        })
    })
}
