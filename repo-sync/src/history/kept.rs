//! The ids that a project's files have in the store: of the version that the project is, or of the one that it is nearest
//! to.

use std::collections::BTreeMap;
use std::sync::Arc;

use codegraph::VersionId;
use codegraph::identity::Identities;
use codegraph::version::{RecordId, VersionRecord};

use super::heads::{head, working_key};
use super::working::{project_name, repository_of};
use super::{HistoryFault, Shelf, commits, files};
use crate::project::CodeProject;
use crate::walk::is_source;

/// Ids of a project's files.
#[derive(Clone, Debug)]
pub struct KeptIds {
    /// The version that they are of.
    pub version: VersionId,
    /// What it says of itself.
    pub record: VersionRecord,
    /// Whether the project is that version: each file says what it says there, and none is missing.
    pub is_exact: bool,
    // By path, of files that say the same.
    files: BTreeMap<String, RecordId>,
}

impl KeptIds {
    /// The ids of a project: of its version, if it is read from one; else of what was indexed last of its folder, or of
    /// the commit that is checked out, whichever has more of its files as they are. `None` if no version has any.
    pub fn of(shelf: &mut Shelf<'_>, project: &CodeProject) -> Result<Option<Self>, HistoryFault> {
        let mut best: Option<Self> = None;
        for version in candidates(shelf, project)? {
            let found = Self::in_version(shelf, project, version)?;
            if best.as_ref().is_none_or(|best| found.rank() > best.rank()) {
                best = Some(found);
            }
        }
        Ok(best.filter(|best| best.is_exact || !best.files.is_empty()))
    }

    fn rank(&self) -> (bool, usize) {
        (self.is_exact, self.files.len())
    }

    fn in_version(
        shelf: &mut Shelf<'_>,
        project: &CodeProject,
        version: VersionId,
    ) -> Result<Self, HistoryFault> {
        let record = shelf.version(version)?;
        let mut there: BTreeMap<String, _> = files(shelf, record.root)?.into_iter().collect();
        let mut same = BTreeMap::new();
        let mut is_exact = true;
        for file in project.files() {
            let known = there.remove(&file.path);
            is_exact &= known.is_some_and(|known| known.source == file.source);
            if let Some((source, ids)) = known.and_then(|known| known.readable())
                && source == file.source
            {
                same.insert(file.path.clone(), ids);
            }
        }
        // What the project could not read is no file of it.
        let is_fault = |path: &str| project.faults().iter().any(|fault| fault.path == path);
        let missing = there
            .keys()
            .any(|path| is_source(path, project.with_tests()) && !is_fault(path));
        Ok(Self {
            version,
            record,
            is_exact: is_exact && !missing,
            files: same,
        })
    }

    /// How many of the project's files have ids.
    #[must_use]
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// The ids of a file, if it says what it says in the version.
    pub fn file(&self, shelf: &mut Shelf<'_>, path: &str) -> Result<Option<Arc<Identities>>, HistoryFault> {
        let ids = self.files.get(path);
        ids.map(|ids| shelf.ids(*ids)).transpose()
    }
}

/// Versions that a project may be.
fn candidates(shelf: &Shelf<'_>, project: &CodeProject) -> Result<Vec<VersionId>, HistoryFault> {
    if let Some(version) = project.version() {
        return Ok(vec![version]);
    }
    let folder = project.root();
    let place = folder.canonicalize();
    let place = place.map_err(|fault| HistoryFault::Folder(format!("{}: {fault}", folder.display())))?;
    let (repository, commit) = repository_of(folder, &project_name(folder))?;
    let committed = match commit {
        Some(commit) => commits::version_at(shelf, repository, &commit)?,
        None => None,
    };
    let worked = head(
        shelf.records(),
        &working_key(repository, &place.to_string_lossy()),
    )?;
    Ok(committed.into_iter().chain(worked).collect())
}
