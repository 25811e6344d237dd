//! Reading versions from the store: folders, texts, ids and trees, the last used of each kept in memory.

use std::sync::Arc;

use codegraph::definitions::Outline;
use codegraph::identity::{Contents, Identities};
use codegraph::lineage::SourceFile;
use codegraph::quoted::Quoted;
use codegraph::records::{Family, Records};
use codegraph::version::{Folder, RecordId, VersionRecord};
use codegraph::{SourceHash, VersionId};

use super::cache::Cache;
use super::{HistoryFault, stored};
use crate::lower::Lowerer;
use crate::syntax::checked;

/// Bytes of trees in memory, about.
const PARSED_BYTES_MAX: usize = 192 << 20;
const IDS_BYTES_MAX: usize = 32 << 20;
const FOLDERS_BYTES_MAX: usize = 16 << 20;
/// About what a node takes with all that lies beside it.
const NODE_BYTES: usize = 64;

/// A source that was read.
#[derive(Debug)]
pub struct Parsed {
    /// Its text.
    pub text: String,
    /// Its quoted form.
    pub tree: Quoted,
    /// What it defines.
    pub outline: Outline,
    /// What that says.
    pub contents: Contents,
    /// How many syntax errors it has.
    pub errors: usize,
    /// Line of the first, from 1; 0 if there is none.
    pub first_error: u32,
}

impl Parsed {
    /// As lineage takes it.
    #[must_use]
    pub fn at<'a>(&'a self, path: &'a str) -> SourceFile<'a> {
        SourceFile {
            path,
            tree: &self.tree,
            outline: &self.outline,
            contents: &self.contents,
        }
    }
}

/// The store, with what was read of it last.
#[derive(Debug)]
pub struct Shelf<'r> {
    records: Shown<'r>,
    lowerer: Lowerer,
    parsed: Cache<SourceHash, Parsed>,
    ids: Cache<RecordId, Identities>,
    folders: Cache<RecordId, Folder>,
}

#[derive(Clone, Copy)]
struct Shown<'r>(&'r dyn Records);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Records")
    }
}

impl<'r> Shelf<'r> {
    /// Of these records.
    pub fn new(records: &'r dyn Records) -> Result<Self, HistoryFault> {
        Ok(Self {
            records: Shown(records),
            lowerer: Lowerer::new()?,
            parsed: Cache::new(PARSED_BYTES_MAX),
            ids: Cache::new(IDS_BYTES_MAX),
            folders: Cache::new(FOLDERS_BYTES_MAX),
        })
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &'r dyn Records {
        self.records.0
    }

    /// A version.
    pub fn version(&self, id: VersionId) -> Result<VersionRecord, HistoryFault> {
        let found = self.records().one(Family::Version, &id.0.0)?;
        let version = found.and_then(|bytes| VersionRecord::decode(&bytes).ok());
        version.ok_or_else(|| HistoryFault::Damaged(format!("version {id}")))
    }

    /// A folder; none is an empty one.
    pub fn folder(&mut self, id: Option<RecordId>) -> Result<Arc<Folder>, HistoryFault> {
        let Some(id) = id else {
            return Ok(Arc::default());
        };
        if let Some(known) = self.folders.get(&id) {
            return Ok(known);
        }
        let bytes = self.records().one(Family::Tree, &id.0)?;
        let sound = bytes.filter(|bytes| RecordId::of(bytes) == id);
        let folder = sound.and_then(|bytes| Some((Folder::decode(&bytes).ok()?, bytes.len())));
        let (folder, weight) = folder.ok_or_else(|| HistoryFault::Damaged(format!("folder {id}")))?;
        Ok(self.folders.put(id, folder, weight))
    }

    /// Keeps a folder that is about to be written.
    pub(super) fn keep_folder(&mut self, id: RecordId, folder: Folder, weight: usize) {
        self.folders.put(id, folder, weight);
    }

    /// The ids of a file.
    pub fn ids(&mut self, id: RecordId) -> Result<Arc<Identities>, HistoryFault> {
        if let Some(known) = self.ids.get(&id) {
            return Ok(known);
        }
        let bytes = stored::read(self.records(), Family::Identities, &id.0)?;
        let ids = bytes.and_then(|bytes| Identities::decode(&bytes).ok());
        let ids = ids.ok_or_else(|| HistoryFault::Damaged(format!("the ids {id}")))?;
        Ok(self.keep_ids(id, ids))
    }

    /// Keeps ids that are about to be written.
    pub(super) fn keep_ids(&mut self, id: RecordId, ids: Identities) -> Arc<Identities> {
        let weight =
            8 * ids.nids.len() + 32 * (ids.functions.len() + ids.clauses.len() + ids.attributes.len());
        self.ids.put(id, ids, weight)
    }

    /// The bytes of a source; `None` if the store does not have them (it was too large).
    pub fn bytes(&self, source: SourceHash) -> Result<Option<Vec<u8>>, HistoryFault> {
        Ok(stored::source_bytes(self.records(), source)?)
    }

    /// A source, if it was read lately.
    pub fn at_hand(&mut self, source: SourceHash) -> Option<Arc<Parsed>> {
        self.parsed.get(&source)
    }

    /// A source of the store, read.
    pub fn parsed(&mut self, source: SourceHash) -> Result<Arc<Parsed>, HistoryFault> {
        if let Some(known) = self.parsed.get(&source) {
            return Ok(known);
        }
        let bytes = self.bytes(source)?;
        let parsed = bytes.and_then(|bytes| self.parse(source, bytes));
        parsed.ok_or_else(|| HistoryFault::Damaged(format!("source {source}")))
    }

    /// Reads a source with this hash; `None` if it is no text of Elixir.
    pub(super) fn parse(&mut self, source: SourceHash, bytes: Vec<u8>) -> Option<Arc<Parsed>> {
        if let Some(known) = self.parsed.get(&source) {
            return Some(known);
        }
        checked(&bytes).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let lowered = self.lowerer.lower(&text);
        let outline = Outline::of(&lowered.quoted);
        let contents = Contents::of(&lowered.quoted, &outline);
        let weight = text.len() + NODE_BYTES * lowered.quoted.nodes().len();
        let parsed = Parsed {
            text,
            tree: lowered.quoted,
            outline,
            contents,
            errors: lowered.errors.len(),
            first_error: lowered.errors.first().map_or(0, |first| first.line),
        };
        Some(self.parsed.put(source, parsed, weight))
    }
}
