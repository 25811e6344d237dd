//! The producer's identity and its epoch, in one small checked file; and the lock on the data folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use event::{Epoch, Producer};

/// Added to the greatest epoch found in the spool where the file itself is lost, so that no epoch is used twice.
const EPOCHS_SKIPPED: u64 = 1 << 20;
const FILE: &str = "producer";

/// The data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another agent has it.
    #[error("data folder {} is used by another agent", .0.display())]
    InUse(PathBuf),
    /// It cannot be read or written.
    #[error("data folder {path}: {source}", path = path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DataDirError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// Makes the folder and locks it for this process, until the file is dropped.
pub(crate) fn lock(dir: &Path) -> Result<File, DataDirError> {
    fs::create_dir_all(dir).map_err(DataDirError::at(dir))?;
    let path = dir.join(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(DataDirError::at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(DataDirError::Io { path, source }),
    }
}

/// The identity for this life: that of the file with the next epoch; else, of what the spool holds; else a new one.
pub(crate) fn begin_epoch(
    dir: &Path,
    in_spool: Option<(Producer, Epoch)>,
) -> Result<(Producer, Epoch), DataDirError> {
    let path = dir.join(FILE);
    let last = fs::read_to_string(&path).ok().and_then(|text| parse(&text));
    if last.is_none() && path.exists() {
        tracing::error!(path = %path.display(), "producer file is damaged; a new one is made");
    }
    let (producer, epoch) = match (last, in_spool) {
        (Some((producer, epoch)), found) => {
            let found = found.filter(|(p, _)| *p == producer).map_or(0, |(_, e)| e.0);
            (producer, Epoch(epoch.0.max(found) + 1))
        }
        (None, Some((producer, epoch))) => (producer, Epoch(epoch.0 + EPOCHS_SKIPPED)),
        (None, None) => (Producer(rand::random::<u128>() | 1), Epoch(1)),
    };
    write(dir, &path, format(producer, epoch).as_bytes()).map_err(DataDirError::at(&path))?;
    Ok((producer, epoch))
}

fn format(producer: Producer, epoch: Epoch) -> String {
    let content = format!("1 {producer} {epoch}");
    format!("{content} {:08x}\n", crc32fast::hash(content.as_bytes()))
}

fn parse(text: &str) -> Option<(Producer, Epoch)> {
    let (content, crc) = text.trim_end().rsplit_once(' ')?;
    if u32::from_str_radix(crc, 16).ok()? != crc32fast::hash(content.as_bytes()) {
        return None;
    }
    let mut words = content.split(' ');
    match (words.next()?, words.next()?, words.next()?) {
        ("1", producer, epoch) => Some((producer.parse().ok()?, Epoch(epoch.parse().ok()?))),
        _ => None,
    }
}

/// Whole or not at all, and on disk when this returns.
pub(crate) fn write(dir: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: epochs increase over lives; a damaged file never stops the start nor uses an epoch again.
    #[test]
    fn epochs() {
        let dir = tempfile::tempdir().unwrap();
        let (producer, first) = begin_epoch(dir.path(), None).unwrap();
        assert_eq!(
            begin_epoch(dir.path(), None).unwrap(),
            (producer, Epoch(first.0 + 1))
        );
        fs::write(dir.path().join(FILE), "1 00 5 00000000").unwrap();
        let (same, epoch) = begin_epoch(dir.path(), Some((producer, Epoch(2)))).unwrap();
        assert!(same == producer && epoch.0 > 2);
        fs::write(dir.path().join(FILE), [0xff; 20]).unwrap();
        assert_ne!(begin_epoch(dir.path(), None).unwrap().0, producer);
    }

    /// Guarantee: two agents never share a folder.
    #[test]
    fn one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        assert!(matches!(lock(dir.path()), Err(DataDirError::InUse(_))));
        drop(held);
        lock(dir.path()).unwrap();
    }
}
