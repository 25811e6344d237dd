//! Files that are to be packed, with their modes and owners: into a folder, or into a tar archive of fixed order and times, so that equal
//! files are equal bytes.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

use crate::run;

/// A file or folder of an archive. Paths are relative to its root; a folder's has no `/` at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// `usr/bin/elixirscope`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permissions.
    pub mode: u32,
    /// User and group that own it.
    pub owner: u32,
}

/// What an [`Entry`] is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file with these bytes.
    File(Vec<u8>),
}

impl Entry {
    /// A file that everybody may read and nobody may write.
    pub fn file(path: &str, bytes: impl Into<Vec<u8>>, mode: u32) -> Self {
        Self {
            path: path.to_owned(),
            kind: Kind::File(bytes.into()),
            mode,
            owner: 0,
        }
    }

    /// A folder.
    pub fn folder(path: &str, mode: u32, owner: u32) -> Self {
        Self {
            path: path.to_owned(),
            kind: Kind::Folder,
            mode,
            owner,
        }
    }

    /// Bytes of a file's content; 0 of others.
    pub fn bytes(&self) -> u64 {
        match &self.kind {
            Kind::File(bytes) => bytes.len() as u64,
            Kind::Folder => 0,
        }
    }
}

/// With the folders that are named by nobody, sorted.
pub fn complete(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut named: BTreeSet<String> = entries.iter().map(|entry| entry.path.clone()).collect();
    for entry in entries.clone() {
        for folder in Path::new(&entry.path).ancestors().skip(1) {
            let folder = folder.to_string_lossy().into_owned();
            if !folder.is_empty() && named.insert(folder.clone()) {
                entries.push(Entry::folder(&folder, 0o755, 0));
            }
        }
    }
    entries.sort();
    entries
}

/// A tar archive of the entries, in their order, all of one time.
pub fn tar(entries: &[Entry], time: u64) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_mtime(time);
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.into());
        header.set_gid(entry.owner.into());
        let (path, bytes): (_, &[u8]) = match &entry.kind {
            Kind::Folder => {
                header.set_entry_type(tar::EntryType::Directory);
                (format!("{}/", entry.path), &[])
            }
            Kind::File(bytes) => (entry.path.clone(), bytes),
        };
        header.set_size(bytes.len() as u64);
        archive
            .append_data(&mut header, &path, bytes)
            .with_context(|| format!("{path} in an archive"))?;
    }
    Ok(archive.into_inner()?)
}

/// Compressed, with no time and no name in the head.
pub fn gzip(plain: &[u8], level: u32) -> Result<Vec<u8>> {
    let mut writer = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::new(level));
    writer.write_all(plain)?;
    Ok(writer.finish()?)
}

/// `sha256:...` of bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

/// Writes them to a folder, which is emptied first.
pub fn write(folder: &Path, entries: impl IntoIterator<Item = Entry>) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder)?;
    add(folder, entries)
}

/// Writes them to a folder, beside what is there. Only root can give files to other owners.
pub fn add(folder: &Path, entries: impl IntoIterator<Item = Entry>) -> Result<()> {
    let root = is_root();
    for entry in entries {
        let path = folder.join(&entry.path);
        match &entry.kind {
            Kind::Folder => fs::create_dir_all(&path)?,
            Kind::File(bytes) => fs::write(&path, bytes)?,
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode))?;
        if root {
            chown(&path, Some(entry.owner), Some(entry.owner))?;
        }
    }
    Ok(())
}

/// Is this process root's?
pub fn is_root() -> bool {
    let asked = run::output(&mut run::command("id", &["-u"]));
    asked.is_ok_and(|uid| uid.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_modes_are_kept() {
        let passwd = Entry::file("etc/passwd", "root:x:0:0::/:/bin/false\n", 0o644);
        let entries = complete(vec![passwd, Entry::folder("data", 0o750, 10001)]);
        let bytes = tar(&entries, 5).unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let found = archive.entries().unwrap().map(|entry| {
            let header = entry.unwrap().header().clone();
            let path = header.path().unwrap().to_string_lossy().into_owned();
            (
                path,
                header.mode().unwrap(),
                header.uid().unwrap(),
                header.mtime().unwrap(),
            )
        });
        let expected = [
            ("data/", 0o750, 10001),
            ("etc/", 0o755, 0),
            ("etc/passwd", 0o644, 0),
        ];
        let expected: Vec<_> = expected
            .map(|(path, mode, uid)| (path.to_owned(), mode, uid, 5))
            .into();
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
