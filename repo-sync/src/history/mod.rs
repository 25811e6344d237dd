//! Versions of a project in the code store: each commit's files with the ids of what is in them, handed on from version
//! to version, so that a function's past is found through renames and moves. `docs/code-graph/history.md` has the rules.
//!
//! Writing: [`index_git`] for commits, [`index_folder`] for a working tree. Asking: [`resolve`] for what a version is
//! called, [`past()`] for what became of a function, [`compare()`] for what differs. All of them read the store through a
//! [`Shelf`]; git is needed only to write.

mod cache;
mod commits;
mod compare;
mod fault;
mod heads;
mod kept;
mod line;
mod names;
mod past;
mod restore;
mod revision;
mod shelf;
mod step;
mod stored;
mod tree;
mod working;

pub use commits::{GitOptions, HistoryProgress, Indexed, index_git};
pub use compare::{Comparison, Difference, compare};
pub use fault::HistoryFault;
pub use heads::{alone_key, branch_key, commit_key, resolve, tag_key, working_key};
pub use kept::KeptIds;
pub use line::{Line, NoFacts, VersionFacts, VersionMeta};
pub use names::{Named, find_function};
pub use past::{Moment, What, past};
pub use revision::{CONTINUED_MAX, Revision, revision, revision_indexed};
pub use shelf::{Parsed, Shelf};
pub(crate) use stored::source_bytes;
pub use tree::{TreeChange, differences, file_at, files};
pub use working::{Worked, current, index_folder, project_name, repository_of};
