//! Why a repository cannot be read.

use std::path::PathBuf;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitFault {
    /// There is no such program.
    #[error("git is not installed, or not on the PATH; history is read through it")]
    NotInstalled,
    /// There is no such folder.
    #[error("{}: no such folder", .0.display())]
    Folder(PathBuf),
    /// No repository is around the folder.
    #[error("{}: not a git repository, nor inside of one: {message}", folder.display())]
    NotARepository {
        /// The folder.
        folder: PathBuf,
        /// What git says.
        message: String,
    },
    /// The history is cut off, so that ids would not be those of other machines.
    #[error(
        "{}: a shallow clone: its history is cut off, and ids would differ from those of other machines; \
         run git fetch --unshallow",
        .0.display()
    )]
    Shallow(PathBuf),
    /// No commits by that name.
    #[error(
        "'{range}' names no commits (expected a branch, tag, commit, or two of them: v1.0..main): {message}"
    )]
    Range {
        /// What was asked for.
        range: String,
        /// What git says.
        message: String,
    },
    /// More commits than are read at once.
    #[error("'{range}' has more than {max} commits; name a shorter range")]
    TooMany {
        /// What was asked for.
        range: String,
        /// The limit.
        max: usize,
    },
    /// An object is missing: the repository is damaged, or a partial clone.
    #[error("object {0} is missing: the repository is damaged, or a partial clone; run git fetch --refetch")]
    Missing(String),
    /// The program failed.
    #[error("git {command}: {message}")]
    Failed {
        /// Which command.
        command: String,
        /// What it says.
        message: String,
    },
    /// The program says what this one does not understand.
    #[error("git {command} answered what was not expected: {answer}")]
    Answer {
        /// Which command.
        command: &'static str,
        /// The beginning of what it said.
        answer: String,
    },
}

impl GitFault {
    pub(super) fn answer(command: &'static str, answer: &[u8]) -> Self {
        let start = answer.get(..200).unwrap_or(answer);
        Self::Answer {
            command,
            answer: String::from_utf8_lossy(start).into_owned(),
        }
    }

    pub(super) fn io(command: &str, fault: &std::io::Error) -> Self {
        if fault.kind() == std::io::ErrorKind::NotFound {
            return Self::NotInstalled;
        }
        Self::Failed {
            command: command.to_owned(),
            message: fault.to_string(),
        }
    }
}
