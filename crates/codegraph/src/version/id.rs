//! How versions and their records are named: by what they say, so that all machines give the same names.

use std::fmt;

use crate::identity::RepositoryId;
use crate::{ContentHash, SourceHash, VersionId};

/// A record by its value: 128 bits of BLAKE3.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// The id of the record with this value.
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        Self(first(blake3::hash(value)))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

/// A commit of git: 20 bytes (SHA-1) or 32 (SHA-256).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(Vec<u8>);

impl CommitId {
    /// Of its bytes; `None` if there are not 20 or 32.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 20 | 32).then(|| Self(bytes.to_vec()))
    }

    /// Of its hexadecimal digits, all of them.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        if !digits.len().is_multiple_of(2) || digits.len() > 64 {
            return None;
        }
        let bytes = digits.as_bytes().chunks_exact(2).map(|pair| {
            let (high, low) = pair.split_first()?;
            let high = char::from(*high).to_digit(16)?;
            let low = char::from(*low.first()?).to_digit(16)?;
            u8::try_from(high << 4 | low).ok()
        });
        Self::new(&bytes.collect::<Option<Vec<u8>>>()?)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitId({self})")
    }
}

/// The id of a repository: what it began with (the first commit of git, or a project's name), and the project's folder
/// in it.
#[must_use]
pub fn repository_id(beginning: &[u8], folder: &str) -> RepositoryId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"codegraph repository 1\0");
    sized(&mut hasher, beginning);
    hasher.update(folder.as_bytes());
    RepositoryId(first(hasher.finalize()))
}

/// The id of a version: BLAKE3 over its repository, the version before it, its commit, and each file that differs from
/// the version before, by path, with its source (`None`: it is gone). So it says all that led to it, as a commit of git
/// does, and costs what changed.
#[must_use]
pub fn version_id<'a>(
    repository: RepositoryId,
    parent: Option<VersionId>,
    commit: Option<&CommitId>,
    changes: impl IntoIterator<Item = (&'a str, Option<SourceHash>)>,
) -> VersionId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"codegraph version 1\0");
    hasher.update(&repository.0);
    sized(&mut hasher, parent.as_ref().map_or(&[], |parent| &parent.0.0));
    sized(&mut hasher, commit.map_or(&[], CommitId::bytes));
    for (path, source) in changes {
        sized(&mut hasher, path.as_bytes());
        // No source's hash is zeros.
        hasher.update(&source.unwrap_or_default().0);
    }
    VersionId(ContentHash(*hasher.finalize().as_bytes()))
}

fn sized(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn first(hash: blake3::Hash) -> [u8; 16] {
    hash.as_bytes().first_chunk::<16>().copied().unwrap_or_default()
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
