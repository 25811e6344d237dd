//! The version that a revision names: a commit as git writes it (`HEAD~3`, `v1.0`, `main`), or what the store calls a
//! version. A commit that is no version yet can be made one.

use std::path::Path;

use codegraph::VersionId;
use codegraph::identity::RepositoryId;
use codegraph::version::CommitId;

use super::commits::{Reading, meta, version_at};
use super::heads::{alone_key, head, resolve};
use super::working::{project_name, repository_of};
use super::{GitOptions, HistoryFault, HistoryProgress, Line, NoFacts, Shelf, index_git};
use crate::git::{GitFault, Repository};

/// Most commits that are indexed so that one of them continues a line.
pub const CONTINUED_MAX: usize = 100;

/// What a revision is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The repository's id in the store.
    pub repository: RepositoryId,
    /// The version.
    pub version: VersionId,
    /// The commit, if git was asked.
    pub commit: Option<CommitId>,
    /// How many commits became versions for it.
    pub added: usize,
}

/// Where a revision leads.
enum Found {
    Version(Revision),
    /// A commit that is no version.
    Commit(Box<Repository>, RepositoryId, CommitId),
}

/// The version that a revision of a folder's repository names. Git is asked first: it knows what its names mean now.
pub fn revision(shelf: &Shelf<'_>, folder: &Path, name: &str) -> Result<Revision, HistoryFault> {
    match look(shelf, folder, name)? {
        Found::Version(found) => Ok(found),
        Found::Commit(..) => Err(HistoryFault::NoVersion(name.to_owned())),
    }
}

/// As [`revision()`]; a commit that is no version becomes one. If a version of the store is among the last
/// [`CONTINUED_MAX`] first parents, the commits from there on become versions, as [`index_git`] makes them: ids are
/// handed on. Otherwise it is a version alone, with ids of its own, which no line goes on from.
pub fn revision_indexed(
    shelf: &mut Shelf<'_>,
    folder: &Path,
    name: &str,
    progress: &mut dyn FnMut(HistoryProgress<'_>),
) -> Result<Revision, HistoryFault> {
    let (mut git, repository, commit) = match look(shelf, folder, name)? {
        Found::Version(found) => return Ok(found),
        Found::Commit(git, repository, commit) => (git, repository, commit),
    };
    let found = |version, added| Revision {
        repository,
        version,
        commit: Some(commit.clone()),
        added,
    };
    for before in git.before(&commit, CONTINUED_MAX)? {
        if version_at(shelf, repository, &before)?.is_some() {
            let options = GitOptions {
                range: format!("{before}..{commit}"),
                anew: false,
            };
            let indexed = index_git(shelf, &mut git, &options, &mut NoFacts, progress)?;
            return Ok(found(indexed.newest, indexed.added));
        }
    }
    let about = git.commit(&commit)?;
    let files = Reading::open(&git)?.read(git.files(&commit)?)?;
    let mut facts = NoFacts;
    let mut line = Line::new(shelf, repository, None, &mut facts)?;
    let version = line.add(meta(&about), files, vec![alone_key(repository, &commit)])?;
    Ok(found(version, 1))
}

fn look(shelf: &Shelf<'_>, folder: &Path, name: &str) -> Result<Found, HistoryFault> {
    let known = |repository, version, commit| {
        Found::Version(Revision {
            repository,
            version,
            commit,
            added: 0,
        })
    };
    let git = match Repository::open(folder) {
        Ok(git) => Some(git),
        Err(GitFault::NotInstalled | GitFault::NotARepository { .. } | GitFault::Shallow(_)) => None,
        Err(fault) => return Err(fault.into()),
    };
    if let Some(mut git) = git
        && let Some(commit) = git.revision(name)?
    {
        let repository = git.id(&commit.to_string())?;
        if let Some(version) = version_at(shelf, repository, &commit)? {
            return Ok(known(repository, version, Some(commit)));
        }
        if let Some(version) = head(shelf.records(), &alone_key(repository, &commit))? {
            return Ok(known(repository, version, Some(commit)));
        }
        return Ok(Found::Commit(Box::new(git), repository, commit));
    }
    let (repository, _) = repository_of(folder, &project_name(folder))?;
    let version = resolve(shelf.records(), repository, name)?;
    Ok(known(repository, version, None))
}
