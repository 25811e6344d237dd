//! One folder of a version: names, and the folder or file that each leads to. Equal folders have equal bytes.

use super::RecordId;
use crate::bytes::{Reader, Writer};
use crate::{Malformed, SourceHash};

const FORMAT: u8 = 1;
const BYTES_MAX: usize = 1 << 26;
const ENTRY_BYTES_MIN: usize = 1 + 1 + 1 + 16;

/// What is known of what a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// It was read: the record of its ids.
    Read(RecordId),
    /// It cannot be read (syntax errors, not UTF-8, too large), but could be before: that source, and its ids, which go
    /// on when the file can be read again.
    Stale(SourceHash, RecordId),
    /// It could never be read.
    Unread,
}

/// A file of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// Its text.
    pub source: SourceHash,
    /// What is in it.
    pub ids: Ids,
}

impl FileRecord {
    /// The newest text of it that could be read, with the ids of what is in that.
    #[must_use]
    pub fn readable(&self) -> Option<(SourceHash, RecordId)> {
        match self.ids {
            Ids::Read(ids) => Some((self.source, ids)),
            Ids::Stale(source, ids) => Some((source, ids)),
            Ids::Unread => None,
        }
    }
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The record of another folder.
    Folder(RecordId),
    /// A file.
    File(FileRecord),
}

/// A folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    entries: Vec<(String, Entry)>,
}

/// Whether a version can hold a file of this name: not empty, `.` or `..`, without `/` and control characters.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.chars().any(|char| char == '/' || char.is_control())
}

impl Folder {
    /// Its names and what they lead to, by name.
    #[must_use]
    pub fn entries(&self) -> &[(String, Entry)] {
        &self.entries
    }

    /// What a name leads to.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Entry> {
        let at = self
            .entries
            .binary_search_by(|(known, _)| known.as_str().cmp(name));
        at.ok()
            .and_then(|at| self.entries.get(at))
            .map(|(_, entry)| *entry)
    }

    /// Lets a name lead to something, or to nothing. A name that no file can have is passed over.
    pub fn set(&mut self, name: &str, entry: Option<Entry>) {
        let at = self
            .entries
            .binary_search_by(|(known, _)| known.as_str().cmp(name));
        match (at, entry) {
            (Ok(at), Some(entry)) => {
                if let Some((_, slot)) = self.entries.get_mut(at) {
                    *slot = entry;
                }
            }
            (Ok(at), None) => drop(self.entries.remove(at)),
            (Err(at), Some(entry)) if is_file_name(name) => self.entries.insert(at, (name.to_owned(), entry)),
            (Err(_), _) => {}
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(FORMAT);
        to.count(self.entries.len());
        for (name, entry) in &self.entries {
            to.text(name);
            match entry {
                Entry::Folder(id) => {
                    to.byte(0);
                    to.raw(&id.0);
                }
                Entry::File(file) => {
                    match file.ids {
                        Ids::Read(ids) => {
                            to.byte(1);
                            to.raw(&ids.0);
                        }
                        Ids::Stale(source, ids) => {
                            to.byte(2);
                            to.raw(&ids.0);
                            to.raw(&source.0);
                        }
                        Ids::Unread => to.byte(3),
                    }
                    to.raw(&file.source.0);
                }
            }
        }
        to.bytes
    }

    /// Reads what [`encode`](Self::encode) wrote, and refuses everything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes, BYTES_MAX)?;
        let found = from.byte("the format")?;
        if found != FORMAT {
            return Err(Malformed::Version { found, known: FORMAT });
        }
        let count = from.count(ENTRY_BYTES_MIN, "entries")?;
        let mut entries: Vec<(String, Entry)> = Vec::with_capacity(count);
        for _ in 0..count {
            let name = from.text("a name")?;
            if !is_file_name(name) || entries.last().is_some_and(|(last, _)| last.as_str() >= name) {
                return Err(from.invalid("a name"));
            }
            let name = name.to_owned();
            let entry = match from.byte("what a name leads to")? {
                0 => Entry::Folder(record_id(&mut from)?),
                1 => {
                    let ids = Ids::Read(record_id(&mut from)?);
                    file(&mut from, ids)?
                }
                2 => {
                    let id = record_id(&mut from)?;
                    let ids = Ids::Stale(SourceHash(from.hash("a source")?), id);
                    file(&mut from, ids)?
                }
                3 => file(&mut from, Ids::Unread)?,
                _ => return Err(from.invalid("what a name leads to")),
            };
            entries.push((name, entry));
        }
        from.finish()?;
        Ok(Self { entries })
    }
}

fn file(from: &mut Reader<'_>, ids: Ids) -> Result<Entry, Malformed> {
    let source = SourceHash(from.hash("a source")?);
    Ok(Entry::File(FileRecord { source, ids }))
}

pub(super) fn record_id(from: &mut Reader<'_>) -> Result<RecordId, Malformed> {
    let bytes = from.raw(16, "a record's id")?;
    Ok(RecordId(bytes.first_chunk::<16>().copied().unwrap_or_default()))
}
