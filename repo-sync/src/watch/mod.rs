//! What changes in a project's folder, as it changes.
//!
//! [`Watch::start`] begins; [`Watch::next`] yields [`Batch`]es. Start watching first and read the project then, so that
//! nothing falls between. Which files count is what reading a project says (`lib`, `apps/*/lib`, tests if wanted).
//!
//! Three parts: [`Scope`] says what a path means, [`Debouncer`] folds changes into batches (both pure: they take the
//! time), a thread owns the system's watches (`eyes`) and moves changes from one to the other.

mod debounce;
mod eyes;
mod poll;
mod run;
mod scope;
#[cfg(test)]
mod tests;

use std::fmt;

pub use debounce::{Debouncer, Limits};
pub use run::{Watch, WatchFault, WatchOptions};
pub use scope::{Meaning, Scope};

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// These sources were made, changed, moved or removed: relative paths with `/`, ascending, each once. What is now
    /// at a path is to be looked at: nothing, a file, or something that does not count (a symbolic link).
    Files(Vec<String>),
    /// The whole project is to be looked at again.
    Everything(Why),
}

/// Why single files are not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A folder came, went or was renamed.
    Folders,
    /// Another branch or commit is checked out (`.git/HEAD` changed).
    Branch,
    /// More files than a batch holds.
    Many,
    /// The system, or a queue here, lost changes.
    Overflow,
    /// Watching went over to looking every second, or back.
    Watching,
}

impl Why {
    /// In words, for answers.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Folders => "folders changed",
            Self::Branch => "another branch or commit is checked out",
            Self::Many => "very many files changed",
            Self::Overflow => "changes came faster than they were read",
            Self::Watching => "how changes are seen has changed",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
