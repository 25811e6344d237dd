//! Reading a git repository through the `git` program: which commits there are, which Elixir files each changed, and
//! what these say. Nothing is written, and nothing that the repository or its settings name is executed: no hook, pager,
//! external diff, text conversion, filter, signature check, file system monitor or transport.
//!
//! Read [`Repository::open`] first, then [`Repository::commits`], [`Repository::changes`] and [`Contents`].

mod commits;
mod contents;
mod fault;
mod paths;
mod program;
mod refs;
mod trees;

use std::path::{Path, PathBuf};

use codegraph::identity::RepositoryId;
use codegraph::version::repository_id;
pub use commits::{COMMITS_MAX, Commit};
pub use contents::{Content, Contents};
pub use fault::GitFault;
pub use refs::{Ref, RefKind};
pub use trees::{BlobId, Changes, FileChange};

/// A project in a git repository.
#[derive(Clone, Debug)]
pub struct Repository {
    folder: PathBuf,
    prefix: String,
    beginning: String,
}

impl Repository {
    /// The repository around a folder, with its whole history.
    pub fn open(folder: &Path) -> Result<Self, GitFault> {
        if !folder.is_dir() {
            return Err(GitFault::Folder(folder.to_owned()));
        }
        let mut repository = Self {
            folder: folder.to_owned(),
            prefix: String::new(),
            beginning: String::new(),
        };
        let place = repository.text(&["rev-parse", "--is-shallow-repository", "--show-prefix"])?;
        let mut lines = place.lines();
        if lines.next() == Some("true") {
            return Err(GitFault::Shallow(folder.to_owned()));
        }
        lines
            .next()
            .unwrap_or_default()
            .clone_into(&mut repository.prefix);
        Ok(repository)
    }

    /// The project's folder in the repository: empty, or ends with `/`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The repository's id: the first commit that leads to this one, and the project's folder, so that all clones have
    /// the same.
    pub fn id(&mut self, revision: &str) -> Result<RepositoryId, GitFault> {
        if self.beginning.is_empty() {
            self.beginning = self.first_commit(revision)?;
        }
        Ok(repository_id(self.beginning.as_bytes(), &self.prefix))
    }
}
