//! A project's sources as a version: its manifest, and its blobs, in memory up to a bound.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use codegraph::{ContentHash, FileEntry, Manifest, SOURCE_BYTES_MAX, SourceHash, SyntaxDocument};

use crate::syntax::{Indexer, SourceFault};
use crate::walk::{SourceFile, source_files};

/// How to index.
#[derive(Clone, Debug)]
pub struct IndexOptions {
    /// The project's name; `None`: the `app:` of `mix.exs`, else the folder's name.
    pub project: Option<String>,
    /// Index `test` folders too.
    pub tests: bool,
    /// Most bytes of blobs to keep; those beyond are made again from their files when they are asked for.
    pub kept_bytes_max: usize,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            project: None,
            tests: false,
            kept_bytes_max: 256 << 20,
        }
    }
}

/// Why a file, or a part of one, is not in the version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {kind}")]
pub struct FileFault {
    /// Relative to the root.
    pub path: String,
    /// What is wrong.
    pub kind: FileFaultKind,
}

/// What can be wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFaultKind {
    /// The operating system refuses.
    #[error("not readable: {0}")]
    Unreadable(String),
    /// A name that a version cannot hold.
    #[error("the name is not UTF-8, or has control characters")]
    Name,
    /// A symbolic link.
    #[error("symbolic links are not followed")]
    Link,
    /// Too many directories inside one another.
    #[error("too deep below the project's root")]
    TooDeep,
    /// Not a source text.
    #[error(transparent)]
    Source(SourceFault),
    /// Indexed, but with syntax errors: the functions that they are in are marked.
    #[error(
        "{errors} syntax errors, the first at line {line}; {damaged} clauses are marked, the rest is indexed"
    )]
    Syntax {
        /// How many.
        errors: usize,
        /// Line of the first, from 1.
        line: u32,
        /// How many clauses have one inside.
        damaged: usize,
    },
}

/// Why there is no version at all.
#[derive(Debug, thiserror::Error)]
pub enum IndexFault {
    /// No project there.
    #[error("{}: {fault}", root.display())]
    Root {
        /// Where it was looked for.
        root: PathBuf,
        /// What the operating system says.
        fault: std::io::Error,
    },
    /// No parser.
    #[error(transparent)]
    Parser(#[from] SourceFault),
    /// No such version in the code store, or not a sound one.
    #[error(transparent)]
    Version(#[from] Box<crate::history::HistoryFault>),
    /// A blob was to be made again, and its file is not as it was.
    #[error("{path} changed while the version was being published; index again")]
    Changed {
        /// Relative to the root.
        path: String,
    },
    /// No file of this version has that blob.
    #[error("blob {0} is not part of this version")]
    Unknown(ContentHash),
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Files done.
    pub done: usize,
    /// Files in all.
    pub total: usize,
    /// The file that was just done, relative to the root.
    pub path: &'a str,
}

/// An indexed version.
#[derive(Debug)]
pub struct Index {
    /// What it consists of.
    pub manifest: Manifest,
    /// What is not in it, or only partly, by path.
    pub faults: Vec<FileFault>,
    root: PathBuf,
    kept: HashMap<ContentHash, Vec<u8>>,
    kept_bytes: usize,
    kept_bytes_max: usize,
}

/// Indexes a project's sources. A file with a fault does not disturb the others.
pub fn index_project(
    root: &Path,
    options: &IndexOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Index, IndexFault> {
    let (files, faults) = source_files(root, options.tests).map_err(|fault| IndexFault::Root {
        root: root.to_owned(),
        fault,
    })?;
    let mut indexer = Indexer::new()?;
    let mut index = Index {
        manifest: Manifest::default(),
        faults,
        root: root.to_owned(),
        kept: HashMap::new(),
        kept_bytes: 0,
        kept_bytes_max: options.kept_bytes_max,
    };
    let mut entries = Vec::with_capacity(files.len());
    for (done, file) in files.iter().enumerate() {
        match read(&file.path).and_then(|source| index.add(&mut indexer, file, source)) {
            Ok(entry) => entries.push(entry),
            Err(kind) => index.faults.push(FileFault {
                path: file.relative.clone(),
                kind,
            }),
        }
        progress(Progress {
            done: done + 1,
            total: files.len(),
            path: &file.relative,
        });
    }
    index.faults.sort_by(|a, b| a.path.cmp(&b.path));
    let project = options.project.clone();
    let project = project.unwrap_or_else(|| project_name(&mut indexer, root));
    index.manifest = Manifest::new(project, entries);
    Ok(index)
}

impl Index {
    /// A blob of this version: kept, or made again from its file.
    pub fn blob(&self, hash: &ContentHash) -> Result<Cow<'_, [u8]>, IndexFault> {
        if let Some(bytes) = self.kept.get(hash) {
            return Ok(Cow::Borrowed(bytes));
        }
        let holds = |file: &&FileEntry| file.source_blob == *hash || file.document == *hash;
        let file = self
            .manifest
            .files()
            .iter()
            .find(holds)
            .ok_or(IndexFault::Unknown(*hash))?;
        let changed = || IndexFault::Changed {
            path: file.path.clone(),
        };
        let source = read(&self.root.join(&file.path)).map_err(|_| changed())?;
        let bytes = if file.source_blob == *hash {
            source
        } else {
            crate::index_source(&source)?.encode()
        };
        if ContentHash::of(&bytes) == *hash {
            Ok(Cow::Owned(bytes))
        } else {
            Err(changed())
        }
    }

    /// Bytes of blobs in memory.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    fn add(
        &mut self,
        indexer: &mut Indexer,
        file: &SourceFile,
        source: Vec<u8>,
    ) -> Result<FileEntry, FileFaultKind> {
        let document = indexer.index(&source).map_err(FileFaultKind::Source)?;
        if let Some(first) = document.errors.first() {
            let byte = document
                .nodes
                .get(*first as usize)
                .map_or(0, |node| node.start_byte);
            let line = document.line_starts.partition_point(|start| *start <= byte) as u32;
            let damaged = document
                .definitions
                .clauses
                .iter()
                .filter(|clause| clause.damaged)
                .count();
            let kind = FileFaultKind::Syntax {
                errors: document.errors.len(),
                line,
                damaged,
            };
            self.faults.push(FileFault {
                path: file.relative.clone(),
                kind,
            });
        }
        let size = source.len() as u32;
        let bytes = document.encode();
        SyntaxDocument::decode(&bytes)
            .map_err(|fault| FileFaultKind::Source(SourceFault::Tree(fault.to_string())))?;
        Ok(FileEntry {
            path: file.relative.clone(),
            source: SourceHash::of(&source),
            source_blob: self.keep(source),
            document: self.keep(bytes),
            size,
        })
    }

    fn keep(&mut self, bytes: Vec<u8>) -> ContentHash {
        let hash = ContentHash::of(&bytes);
        if self.kept_bytes + bytes.len() <= self.kept_bytes_max && !self.kept.contains_key(&hash) {
            self.kept_bytes += bytes.len();
            self.kept.insert(hash, bytes);
        }
        hash
    }
}

/// A file's bytes, never more than a source may have.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileFaultKind> {
    let unreadable = |fault: std::io::Error| FileFaultKind::Unreadable(fault.to_string());
    // Opening a FIFO would wait for a writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(crate::walk::special());
    }
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes > SOURCE_BYTES_MAX as u64 {
        return Err(FileFaultKind::Source(SourceFault::TooLarge { bytes }));
    }
    let mut source = Vec::with_capacity(bytes as usize);
    file.take(SOURCE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut source)
        .map_err(unreadable)?;
    Ok(source)
}

/// What a project is called: the `app:` of its `mix.exs`, else its folder.
pub(crate) fn project_name(indexer: &mut Indexer, root: &Path) -> String {
    mix_app(indexer, root).unwrap_or_else(|| folder_name(root))
}

/// `app: :shop` in `mix.exs`.
fn mix_app(indexer: &mut Indexer, root: &Path) -> Option<String> {
    let source = read(&root.join("mix.exs")).ok()?;
    let document = indexer.index(&source).ok()?;
    let text = |at: &codegraph::Anchor| source.get(at.start_byte as usize..at.end_byte as usize);
    let pair = document
        .anchors
        .windows(2)
        .find(|pair| text(&pair[0]) == Some(b"app:"))?;
    let app = std::str::from_utf8(text(&pair[1])?).ok()?;
    app.strip_prefix(':').map(str::to_owned)
}

fn folder_name(root: &Path) -> String {
    let full = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    full.file_name().map_or_else(
        || "project".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}
