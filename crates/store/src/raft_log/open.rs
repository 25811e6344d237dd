//! Opens a RocksDB folder that belongs to the coordinator, and says clearly why it cannot.
//!
//! A folder is ours when it is empty, or holds a RocksDB with our column families and our format marker. Anything
//! else is refused before a byte of it is changed: a wrong `data_dir` must not mix two programs' files.

use std::path::{Path, PathBuf};

use rocksdb::{DB, DBRecoveryMode, ErrorKind, IteratorMode, Options, WriteOptions};

/// Key of the format marker, in the default column family.
const MARKER: &[u8] = b"format";

/// Why a folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or another part of this one) has it open.
    #[error("{path} is in use by another process: stop it, or choose another data folder")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// It holds something that we did not write.
    #[error("{path} is not a data folder of this program: it holds {found}; choose an empty folder")]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What was found there.
        found: String,
    },
    /// It was written in another format.
    #[error("{path} has format {got:?}; this program reads {expected:?}")]
    Format {
        /// The folder.
        path: PathBuf,
        /// The format that this program reads and writes.
        expected: String,
        /// The format that was found.
        got: String,
    },
    /// Its content fails RocksDB's own checks.
    #[error(
        "{path} is damaged: {reason}; restore it from a backup, or move it away and join as a new member"
    )]
    Corrupt {
        /// The folder.
        path: PathBuf,
        /// RocksDB's words.
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

/// What a database is: its marker, its column families, its options.
pub(crate) struct Shape {
    /// Written once, checked at each open.
    pub(crate) marker: &'static str,
    /// Column families besides `default`.
    pub(crate) families: &'static [&'static str],
    /// Options for all of them.
    pub(crate) options: Options,
}

/// Options that every database of the coordinator shares.
///
/// WAL recovery tolerates a torn tail (never acknowledged) and reports every other damage: RocksDB's default,
/// point-in-time recovery, would drop synced records silently after a bad one.
pub(crate) fn base_options(write_buffer_bytes: usize) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_paranoid_checks(true);
    options.set_write_buffer_size(write_buffer_bytes);
    options.set_max_write_buffer_number(2);
    options.set_max_total_wal_size(4 * write_buffer_bytes as u64);
    options.set_max_open_files(128);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(1 << 20);
    options.set_log_level(rocksdb::LogLevel::Warn);
    options.set_max_background_jobs(2);
    options
}

/// Write options whose return means: in the WAL, fsynced.
pub(crate) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

/// Opens or creates the database in `dir`.
pub(crate) fn open(dir: &Path, shape: &Shape) -> Result<DB, OpenError> {
    std::fs::create_dir_all(dir).map_err(|e| io(dir, &e))?;
    refuse_foreign(dir, shape)?;
    let mut families = vec!["default"];
    families.extend(shape.families);
    let families = families.into_iter().map(|name| (name, shape.options.clone()));
    let db = DB::open_cf_with_opts(&shape.options, dir, families).map_err(|e| classify(dir, &e))?;
    match db.get(MARKER).map_err(|e| classify(dir, &e))? {
        Some(got) if got == shape.marker.as_bytes() => {}
        Some(got) => {
            return Err(OpenError::Format {
                path: dir.to_path_buf(),
                expected: shape.marker.to_owned(),
                got: String::from_utf8_lossy(&got).into_owned(),
            });
        }
        None if is_empty(&db, shape, dir)? => {
            db.put_opt(MARKER, shape.marker, &synced())
                .map_err(|e| classify(dir, &e))?;
        }
        None => return Err(foreign(dir, "a RocksDB database without our format marker")),
    }
    Ok(db)
}

/// Refuses, without writing, a folder whose files are not those of our RocksDB.
fn refuse_foreign(dir: &Path, shape: &Shape) -> Result<(), OpenError> {
    if !dir.join("CURRENT").exists() {
        for entry in std::fs::read_dir(dir).map_err(|e| io(dir, &e))? {
            let name = entry.map_err(|e| io(dir, &e))?.file_name();
            let name = name.to_string_lossy();
            // What RocksDB itself leaves behind when it dies while it creates a database.
            let own = ["LOCK", "LOG", "IDENTITY", "MANIFEST-", "OPTIONS-"]
                .iter()
                .any(|p| name.starts_with(p));
            if !own && !name.ends_with(".dbtmp") && !name.ends_with(".log") {
                return Err(foreign(dir, &format!("{name:?}")));
            }
        }
        return Ok(());
    }
    let found = DB::list_cf(&shape.options, dir).map_err(|e| classify(dir, &e))?;
    match found
        .iter()
        .find(|name| *name != "default" && !shape.families.contains(&name.as_str()))
    {
        Some(name) => Err(foreign(
            dir,
            &format!("a RocksDB database with a column family {name:?}"),
        )),
        None if found.len() == 1 && !shape.families.is_empty() => refuse_foreign_default(dir),
        None => Ok(()),
    }
}

/// A database with `default` alone: ours only if its creation was interrupted, that is, if it is empty.
fn refuse_foreign_default(dir: &Path) -> Result<(), OpenError> {
    let db = DB::open_for_read_only(&Options::default(), dir, false).map_err(|e| classify(dir, &e))?;
    match db.iterator(IteratorMode::Start).next() {
        None => Ok(()),
        Some(_) => Err(foreign(dir, "another program's RocksDB database")),
    }
}

fn is_empty(db: &DB, shape: &Shape, dir: &Path) -> Result<bool, OpenError> {
    for name in std::iter::once(&"default").chain(shape.families) {
        let Some(family) = db.cf_handle(name) else {
            continue;
        };
        if let Some(first) = db.iterator_cf(family, IteratorMode::Start).next() {
            first.map_err(|e| classify(dir, &e))?;
            return Ok(false);
        }
    }
    Ok(true)
}

fn foreign(dir: &Path, found: &str) -> OpenError {
    OpenError::Foreign {
        path: dir.to_path_buf(),
        found: found.to_owned(),
    }
}

fn io(dir: &Path, error: &std::io::Error) -> OpenError {
    OpenError::Io {
        path: dir.to_path_buf(),
        reason: error.to_string(),
    }
}

fn classify(dir: &Path, error: &rocksdb::Error) -> OpenError {
    let path = dir.to_path_buf();
    let reason = error.to_string();
    match error.kind() {
        ErrorKind::IOError if reason.contains("LOCK") => OpenError::Locked { path },
        ErrorKind::Corruption => OpenError::Corrupt { path, reason },
        _ => OpenError::Io { path, reason },
    }
}
