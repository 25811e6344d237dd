//! Opens the folder of a code store: makes it, checks its format, and falls back to reading where another process
//! writes. What is not ours is refused before a byte of it is changed.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rocksdb::{DB, IteratorMode, Options};

use super::fault::{Cause, CodeStoreError, cause, opening, system};
use super::{CODE_FORMAT, settings};
use crate::raft_log::synced;

/// Key of the format, in the column family `default`.
const MARKER_KEY: &[u8] = b"format";
/// What the format begins with; its number follows.
const MARKER: &str = "elixirscope code ";
/// How often a folder is tried that another process is just making or tidying up.
const TRIES: u32 = 40;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// An open database.
pub(super) struct Opened {
    pub(super) db: DB,
    /// Why it is for reading only.
    pub(super) read_only: Option<String>,
}

/// What a database says of itself.
enum Marked {
    Ours,
    Empty,
}

/// Opens or creates.
pub(super) fn open(dir: &Path) -> Result<Opened, CodeStoreError> {
    let why = match open_for_writing(dir) {
        Ok(db) => {
            return Ok(Opened { db, read_only: None });
        }
        Err(CodeStoreError::InUse { .. }) => format!("{} is in use by another process", dir.display()),
        Err(CodeStoreError::NotWritable { reason, .. }) if is_database(dir) => {
            format!("{} cannot be written: {reason}", dir.display())
        }
        Err(error) => return Err(error),
    };
    let mut tries = 1;
    loop {
        match open_for_reading(dir) {
            Ok(db) => {
                return Ok(Opened {
                    db,
                    read_only: Some(why),
                });
            }
            Err(Unreadable::Final(error)) => return Err(error),
            Err(Unreadable::Now(reason)) if tries == TRIES => {
                return Err(CodeStoreError::InUse {
                    path: dir.to_path_buf(),
                    reason,
                });
            }
            Err(Unreadable::Now(_)) => {}
        }
        tries += 1;
        thread::sleep(BETWEEN_TRIES);
    }
}

fn is_database(dir: &Path) -> bool {
    dir.join("CURRENT").exists()
}

fn open_for_writing(dir: &Path) -> Result<DB, CodeStoreError> {
    let mut options = settings::database();
    if !is_database(dir) {
        refuse_foreign_files(dir)?;
        std::fs::create_dir_all(dir).map_err(|e| system(dir, &e))?;
        options.create_if_missing(true);
        options.create_missing_column_families(true);
    }
    let db = match DB::open_cf_descriptors(&options, dir, settings::columns()) {
        Ok(db) => db,
        Err(error) => match cause(&error) {
            Cause::UnknownFamily => return Err(other_families(dir)),
            Cause::MissingFamily => {
                refuse_foreign_database(dir)?;
                // Ours: its making was interrupted.
                options.create_missing_column_families(true);
                DB::open_cf_descriptors(&options, dir, settings::columns()).map_err(|e| opening(dir, &e))?
            }
            _ => return Err(opening(dir, &error)),
        },
    };
    if let Marked::Empty = marker(dir, &db)? {
        db.put_opt(MARKER_KEY, format!("{MARKER}{CODE_FORMAT}"), &synced())
            .map_err(|e| opening(dir, &e))?;
    }
    Ok(db)
}

enum Unreadable {
    /// Another process is just making it, or tidying up.
    Now(String),
    Final(CodeStoreError),
}

/// Opens beside another process. What that one deletes meanwhile could be missing on both sides: a log that was merged
/// into a table after the list of tables was read and before the log was. So the logs of before must be there after.
fn open_for_reading(dir: &Path) -> Result<DB, Unreadable> {
    let now = |reason: String| Unreadable::Now(reason);
    if !is_database(dir) {
        return Err(now("it is just being made".to_owned()));
    }
    let before = logs(dir).map_err(|e| now(e.to_string()))?;
    let options = settings::database();
    let db =
        DB::open_cf_descriptors_read_only(&options, dir, settings::columns(), false).map_err(
            |e| match cause(&e) {
                Cause::UnknownFamily => Unreadable::Final(other_families(dir)),
                _ => now(e.into_string()),
            },
        )?;
    let after = logs(dir).map_err(|e| now(e.to_string()))?;
    if !before.is_subset(&after) {
        return Err(now("it is just being written".to_owned()));
    }
    match marker(dir, &db).map_err(Unreadable::Final)? {
        Marked::Ours => Ok(db),
        Marked::Empty => Err(now("it is just being made".to_owned())),
    }
}

fn logs(dir: &Path) -> std::io::Result<BTreeSet<std::ffi::OsString>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        if Path::new(&name).extension().is_some_and(|end| end == "log") {
            found.insert(name);
        }
    }
    Ok(found)
}

/// Reads the format; refuses a later one, what is none, and records without one.
fn marker(dir: &Path, db: &DB) -> Result<Marked, CodeStoreError> {
    let Some(found) = db.get(MARKER_KEY).map_err(|e| opening(dir, &e))? else {
        return match first_entry(dir, db)? {
            None => Ok(Marked::Empty),
            Some(found) => Err(foreign(dir, found)),
        };
    };
    let text = String::from_utf8_lossy(&found);
    match text.strip_prefix(MARKER).map(str::parse::<u32>) {
        Some(Ok(CODE_FORMAT)) => Ok(Marked::Ours),
        Some(Ok(found)) if found > CODE_FORMAT => Err(CodeStoreError::Newer {
            path: dir.to_path_buf(),
            found,
            known: CODE_FORMAT,
        }),
        Some(_) => Err(CodeStoreError::Damaged {
            path: dir.to_path_buf(),
            reason: format!("its format is {text:?}, expected \"{MARKER}{CODE_FORMAT}\""),
        }),
        None => Err(foreign(dir, format!("a database of format {text:?}"))),
    }
}

/// Something in a database that has no format.
fn first_entry(dir: &Path, db: &DB) -> Result<Option<String>, CodeStoreError> {
    let said = |what: &str| Some(format!("{what}, and no format of a code store"));
    if let Some(first) = db.iterator(IteratorMode::Start).next() {
        first.map_err(|e| opening(dir, &e))?;
        return Ok(said("another program's database"));
    }
    for family in codegraph::records::Family::ALL {
        let Ok(column) = settings::column(db, family) else {
            continue;
        };
        if let Some(first) = db.iterator_cf(column, IteratorMode::Start).next() {
            first.map_err(|e| opening(dir, &e))?;
            return Ok(said(family.name()));
        }
    }
    Ok(None)
}

/// There are families that this program does not know: a later format says so in its marker.
fn other_families(dir: &Path) -> CodeStoreError {
    let found = match DB::open_for_read_only(&Options::default(), dir, false) {
        Ok(db) => marker(dir, &db),
        Err(error) => return opening(dir, &error),
    };
    match found {
        Err(error) => error,
        Ok(Marked::Ours) => CodeStoreError::Damaged {
            path: dir.to_path_buf(),
            reason: "it has column families that its format does not have".to_owned(),
        },
        Ok(Marked::Empty) => foreign(dir, "another program's column families".to_owned()),
    }
}

/// A database that lacks families of ours: ours only if its making was interrupted, that is, if nothing is in it.
fn refuse_foreign_database(dir: &Path) -> Result<(), CodeStoreError> {
    let db = DB::open_for_read_only(&Options::default(), dir, false).map_err(|e| opening(dir, &e))?;
    match marker(dir, &db)? {
        Marked::Empty => Ok(()),
        Marked::Ours => Err(CodeStoreError::Damaged {
            path: dir.to_path_buf(),
            reason: "column families are missing".to_owned(),
        }),
    }
}

/// Refuses a folder with files that are not those of a database whose making was interrupted.
fn refuse_foreign_files(dir: &Path) -> Result<(), CodeStoreError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(dir, &error)),
    };
    for entry in entries {
        let name = entry.map_err(|e| system(dir, &e))?.file_name();
        let name = name.to_string_lossy();
        let own = ["LOCK", "LOG", "IDENTITY", "MANIFEST-", "OPTIONS-"]
            .iter()
            .any(|start| name.starts_with(start));
        if !own && !name.ends_with(".dbtmp") && !name.ends_with(".log") {
            return Err(foreign(dir, format!("{name:?}")));
        }
    }
    Ok(())
}

fn foreign(dir: &Path, found: String) -> CodeStoreError {
    CodeStoreError::Foreign {
        path: dir.to_path_buf(),
        found,
    }
}
