//! Why a version cannot be written or read.

use codegraph::records::RecordsFault;

use crate::SourceFault;
use crate::git::GitFault;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryFault {
    /// The database.
    #[error(transparent)]
    Records(#[from] RecordsFault),
    /// The repository.
    #[error(transparent)]
    Git(#[from] GitFault),
    /// The parser.
    #[error(transparent)]
    Parser(#[from] SourceFault),
    /// Another process has the store open.
    #[error("the code store is open for writing elsewhere; versions cannot be added now")]
    ReadOnly,
    /// A record that others lead to is missing or damaged.
    #[error("the code store has no sound record of {0}; index the history anew")]
    Damaged(String),
    /// No version is called so.
    #[error(
        "no version is called '{0}' (expected a branch, a tag, or the beginning of a commit's or version's id); \
         index it first: elixirscope code index --git {0}"
    )]
    NoVersion(String),
    /// Several are.
    #[error("'{asked}' may be {}; write more of it", found.join(" or "))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// Some of those that it may be.
        found: Vec<String>,
    },
    /// No function is called so.
    #[error("'{0}' is no function's name: expected Shop.Stock.take/2 or Shop.Stock.take")]
    Name(String),
    /// This version has no such function.
    #[error("{name} is not in version {version}")]
    NoFunction {
        /// What was asked for.
        name: String,
        /// The version.
        version: String,
    },
    /// Nothing to index.
    #[error("'{0}' has no commits")]
    NoCommits(String),
    /// The folder cannot be read.
    #[error("{0}")]
    Folder(String),
}
