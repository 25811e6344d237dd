//! Which place in which source an event's (module version, site) is: through the site table that its module version
//! published, and the source whose hash that table names. Never by time, never by module name.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use codegraph::SyntaxDocument;
use event::{ModuleKey, SiteId, SiteKind};
use lru::LruCache;
use wire::site_table::SiteTable;

use crate::answer::Place;

/// Where site tables and sources come from (the coordinator's copy). Calls may block on disk.
pub trait CodeSource {
    /// What a site is, if its module version's table is known.
    fn site(&self, module: ModuleKey, site: SiteId) -> Option<SiteInfo>;
    /// The sites of every module version whose `Module.function/arity` matches `pattern` (`*` matches anything;
    /// the function or arity may be left out).
    fn sites_of(&self, pattern: &str) -> Vec<(ModuleKey, SiteId)>;
}

/// Bytes by key, as the coordinator holds them.
pub trait CodeBlobs: Send + Sync {
    /// The site table of a module version.
    fn site_table(&self, module: ModuleKey) -> Option<Vec<u8>>;
    /// Module versions whose site table is known.
    fn module_keys(&self) -> Vec<ModuleKey>;
    /// Source text and encoded syntax document of the file with this SHA-256, if some published version has it.
    fn file(&self, source: [u8; 32]) -> Option<(Vec<u8>, Vec<u8>)>;
}

/// A site, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteInfo {
    /// Module as Elixir prints it: `Shop.Stock.Warehouse`.
    pub module: String,
    /// Function.
    pub function: String,
    /// Arity.
    pub arity: u8,
    /// Clause, from 1; 0 = not known.
    pub clause: u32,
    /// Kind.
    pub kind: SiteKind,
    /// Place.
    pub place: Place,
}

impl SiteInfo {
    /// `Shop.Stock.Warehouse.handle_call/3`.
    pub fn mfa(&self) -> String {
        format!("{}.{}/{}", self.module, self.function, self.arity)
    }
}

impl Place {
    /// A place of which only the reason is known why it was not found.
    pub(crate) fn unresolved(why: &str) -> Self {
        Self {
            file: String::new(),
            line: 0,
            column: 0,
            token: String::new(),
            source_line: String::new(),
            node: None,
            unmapped: Some(why.to_owned()),
            source: String::new(),
        }
    }
}

struct SourceFile {
    text: Vec<u8>,
    document: SyntaxDocument,
}

/// Most module versions and files kept decoded.
const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

/// Resolves sites from published bytes, keeping what it decoded in bounded caches.
pub struct CodeIndex {
    blobs: Arc<dyn CodeBlobs>,
    tables: Mutex<LruCache<ModuleKey, Arc<SiteTable>>>,
    files: Mutex<LruCache<[u8; 32], Arc<SourceFile>>>,
}

impl std::fmt::Debug for CodeIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeIndex").finish_non_exhaustive()
    }
}

impl CodeIndex {
    /// An index over `blobs`.
    pub fn new(blobs: Arc<dyn CodeBlobs>) -> Self {
        Self { blobs, tables: Mutex::new(LruCache::new(CACHED)), files: Mutex::new(LruCache::new(CACHED)) }
    }

    fn table(&self, module: ModuleKey) -> Option<Arc<SiteTable>> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(&module) {
            return Some(Arc::clone(table));
        }
        let table = Arc::new(SiteTable::decode(&self.blobs.site_table(module)?).ok()?);
        tables.put(module, Arc::clone(&table));
        Some(table)
    }

    fn file(&self, source: [u8; 32]) -> Option<Arc<SourceFile>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&source) {
            return Some(Arc::clone(file));
        }
        let (text, document) = self.blobs.file(source)?;
        let file = Arc::new(SourceFile { text, document: SyntaxDocument::decode(&document).ok()? });
        files.put(source, Arc::clone(&file));
        Some(file)
    }
}
