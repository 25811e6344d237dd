//! The folder of an index on disk: what format it has, who writes it, and making it anew.
//!
//! `format` names the format; `lock` is locked by the one process that writes; the engine's files lie in `index/`, and
//! only this folder is ever removed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::fault::SearchFault;

/// The format that this program writes. Another schema, tokenizer or set of rules is another format.
pub(crate) const FORMAT: u32 = 2;
const FORMAT_FILE: &str = "format";
const FORMAT_HEAD: &str = "elixirscope search index ";
const LOCK_FILE: &str = "lock";
const ENGINE_FOLDER: &str = "index";

/// An index's folder.
#[derive(Debug)]
pub(crate) struct Storage {
    dir: PathBuf,
    // Held as long as this process may write.
    lock: Option<File>,
    is_current: bool,
}

impl Storage {
    /// Looks at a folder, which is made if there is none.
    pub(crate) fn open(dir: &Path) -> Result<Self, SearchFault> {
        let io = |fault| SearchFault::Io {
            dir: dir.to_owned(),
            fault,
        };
        fs::create_dir_all(dir).map_err(io)?;
        let format = match fs::read_to_string(dir.join(FORMAT_FILE)) {
            Ok(text) => format_of(&text),
            Err(fault) if fault.kind() == io::ErrorKind::InvalidData => None,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
                if is_foreign(dir).map_err(io)? {
                    return Err(SearchFault::NotAnIndex(dir.to_owned()));
                }
                None
            }
            Err(fault) => return Err(io(fault)),
        };
        if let Some(found) = format.filter(|found| *found > FORMAT) {
            return Err(SearchFault::Newer {
                dir: dir.to_owned(),
                found,
                known: FORMAT,
            });
        }
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join(LOCK_FILE));
        let lock = match lock {
            Ok(file) => match file.try_lock() {
                Ok(()) => Some(file),
                Err(TryLockError::WouldBlock) => None,
                Err(TryLockError::Error(fault)) => return Err(io(fault)),
            },
            // A folder that this process may only read.
            Err(fault) if fault.kind() == io::ErrorKind::PermissionDenied => None,
            Err(fault) if fault.kind() == io::ErrorKind::ReadOnlyFilesystem => None,
            Err(fault) => return Err(io(fault)),
        };
        Ok(Self {
            dir: dir.to_owned(),
            lock,
            is_current: format == Some(FORMAT),
        })
    }

    /// Where the engine's files lie.
    pub(crate) fn engine(&self) -> PathBuf {
        self.dir.join(ENGINE_FOLDER)
    }

    /// The whole folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// May this process write?
    pub(crate) fn is_writer(&self) -> bool {
        self.lock.is_some()
    }

    /// Is what lies there in this program's format?
    pub(crate) fn is_current(&self) -> bool {
        self.is_current
    }

    /// Empties the folder and says whose it is. The format is written last, so that half of it is never taken for whole.
    pub(crate) fn make_anew(&mut self) -> Result<(), SearchFault> {
        if !self.is_writer() {
            return Err(SearchFault::ReadOnly);
        }
        self.emptied().map_err(|fault| SearchFault::Io {
            dir: self.dir.clone(),
            fault,
        })?;
        self.is_current = true;
        Ok(())
    }

    fn emptied(&self) -> io::Result<()> {
        let engine = self.engine();
        match fs::remove_dir_all(&engine) {
            Ok(()) => {}
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
        fs::create_dir_all(&engine)?;
        let half = self.dir.join("format.new");
        fs::write(&half, format!("{FORMAT_HEAD}{FORMAT}\n"))?;
        fs::rename(half, self.dir.join(FORMAT_FILE))
    }
}

/// The format that the text of the format file names; `None` of any other text.
fn format_of(text: &str) -> Option<u32> {
    text.strip_prefix(FORMAT_HEAD)?.trim_end().parse().ok()
}

/// Does the folder hold what no index has?
fn is_foreign(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if ![LOCK_FILE, ENGINE_FOLDER, "format.new"]
            .iter()
            .any(|own| name == *own)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
