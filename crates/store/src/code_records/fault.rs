//! What can be wrong with a code store, in words for whoever asked about code.

use std::path::{Path, PathBuf};

use codegraph::records::RecordsFault;

/// Why a folder could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeStoreError {
    /// Another process has it open, and it cannot be read beside it.
    #[error("{path} is in use by another process and cannot be read beside it: {reason}")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
    /// It holds something that is not ours. Nothing was changed.
    #[error("{path} is not a code store: it holds {found}; choose an empty folder")]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What was found there.
        found: String,
    },
    /// It was written by a later version of this program.
    #[error(
        "{path} has format {found} of the code store, this program reads formats up to {known}: use the later version, or another folder"
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest that this program knows.
        known: u32,
    },
    /// It fails the database's own checks, or its format is not readable.
    #[error(
        "{path} is damaged: {reason}; move it away: it is made again from the sources, except ids of renamed code"
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// No space.
    #[error("{path} cannot be opened: the disk is full: {reason}")]
    DiskFull {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// It cannot be written, and there is nothing in it to read.
    #[error("{path} cannot be written: {reason}")]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The operating system refused.
    #[error("{path} cannot be opened: {reason}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl From<CodeStoreError> for RecordsFault {
    fn from(error: CodeStoreError) -> Self {
        Self(error.to_string())
    }
}

/// What kind of failure RocksDB's words tell of. It has no codes for these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Locked,
    Full,
    NotWritable,
    MissingFamily,
    UnknownFamily,
    Damaged,
    Io,
}

pub(super) fn cause(error: &rocksdb::Error) -> Cause {
    let text = error.as_ref().to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["lock file", "lock hold by", "lock held by"]) {
        Cause::Locked
    } else if has(&["no space left", "disk quota exceeded"]) {
        Cause::Full
    } else if has(&["read-only file system", "permission denied"]) {
        Cause::NotWritable
    } else if has(&["column family not found"]) {
        Cause::MissingFamily
    } else if has(&["column families not opened"]) {
        Cause::UnknownFamily
    } else if error.kind() == rocksdb::ErrorKind::IOError {
        Cause::Io
    } else {
        Cause::Damaged
    }
}

/// An error of opening.
pub(super) fn opening(path: &Path, error: &rocksdb::Error) -> CodeStoreError {
    let (path, reason) = (path.to_path_buf(), error.as_ref().to_owned());
    match cause(error) {
        Cause::Locked => CodeStoreError::InUse { path, reason },
        Cause::Full => CodeStoreError::DiskFull { path, reason },
        Cause::NotWritable => CodeStoreError::NotWritable { path, reason },
        Cause::Io => CodeStoreError::Io { path, reason },
        _ => CodeStoreError::Damaged { path, reason },
    }
}

/// An error of the operating system at opening.
pub(super) fn system(path: &Path, error: &std::io::Error) -> CodeStoreError {
    use std::io::ErrorKind;
    let (path, reason) = (path.to_path_buf(), error.to_string());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => CodeStoreError::DiskFull { path, reason },
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            CodeStoreError::NotWritable { path, reason }
        }
        _ => CodeStoreError::Io { path, reason },
    }
}

/// An error of reading or writing.
pub(super) fn words(error: &rocksdb::Error) -> RecordsFault {
    let text = error.as_ref();
    RecordsFault(match cause(error) {
        Cause::Full => format!("disk full: {text}"),
        Cause::NotWritable => format!("not writable: {text}"),
        Cause::Damaged => format!("damaged: {text}"),
        _ => text.to_owned(),
    })
}
