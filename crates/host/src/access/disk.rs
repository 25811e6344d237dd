//! The file of tokens: read with its mode checked, written whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::tokens::{Tokens, TokensError};

/// Bytes of the file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Bits of the mode that it must not have: others may not even read it, the group may not write. (Kubernetes mounts a Secret for a group as
/// 0440; it holds hashes, so reading it opens no door, writing it does.)
const MODE_REFUSED: u32 = 0o037;

/// A file of tokens that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It cannot be read or written.
    #[error("token file {path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may write it, or read it.
    #[error("token file {path} has mode {mode:04o}: others may get at it; run `chmod 600 {path}`", path = path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is too large.
    #[error("token file {path} has more than {FILE_BYTES_MAX} bytes", path = path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// Its content is wrong.
    #[error("token file {path}: {source}", path = path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Why.
        source: TokensError,
    },
}

/// Which state of a file was read: changes with each of its writes and replacements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    mode: u32,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            mode: metadata.mode(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Of the file as it is now.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&std::fs::metadata(path)?))
    }
}

/// Reads a file.
pub fn load(path: &Path) -> Result<Tokens, TokenFileError> {
    load_stamped(path).map(|(tokens, _)| tokens)
}

pub(super) fn load_stamped(path: &Path) -> Result<(Tokens, Stamp), TokenFileError> {
    let failed = |source| TokenFileError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    // Of the file that is open, not of the path: what is checked is what is read.
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.mode() & 0o7777;
    if mode & MODE_REFUSED != 0 {
        return Err(TokenFileError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = String::new();
    let read = (&mut file).take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    if read.map_err(failed)? as u64 > FILE_BYTES_MAX {
        return Err(TokenFileError::TooLarge {
            path: path.to_owned(),
        });
    }
    let tokens = Tokens::parse(&text).map_err(|source| TokenFileError::Content {
        path: path.to_owned(),
        source,
    })?;
    Ok((tokens, Stamp::of(&metadata)))
}

/// Writes a file, mode 0600: a new one beside it, on disk, then put in its place. Makes the folder (0700) if there is none.
pub fn save(path: &Path, tokens: &Tokens) -> Result<(), TokenFileError> {
    let failed = |source| TokenFileError::Io {
        path: path.to_owned(),
        source,
    };
    let text = tokens.text().map_err(|source| TokenFileError::Content {
        path: path.to_owned(),
        source,
    })?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = folder.join(name);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|source| {
        let _ = std::fs::remove_file(&beside);
        failed(source)
    })
}
