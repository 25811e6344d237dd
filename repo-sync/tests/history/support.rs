//! A git repository in a temporary folder, and the store of its versions.

use std::fs;
use std::path::Path;
use std::process::Command;

use codegraph::VersionId;
use codegraph::identity::{EntityId, RepositoryId};
use codegraph::records::{Memory, Records};
use repo_sync::git::Repository;
use repo_sync::history::{
    Comparison, GitOptions, HistoryFault, Indexed, Moment, Named, NoFacts, Shelf, compare, find_function,
    index_git, past, resolve,
};
use tempfile::TempDir;

/// A repository that tests write commits into.
pub(crate) struct Git {
    folder: TempDir,
    commits: i64,
}

impl Git {
    pub(crate) fn new() -> Self {
        let git = Self {
            folder: tempfile::tempdir().unwrap(),
            commits: 0,
        };
        git.run(&["init", "-q", "-b", "main"]);
        git
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs git, alike everywhere.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let time = format!("{} +0000", 1_700_000_000 + self.commits * 60);
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(["-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"])
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.org")
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.org")
            .env("GIT_AUTHOR_DATE", &time)
            .env("GIT_COMMITTER_DATE", &time)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path().join(path)).unwrap();
    }

    /// Commits all that is in the folder; the commit's id.
    pub(crate) fn commit(&mut self, message: &str) -> String {
        self.commits += 1;
        self.run(&["add", "-A"]);
        self.run(&["commit", "-q", "--allow-empty", "-m", message]);
        self.run(&["rev-parse", "HEAD"])
    }

    /// Writes one file and commits.
    pub(crate) fn save(&mut self, path: &str, text: &str) -> String {
        self.write(path, text);
        self.commit(&format!("change {path}"))
    }
}

/// Indexes a range into a store.
pub(crate) fn index(records: &dyn Records, git: &Git, range: &str) -> Result<Indexed, HistoryFault> {
    let mut shelf = Shelf::new(records)?;
    let mut repository = Repository::open(git.path())?;
    let options = GitOptions {
        range: range.to_owned(),
        anew: false,
    };
    index_git(&mut shelf, &mut repository, &options, &mut NoFacts, &mut |_| {})
}

/// A store with the main branch, and questions to it.
pub(crate) struct Store {
    pub(crate) records: Memory,
    pub(crate) repository: RepositoryId,
}

impl Store {
    pub(crate) fn of(git: &Git) -> Self {
        let records = Memory::default();
        let repository = index(&records, git, "main").unwrap().repository;
        Self { records, repository }
    }

    pub(crate) fn shelf(&self) -> Shelf<'_> {
        Shelf::new(&self.records).unwrap()
    }

    pub(crate) fn version(&self, name: &str) -> VersionId {
        resolve(&self.records, self.repository, name).unwrap()
    }

    /// The one thing that is called so.
    pub(crate) fn named(&self, version: &str, name: &str) -> Named {
        let found = find_function(&mut self.shelf(), self.version(version), name).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }

    pub(crate) fn id(&self, version: &str, name: &str) -> EntityId {
        self.named(version, name).entity
    }

    pub(crate) fn past(&self, name: &str) -> Vec<Moment> {
        let entity = self.named("main", name);
        past(&mut self.shelf(), self.version("main"), &entity).unwrap()
    }

    pub(crate) fn compare(&self, old: &str, new: &str) -> Comparison {
        compare(&mut self.shelf(), self.version(old), self.version(new)).unwrap()
    }
}

/// A module with functions whose bodies are long enough to be known again.
pub(crate) fn module(name: &str, functions: &[&str]) -> String {
    format!("defmodule {name} do\n{}end\n", functions.join("\n"))
}

pub(crate) const TAKE: &str = "  def take(stock, count) do
    left = Map.fetch!(stock, :left) - count
    if left < 0, do: {:error, :out_of_stock}, else: {:ok, Map.put(stock, :left, left)}
  end
";

pub(crate) const SHOW: &str = "  def show(stock) do
    name = String.upcase(stock.name)
    IO.puts(\"stock of \" <> name)
    Enum.each(stock.items, fn item -> IO.inspect(item, label: name) end)
  end
";
