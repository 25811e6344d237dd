//! A line of versions that grows: each new one is the one before with some files changed. Ids are handed on, and all
//! that is new is written at once, the version last.

use codegraph::VersionId;
use codegraph::identity::RepositoryId;
use codegraph::records::{Change, Family};
use codegraph::version::{CommitId, VersionRecord};

use super::{HistoryFault, Shelf, step, stored, tree};
use crate::git::Content;

/// Records of a first version that are written before the version itself, in bytes: nothing leads to them until then.
const AHEAD_BYTES: usize = 16 << 20;

/// What a version says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionMeta {
    /// Its commit, if it is one.
    pub commit: Option<CommitId>,
    /// Other parents of that commit.
    pub merged: Vec<CommitId>,
    /// When its author wrote it, in seconds since 1970.
    pub time_s: i64,
    /// The first line of its message.
    pub subject: String,
}

/// Makes what is known of a version beside its texts and ids.
pub trait VersionFacts {
    /// A version is in the store, with its texts: it was just written, or was there before. Versions come in the order of
    /// their line.
    fn version(&mut self, shelf: &mut Shelf<'_>, id: VersionId) -> Result<(), HistoryFault>;
}

/// Makes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFacts;

impl VersionFacts for NoFacts {
    fn version(&mut self, _shelf: &mut Shelf<'_>, _id: VersionId) -> Result<(), HistoryFault> {
        Ok(())
    }
}

/// A line of versions of one repository.
pub struct Line<'s, 'r> {
    pub(super) shelf: &'s mut Shelf<'r>,
    pub(super) repository: RepositoryId,
    pub(super) tip: Option<(VersionId, VersionRecord)>,
    facts: &'s mut dyn VersionFacts,
}

impl std::fmt::Debug for Line<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({:?})", self.tip.as_ref().map(|(id, _)| id))
    }
}

impl<'s, 'r> Line<'s, 'r> {
    /// The line that ends with this version; `None`: an empty one.
    pub fn new(
        shelf: &'s mut Shelf<'r>,
        repository: RepositoryId,
        tip: Option<VersionId>,
        facts: &'s mut dyn VersionFacts,
    ) -> Result<Self, HistoryFault> {
        if !shelf.records().is_writable() {
            return Err(HistoryFault::ReadOnly);
        }
        let tip = match tip {
            Some(id) => Some((id, shelf.version(id)?)),
            None => None,
        };
        Ok(Self {
            shelf,
            repository,
            tip,
            facts,
        })
    }

    /// The last version.
    #[must_use]
    pub fn tip(&self) -> Option<VersionId> {
        self.tip.as_ref().map(|(id, _)| *id)
    }

    /// Adds a version: the last one with these files changed (`None`: gone), sorted by path, each once. `heads` are keys
    /// of [`Family::Head`] that name it from now on. What is no change is passed over.
    pub fn add(
        &mut self,
        meta: VersionMeta,
        changed: Vec<(String, Option<Content>)>,
        heads: Vec<Vec<u8>>,
    ) -> Result<VersionId, HistoryFault> {
        let (parent, root) = match &self.tip {
            Some((id, version)) => (Some(*id), version.root),
            None => (None, None),
        };
        let mut files = Vec::new();
        for (path, content) in changed {
            let was = tree::file_at(self.shelf, root, &path)?;
            if was.map(|was| was.source) != content.as_ref().map(|content| content.hash) {
                files.push(step::Changed { path, was, content });
            }
        }
        let commit = meta.commit.as_ref();
        let hashes = files.iter().map(|file| {
            (
                file.path.as_str(),
                file.content.as_ref().map(|content| content.hash),
            )
        });
        let id = codegraph::version::version_id(self.repository, parent, commit, hashes);
        let mut writing = Writing::default();
        let (settled, edges) = step::hand_on(self, id, files, &mut writing)?;
        let settled: Vec<_> = settled
            .iter()
            .map(|(path, file)| (path.as_str(), *file))
            .collect();
        let root = tree::updated(self.shelf, root, &settled, &mut writing.changes)?;
        let version = VersionRecord {
            repository: self.repository,
            parent,
            commit: meta.commit,
            merged: meta.merged,
            time_s: meta.time_s,
            subject: VersionRecord::subject(&meta.subject),
            root,
            edges,
        };
        let mut changes = writing.changes;
        changes.push(Change::Put(Family::Version, id.0.0.to_vec(), version.encode()));
        for key in heads {
            changes.push(Change::Put(Family::Head, key, id.0.0.to_vec()));
        }
        self.shelf.records().write(changes)?;
        self.tip = Some((id, version));
        self.facts.version(self.shelf, id)?;
        Ok(id)
    }

    /// Has a text or ids written, unless they are there.
    pub(super) fn keep(
        &self,
        writing: &mut Writing,
        family: Family,
        key: &[u8],
        value: Vec<u8>,
        base: Option<(&[u8], &[u8])>,
    ) -> Result<(), HistoryFault> {
        let records = self.shelf.records();
        // What is there may be what others are patches of: it stays as it is.
        if records.one(family, key)?.is_none() {
            writing.bytes += value.len();
            writing
                .changes
                .push(stored::change(records, family, key, value, base)?);
        }
        if self.tip.is_none() && writing.bytes > AHEAD_BYTES {
            records.write(std::mem::take(&mut writing.changes))?;
            writing.bytes = 0;
        }
        Ok(())
    }
}

/// Records that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Writing {
    pub(super) changes: Vec<Change>,
    bytes: usize,
}
