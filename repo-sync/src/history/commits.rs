//! The commits of a git repository as versions.

use codegraph::VersionId;
use codegraph::identity::RepositoryId;
use codegraph::records::{Change, Family};
use codegraph::version::CommitId;

use super::heads::{branch_key, commit_key, head, tag_key, version_of};
use super::{HistoryFault, Line, Shelf, VersionFacts, VersionMeta};
use crate::git::{Commit, FileChange, RefKind, Repository};

/// How to index commits.
#[derive(Clone, Debug, Default)]
pub struct GitOptions {
    /// A branch, tag or commit, with all that first parents lead to; or two of them: `v1.0..main`.
    pub range: String,
    /// Begin anew with the oldest commit of the range, also if later ones are in the store.
    pub anew: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct HistoryProgress<'a> {
    /// Commits done.
    pub done: usize,
    /// Commits to do.
    pub total: usize,
    /// The commit that was just done.
    pub commit: &'a Commit,
    /// How many source files it changed.
    pub files: usize,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// The repository's id in the store.
    pub repository: RepositoryId,
    /// The version of the range's newest commit.
    pub newest: VersionId,
    /// Commits that became versions now.
    pub added: usize,
    /// Commits of the range that were versions already.
    pub known: usize,
    /// Commits of the range that are older than the oldest in the store, and were left out.
    pub left_out: usize,
}

/// Makes each commit of a range a version, the oldest first. What is in the store is not done again: an interrupted run
/// goes on where it stopped. The first version of a line has all files; before the first commit of `a..b`, that is the
/// commit before it.
pub fn index_git(
    shelf: &mut Shelf<'_>,
    git: &mut Repository,
    options: &GitOptions,
    facts: &mut dyn VersionFacts,
    progress: &mut dyn FnMut(HistoryProgress<'_>),
) -> Result<Indexed, HistoryFault> {
    let mut commits = git.commits(&options.range)?;
    let Some(newest) = commits.last().cloned() else {
        return Err(HistoryFault::NoCommits(options.range.clone()));
    };
    let repository = git.id(&newest.id.to_string())?;
    let base = commits.first().and_then(|oldest| oldest.parents.first()).cloned();
    if let Some(base) = base {
        commits.insert(0, git.commit(&base)?);
    }
    let known = known(shelf, repository, &commits, options.anew)?;
    let last_known = known.iter().rposition(Option::is_some);
    let start = last_known.map_or(0, |last| last + 1);
    let tip = last_known.and_then(|last| known.get(last).copied().flatten());
    let todo = commits.get(start..).unwrap_or_default();
    let before = known.get(..start).unwrap_or_default();
    for version in before.iter().flatten() {
        facts.version(shelf, *version)?;
    }
    let mut line = Line::new(shelf, repository, tip, facts)?;
    let mut reading = Reading::open(git)?;
    for (done, commit) in todo.iter().enumerate() {
        let files = match (line.tip(), commit.parents.first()) {
            (Some(_), Some(parent)) => reading.changes.of(&commit.id, parent)?,
            _ => git.files(&commit.id)?,
        };
        let count = files.len();
        let changed = reading.read(files)?;
        line.add(meta(commit), changed, vec![commit_key(repository, &commit.id)])?;
        progress(HistoryProgress {
            done: done + 1,
            total: todo.len(),
            commit,
            files: count,
        });
    }
    let indexed = Indexed {
        repository,
        newest: line
            .tip()
            .ok_or_else(|| HistoryFault::NoCommits(options.range.clone()))?,
        added: todo.len(),
        known: before.iter().filter(|known| known.is_some()).count(),
        left_out: before.iter().filter(|known| known.is_none()).count(),
    };
    name(shelf, git, repository)?;
    Ok(indexed)
}

/// The processes that are asked.
pub(super) struct Reading<'g> {
    changes: crate::git::Changes<'g>,
    contents: crate::git::Contents,
}

type Changed = Vec<(String, Option<crate::git::Content>)>;

impl<'g> Reading<'g> {
    pub(super) fn open(git: &'g Repository) -> Result<Self, HistoryFault> {
        Ok(Self {
            changes: git.changes()?,
            contents: git.contents()?,
        })
    }

    pub(super) fn read(&mut self, files: Vec<FileChange>) -> Result<Changed, HistoryFault> {
        let mut changed = Vec::with_capacity(files.len());
        for file in files {
            let content = match &file.blob {
                Some(blob) => Some(self.contents.read(blob)?),
                None => None,
            };
            changed.push((file.path, content));
        }
        Ok(changed)
    }
}

pub(super) fn meta(commit: &Commit) -> VersionMeta {
    VersionMeta {
        commit: Some(commit.id.clone()),
        merged: commit.parents.get(1..).unwrap_or_default().to_vec(),
        time_s: commit.time_s,
        subject: commit.subject.clone(),
    }
}

/// The versions of commits, as far as there are any.
fn known(
    shelf: &Shelf<'_>,
    repository: RepositoryId,
    commits: &[Commit],
    anew: bool,
) -> Result<Vec<Option<VersionId>>, HistoryFault> {
    if anew {
        return Ok(vec![None; commits.len()]);
    }
    let keys: Vec<Vec<u8>> = commits
        .iter()
        .map(|commit| commit_key(repository, &commit.id))
        .collect();
    let found = shelf.records().get(Family::Head, &keys)?;
    Ok(found.into_iter().map(|value| version_of(&value?)).collect())
}

/// Lets the branches and tags name the versions of their commits.
fn name(shelf: &Shelf<'_>, git: &Repository, repository: RepositoryId) -> Result<(), HistoryFault> {
    let records = shelf.records();
    let mut changes = Vec::new();
    for found in git.refs()? {
        let Some(id) = head(records, &commit_key(repository, &found.commit))? else {
            continue;
        };
        let key = match found.kind {
            RefKind::Branch => branch_key(repository, &found.name),
            RefKind::Tag => tag_key(repository, &found.name),
        };
        if head(records, &key)? != Some(id) {
            changes.push(Change::Put(Family::Head, key, id.0.0.to_vec()));
        }
    }
    if !changes.is_empty() {
        records.write(changes)?;
    }
    Ok(())
}

/// The version of a commit, if it is one.
pub(super) fn version_at(
    shelf: &Shelf<'_>,
    repository: RepositoryId,
    commit: &CommitId,
) -> Result<Option<VersionId>, HistoryFault> {
    head(shelf.records(), &commit_key(repository, commit))
}
