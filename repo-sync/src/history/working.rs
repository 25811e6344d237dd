//! A working tree as a version.

use std::path::Path;

use codegraph::VersionId;
use codegraph::identity::RepositoryId;
use codegraph::version::repository_id;

use super::commits::version_at;
use super::heads::{head, working_key};
use super::tree::{file_at, files};
use super::{HistoryFault, Line, Shelf, VersionFacts, VersionMeta};
use crate::git::{Content, GitFault, Repository};
use crate::walk::source_files;

/// What a working tree became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worked {
    /// The repository's id in the store.
    pub repository: RepositoryId,
    /// Its version.
    pub version: VersionId,
    /// How many files differ from the version before; 0: it is that version.
    pub changed: usize,
    /// Files that could not be read.
    pub faults: Vec<crate::FileFault>,
}

/// The project of a folder, as `mix.exs` or else the folder calls it. Repositories without git are told apart by it.
#[must_use]
pub fn project_name(folder: &Path) -> String {
    let mix = crate::index::read(&folder.join("mix.exs")).unwrap_or_default();
    let text = String::from_utf8_lossy(&mix);
    let app = text.split_once("app:").map(|(_, rest)| rest.trim_start());
    let app = app.and_then(|rest| rest.strip_prefix(':')).map(|rest| {
        let end = rest.find(|char: char| !char.is_alphanumeric() && char != '_');
        rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
    });
    if let Some(app) = app.filter(|app| !app.is_empty()) {
        return app.to_owned();
    }
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    full.file_name().map_or_else(
        || "project".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The version that a folder's questions are about, if none is named: that of the commit that is checked out, else the
/// last one of the working tree.
pub fn current(shelf: &Shelf<'_>, folder: &Path) -> Result<(RepositoryId, Option<VersionId>), HistoryFault> {
    let place = folder.canonicalize();
    let place = place.map_err(|fault| HistoryFault::Folder(format!("{}: {fault}", folder.display())))?;
    let (repository, commit) = repository_of(folder, &project_name(folder))?;
    if let Some(commit) = commit
        && let Some(version) = version_at(shelf, repository, &commit)?
    {
        return Ok((repository, Some(version)));
    }
    let key = working_key(repository, &place.to_string_lossy());
    Ok((repository, head(shelf.records(), &key)?))
}

/// Makes what a folder has now a version. It follows the last version of that folder; if there is none, or the folder
/// says what the commit says that is checked out, that commit's version, if that is in the store.
pub fn index_folder(
    shelf: &mut Shelf<'_>,
    folder: &Path,
    facts: &mut dyn VersionFacts,
) -> Result<Worked, HistoryFault> {
    let place = folder.canonicalize();
    let place = place.map_err(|fault| HistoryFault::Folder(format!("{}: {fault}", folder.display())))?;
    let (repository, commit) = repository_of(folder, &project_name(folder))?;
    let key = working_key(repository, &place.to_string_lossy());
    let (contents, faults) = contents(folder)?;
    let last = head(shelf.records(), &key)?;
    let checked_out = match commit {
        Some(commit) => version_at(shelf, repository, &commit)?,
        None => None,
    };
    let mut tip = last.or(checked_out);
    if let Some(commit) = checked_out
        && changes(shelf, commit, &contents, &faults)?.is_empty()
    {
        tip = Some(commit);
    }
    let changed = match tip {
        Some(tip) => changes(shelf, tip, &contents, &faults)?,
        None => contents
            .into_iter()
            .map(|(path, content)| (path, Some(content)))
            .collect(),
    };
    let count = changed.len();
    let mut line = Line::new(shelf, repository, tip, facts)?;
    let version = match tip.filter(|_| changed.is_empty()) {
        Some(same) if last == Some(same) => same,
        Some(same) => {
            let change =
                codegraph::records::Change::Put(codegraph::records::Family::Head, key, same.0.0.to_vec());
            line.shelf.records().write(vec![change])?;
            same
        }
        None => line.add(VersionMeta::default(), changed, vec![key])?,
    };
    Ok(Worked {
        repository,
        version,
        changed: count,
        faults,
    })
}

/// The repository of a folder: that of git around it, with the commit that is checked out; else one by the project's
/// name.
pub fn repository_of(
    folder: &Path,
    project: &str,
) -> Result<(RepositoryId, Option<codegraph::version::CommitId>), HistoryFault> {
    let opened = Repository::open(folder);
    match opened {
        Ok(mut git) => match git.head()? {
            Some(commit) => Ok((git.id(&commit.to_string())?, Some(commit))),
            None => Ok((repository_id(project.as_bytes(), ""), None)),
        },
        Err(GitFault::NotInstalled | GitFault::NotARepository { .. } | GitFault::Shallow(_)) => {
            Ok((repository_id(project.as_bytes(), ""), None))
        }
        Err(fault) => Err(fault.into()),
    }
}

type Contents = Vec<(String, Content)>;

fn contents(folder: &Path) -> Result<(Contents, Vec<crate::FileFault>), HistoryFault> {
    let found = source_files(folder, true);
    let (files, mut faults) =
        found.map_err(|fault| HistoryFault::Folder(format!("{}: {fault}", folder.display())))?;
    let mut contents = Vec::with_capacity(files.len());
    for file in files {
        match crate::index::read(&file.path) {
            Ok(bytes) => contents.push((file.relative, Content::of(bytes))),
            Err(kind) => faults.push(crate::FileFault {
                path: file.relative,
                kind,
            }),
        }
    }
    Ok((contents, faults))
}

/// The files that differ from a version, sorted by path.
fn changes(
    shelf: &mut Shelf<'_>,
    version: VersionId,
    contents: &Contents,
    faults: &[crate::FileFault],
) -> Result<Vec<(String, Option<Content>)>, HistoryFault> {
    let root = shelf.version(version)?.root;
    let mut changed = Vec::new();
    for (path, content) in contents {
        let was = file_at(shelf, root, path)?;
        if was.map(|was| was.source) != Some(content.hash) {
            changed.push((path.clone(), Some(content.clone())));
        }
    }
    for (path, _) in files(shelf, root)? {
        // What is there and cannot be read now stays as it was.
        let unread = faults.iter().any(|fault| fault.path == path);
        if !unread && contents.binary_search_by(|(known, _)| known.cmp(&path)).is_err() {
            changed.push((path, None));
        }
    }
    changed.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(changed)
}
