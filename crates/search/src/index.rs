//! The index: documents by file, on disk or in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{
    DocSet as _, IndexReader, IndexWriter, ReloadPolicy, Searcher, TERMINATED, TantivyDocument, Term,
};

use crate::document::Document;
use crate::fault::SearchFault;
use crate::schema::{FILE_MARK, Fields};
use crate::storage::Storage;
use crate::tokenizer::{CODE, CodeTokenizer, PATH, PathTokenizer};

/// Bytes of documents that are kept in memory until they are written.
const WRITER_BYTES: usize = 48 << 20;

/// What a file's documents were made of, so that a caller sees which files it must give again: a hash, chosen by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub [u8; 16]);

/// How an index was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is empty: there was none.
    New,
    /// It is as it was left.
    Found,
    /// It is empty: an older program made what was there.
    Older,
    /// It is empty: what was there was damaged.
    Damaged,
}

/// An index.
///
/// Changes ([`Index::replace`], [`Index::remove`]) are seen after [`Index::commit`], all at once. An interrupted process
/// leaves what its last commit left. After a fault of a change the index is opened anew.
pub struct Index {
    pub(crate) fields: Fields,
    reader: IndexReader,
    writer: Option<IndexWriter>,
    opened: Opened,
    // Behind the writer, so that it is unlocked last.
    storage: Option<Storage>,
}

impl fmt::Debug for Index {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Index")
            .field("opened", &self.opened)
            .field("is_writer", &self.is_writer())
            .finish_non_exhaustive()
    }
}

impl Index {
    /// An index in memory.
    pub fn memory() -> Result<Self, SearchFault> {
        let fields = Fields::new();
        let engine = tantivy::Index::create_in_ram(fields.schema.clone());
        Self::of(engine, fields, Opened::New, true, None)
    }

    /// The index in a folder, which is made if there is none; [`Index::opened`] says what was there. If another process
    /// writes it, this one only reads.
    pub fn open(dir: &Path) -> Result<Self, SearchFault> {
        let mut storage = Storage::open(dir)?;
        let mut opened = Opened::Older;
        if storage.is_current() {
            let is_writer = storage.is_writer();
            match found(&storage.engine(), is_writer) {
                Ok((engine, fields)) => {
                    return Self::of(engine, fields, Opened::Found, is_writer, Some(storage));
                }
                Err(fault) if !is_writer => return Err(fault),
                Err(_) => opened = Opened::Damaged,
            }
        } else if !storage.engine().exists() {
            opened = Opened::New;
        }
        storage.make_anew()?;
        let fields = Fields::new();
        let engine = tantivy::Index::create_in_dir(storage.engine(), fields.schema.clone())?;
        Self::of(engine, fields, opened, true, Some(storage))
    }

    fn of(
        mut engine: tantivy::Index,
        fields: Fields,
        opened: Opened,
        is_writer: bool,
        storage: Option<Storage>,
    ) -> Result<Self, SearchFault> {
        let tokenizers = TokenizerManager::default();
        tokenizers.register(CODE, CodeTokenizer);
        tokenizers.register(PATH, PathTokenizer);
        engine.set_tokenizers(tokenizers);
        let reader = engine
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        let writer = is_writer
            .then(|| engine.writer_with_num_threads(1, WRITER_BYTES))
            .transpose()?;
        Ok(Self {
            fields,
            reader,
            writer,
            opened,
            storage,
        })
    }

    /// What was there when it was opened. If not [`Opened::Found`], all files must be given.
    #[must_use]
    pub fn opened(&self) -> Opened {
        self.opened
    }

    /// May this process change it?
    #[must_use]
    pub fn is_writer(&self) -> bool {
        self.writer.is_some()
    }

    /// The folder it lies in; `None` of one in memory.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        self.storage.as_ref().map(Storage::dir)
    }

    fn writer(&mut self) -> Result<&mut IndexWriter, SearchFault> {
        self.writer.as_mut().ok_or(SearchFault::ReadOnly)
    }

    /// Puts these in place of all documents of a file.
    pub fn replace(&mut self, path: &str, stamp: Stamp, documents: &[Document]) -> Result<(), SearchFault> {
        let mut added = vec![self.fields.mark(path, stamp)];
        let documents = documents
            .iter()
            .map(|document| self.fields.document(path, document));
        added.extend(documents);
        self.remove(path)?;
        let writer = self.writer()?;
        for document in added {
            writer.add_document(document)?;
        }
        Ok(())
    }

    /// Takes a file's documents out.
    pub fn remove(&mut self, path: &str) -> Result<(), SearchFault> {
        let term = Term::from_field_text(self.fields.path, path);
        self.writer()?.delete_term(term);
        Ok(())
    }

    /// Takes everything out.
    pub fn clear(&mut self) -> Result<(), SearchFault> {
        self.writer()?.delete_all_documents()?;
        Ok(())
    }

    /// Makes the changes last, and seen.
    pub fn commit(&mut self) -> Result<(), SearchFault> {
        self.writer()?.commit()?;
        self.refresh()
    }

    /// Sees what another process has committed since. Needed by readers only.
    pub fn refresh(&self) -> Result<(), SearchFault> {
        Ok(self.reader.reload()?)
    }

    /// How many documents there are, those of files' marks included.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.searcher().num_docs()
    }

    /// Is there no file in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> Result<u64, SearchFault> {
        let usage = self.searcher().space_usage();
        let usage = usage.map_err(|fault| SearchFault::Engine(fault.to_string()))?;
        Ok(usage.total().get_bytes())
    }

    /// The files in it, with what their documents were made of.
    pub fn stamps(&self) -> Result<BTreeMap<String, Stamp>, SearchFault> {
        stamps(&self.searcher(), &self.fields)
    }

    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }
}

/// Opens the engine's folder and reads all of it once, so that damage is known before anyone asks. The engine may panic
/// over damage that no checksum covers; that is damage, too.
fn found(dir: &Path, is_writer: bool) -> Result<(tantivy::Index, Fields), SearchFault> {
    let damaged = |what: String| SearchFault::Engine(format!("damaged: {what}"));
    let open = || -> Result<(tantivy::Index, Fields), SearchFault> {
        let fields = Fields::new();
        let engine = tantivy::Index::open_in_dir(dir)?;
        if engine.schema() != fields.schema {
            return Err(damaged("other fields".to_owned()));
        }
        // A reader races with the writer's removing of files; the writer checked them.
        if is_writer {
            let faults = engine.validate_checksum()?;
            if let Some(file) = faults.iter().min() {
                return Err(damaged(file.display().to_string()));
            }
        }
        let reader: IndexReader = engine
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        stamps(&reader.searcher(), &fields)?;
        Ok((engine, fields))
    };
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| Err(damaged("unreadable".to_owned())))
}

fn stamps(searcher: &Searcher, fields: &Fields) -> Result<BTreeMap<String, Stamp>, SearchFault> {
    let mut out = BTreeMap::new();
    let io = |fault: std::io::Error| SearchFault::Engine(fault.to_string());
    let mark = Term::from_field_text(fields.mark, FILE_MARK);
    for segment in searcher.segment_readers() {
        let store = segment.get_store_reader(1).map_err(io)?;
        let postings = segment
            .inverted_index(fields.mark)?
            .read_postings(&mark, IndexRecordOption::Basic)
            .map_err(io)?;
        let Some(mut postings) = postings else {
            continue;
        };
        while postings.doc() != TERMINATED {
            let doc = postings.doc();
            postings.advance();
            if segment.is_deleted(doc) {
                continue;
            }
            let document: TantivyDocument = store.get(doc)?;
            let path = document.get_first(fields.path).and_then(|value| value.as_str());
            let stamp = document
                .get_first(fields.stamp)
                .and_then(|value| value.as_bytes());
            if let (Some(path), Some(Ok(stamp))) = (path, stamp.map(<[u8; 16]>::try_from)) {
                out.insert(path.to_owned(), Stamp(stamp));
            }
        }
    }
    Ok(out)
}
