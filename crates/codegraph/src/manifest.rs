//! A version of a project: which files, each with its source and its document, all by hash.
//!
//! Bytes: `"ESMF"`, a version byte, the project, then the files by path. Equal versions have equal bytes; the version's
//! id is their BLAKE3-256.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::bytes::{Malformed, Reader, Writer};
use crate::{ContentHash, HashText, SourceHash};

/// Largest manifest, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 16 << 20;
const MAGIC: &[u8; 4] = b"ESMF";
const VERSION: u8 = 1;
const ENTRY_BYTES_MIN: usize = 1 + 32 * 3 + 1;

/// A version's id: BLAKE3-256 of its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(pub ContentHash);

impl VersionId {
    /// The id of the version with these manifest bytes.
    pub fn of(manifest: &[u8]) -> Self {
        Self(ContentHash::of(manifest))
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for VersionId {
    type Err = HashText;
    fn from_str(text: &str) -> Result<Self, HashText> {
        text.parse().map(Self)
    }
}

/// A file of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Relative to the project's root, with `/`: `lib/shop/stock.ex`.
    pub path: String,
    /// SHA-256 of the source: what site tables carry.
    pub source: SourceHash,
    /// The source's blob.
    pub source_blob: ContentHash,
    /// The document's blob.
    pub document: ContentHash,
    /// Length of the source in bytes.
    pub size: u32,
}

/// A version of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    project: String,
    files: Vec<FileEntry>,
}

impl Manifest {
    /// A version of these files; of two with one path, the first stays.
    pub fn new(project: impl Into<String>, mut files: Vec<FileEntry>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|later, first| later.path == first.path);
        Self {
            project: project.into(),
            files,
        }
    }

    /// The project's name.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The files, by path.
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// The file that a module was compiled from: the one with this source; of several with the same text, the one with
    /// this path, else whose path ends so, else the first.
    pub fn find(&self, source: &SourceHash, path: &str) -> Option<&FileEntry> {
        let same = || {
            self.files
                .iter()
                .filter(|file| file.source == *source && source.is_known())
        };
        let ends = |file: &&FileEntry| {
            file.path
                .strip_suffix(path)
                .is_some_and(|before| before.ends_with('/'))
        };
        same()
            .find(|file| file.path == path)
            .or_else(|| same().find(ends))
            .or_else(|| same().next())
    }

    /// All blobs that the version consists of, each once, ascending.
    pub fn blobs(&self) -> Vec<ContentHash> {
        let both = self
            .files
            .iter()
            .flat_map(|file| [file.source_blob, file.document]);
        both.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The version's id.
    pub fn id(&self) -> VersionId {
        VersionId::of(&self.encode())
    }

    /// The manifest's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.raw(MAGIC);
        out.byte(VERSION);
        out.text(&self.project);
        out.count(self.files.len());
        for file in &self.files {
            out.text(&file.path);
            out.raw(&file.source.0);
            out.raw(&file.source_blob.0);
            out.raw(&file.document.0);
            out.number(file.size);
        }
        out.bytes
    }

    /// Reads what [`encode`](Self::encode) wrote, and refuses everything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, MANIFEST_BYTES_MAX)?;
        if reader.raw(4, "the mark")? != MAGIC {
            return Err(reader.invalid("the mark"));
        }
        let version = reader.byte("the version")?;
        if version != VERSION {
            return Err(Malformed::Version {
                found: version,
                known: VERSION,
            });
        }
        let project = reader.text("the project")?.to_owned();
        let count = reader.count(ENTRY_BYTES_MIN, "files")?;
        let mut files: Vec<FileEntry> = Vec::with_capacity(count);
        for _ in 0..count {
            let path = reader.text("a path")?.to_owned();
            let source = SourceHash(reader.hash("a source's hash")?);
            let source_blob = ContentHash(reader.hash("a source's blob")?);
            let document = ContentHash(reader.hash("a document's blob")?);
            let size = reader.number("a file's size")?;
            if !is_relative(&path) || files.last().is_some_and(|last| last.path >= path) {
                return Err(reader.invalid("a path"));
            }
            files.push(FileEntry {
                path,
                source,
                source_blob,
                document,
                size,
            });
        }
        reader.finish()?;
        Ok(Self { project, files })
    }
}

/// A path below the root: no empty, `.` or `..` part, no control character.
fn is_relative(path: &str) -> bool {
    !path.chars().any(char::is_control) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// What a receiver lacks of a version, ascending: the blobs for which `has` says no.
pub fn want(manifest: &Manifest, mut has: impl FnMut(&ContentHash) -> bool) -> Vec<ContentHash> {
    let mut blobs = manifest.blobs();
    blobs.retain(|hash| !has(hash));
    blobs
}
