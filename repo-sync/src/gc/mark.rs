//! What heads lead to.

use std::collections::HashSet;

use codegraph::records::{Family, Records, RecordsFault};
use codegraph::version::delta::{DEPTH_MAX, Stored};
use codegraph::version::{Entry, Folder, Ids, VersionRecord};

use super::{BATCH, Keys, each};
use crate::project::Head;

/// Bytes of a version's id: a head of such a value names one.
const VERSION_BYTES: usize = 32;
/// Bytes of a shape.
const SHAPE_BYTES: usize = 16;
/// Where a place's value has its shape.
const SHAPE_AT: std::ops::Range<usize> = 1..1 + SHAPE_BYTES;
/// Most damaged records that are named.
const NAMED_MAX: usize = 20;

/// Whether records of a family are made again from sources if they are wanted.
pub(super) fn can_be_made_again(family: Family) -> bool {
    matches!(
        family,
        Family::Local | Family::Reads | Family::Link | Family::Place
    )
}

/// Keys that are led to.
#[derive(Debug, Default)]
pub(super) struct Live {
    versions: Keys,
    folders: Keys,
    identities: Keys,
    sources: Keys,
    shapes: HashSet<[u8; SHAPE_BYTES]>,
    pub(super) damaged: Vec<String>,
}

impl Live {
    pub(super) fn mark(records: &dyn Records) -> Result<Self, RecordsFault> {
        let mut live = Self::default();
        live.heads(records)?;
        live.versions(records)?;
        live.bases(records, Family::Identities)?;
        live.shapes(records)?;
        live.bases(records, Family::Source)?;
        Ok(live)
    }

    /// Whether a record is led to.
    pub(super) fn has(&self, family: Family, key: &[u8]) -> bool {
        match family {
            Family::Version => self.versions.contains(key),
            Family::Tree => self.folders.contains(key),
            Family::Identities => self.identities.contains(key),
            Family::Source | Family::Place => self.sources.contains(key),
            Family::Local | Family::Reads | Family::Link => {
                let shape = key.first_chunk::<SHAPE_BYTES>();
                shape.is_some_and(|shape| self.shapes.contains(shape))
            }
            Family::Head | Family::Compiled => true,
        }
    }

    fn damage(&mut self, what: String) {
        if self.damaged.len() < NAMED_MAX {
            self.damaged.push(what);
        }
    }

    fn heads(&mut self, records: &dyn Records) -> Result<(), RecordsFault> {
        each(records, Family::Head, |_, value| {
            if value.len() == VERSION_BYTES {
                self.versions.insert(value);
            } else if let Some(head) = Head::decode(&value) {
                // A damaged one leads to files, which are read again.
                self.sources
                    .extend(head.sources().map(|source| source.0.to_vec()));
            }
        })
    }

    /// Versions with those before them, and their folders.
    fn versions(&mut self, records: &dyn Records) -> Result<(), RecordsFault> {
        let mut todo: Vec<Vec<u8>> = self.versions.iter().cloned().collect();
        let mut folders = Vec::new();
        while !todo.is_empty() {
            let some = todo.split_off(todo.len().saturating_sub(BATCH));
            for (key, value) in some.iter().zip(records.get(Family::Version, &some)?) {
                let version = value.and_then(|value| VersionRecord::decode(&value).ok());
                let Some(version) = version else {
                    self.damage(format!("version {}", hex(key)));
                    continue;
                };
                if let Some(parent) = version.parent {
                    let parent = parent.0.0.to_vec();
                    if self.versions.insert(parent.clone()) {
                        todo.push(parent);
                    }
                }
                if let Some(root) = version.root
                    && self.folders.insert(root.0.to_vec())
                {
                    folders.push(root.0.to_vec());
                }
            }
        }
        self.folders(records, folders)
    }

    fn folders(&mut self, records: &dyn Records, mut todo: Vec<Vec<u8>>) -> Result<(), RecordsFault> {
        while !todo.is_empty() {
            let some = todo.split_off(todo.len().saturating_sub(BATCH));
            for (key, value) in some.iter().zip(records.get(Family::Tree, &some)?) {
                let folder = value.and_then(|value| Folder::decode(&value).ok());
                let Some(folder) = folder else {
                    self.damage(format!("folder {}", hex(key)));
                    continue;
                };
                for (_, entry) in folder.entries() {
                    match entry {
                        Entry::Folder(inner) => {
                            if self.folders.insert(inner.0.to_vec()) {
                                todo.push(inner.0.to_vec());
                            }
                        }
                        Entry::File(file) => {
                            self.sources.insert(file.source.0.to_vec());
                            if let Ids::Stale(source, _) = file.ids {
                                self.sources.insert(source.0.to_vec());
                            }
                            if let Some((_, ids)) = file.readable() {
                                self.identities.insert(ids.0.to_vec());
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// What patches are patches of.
    fn bases(&mut self, records: &dyn Records, family: Family) -> Result<(), RecordsFault> {
        let live = match family {
            Family::Source => &mut self.sources,
            _ => &mut self.identities,
        };
        let mut todo: Vec<Vec<u8>> = live.iter().cloned().collect();
        let mut rounds = 0;
        while !todo.is_empty() && rounds <= DEPTH_MAX {
            let mut bases = Vec::new();
            for some in todo.chunks(BATCH) {
                for value in records.get(family, some)?.into_iter().flatten() {
                    if let Stored::Patch(patch) = Stored::of(&value)
                        && live.insert(patch.key.to_vec())
                    {
                        bases.push(patch.key.to_vec());
                    }
                }
            }
            todo = bases;
            rounds += 1;
        }
        Ok(())
    }

    /// The shapes of sources. What is only the base of a patch needs none.
    fn shapes(&mut self, records: &dyn Records) -> Result<(), RecordsFault> {
        let keys: Vec<Vec<u8>> = self.sources.iter().cloned().collect();
        for some in keys.chunks(BATCH) {
            for value in records.get(Family::Place, some)?.into_iter().flatten() {
                let shape = value.get(SHAPE_AT).and_then(<[u8]>::first_chunk);
                self.shapes.extend(shape.copied());
            }
        }
        Ok(())
    }
}

fn hex(key: &[u8]) -> String {
    use std::fmt::Write as _;
    key.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
