//! Which place in which source an event's (module version, site) is: through the site table that its module version
//! published, and the source whose hash that table names. Never by time, never by module name.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use codegraph::{SourceHash, SyntaxDocument};
use event::{ModuleKey, SiteId, SiteKind};
use lru::LruCache;
use wire::site_table::{Site, SiteTable};

use crate::answer::Place;
use crate::pattern::Pattern;

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
    /// Source text and encoded syntax document of the file with this hash, if some published version has it.
    fn file(&self, source: SourceHash) -> Option<(Vec<u8>, Vec<u8>)>;
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

/// Why there is no source file to look into.
#[derive(Debug, thiserror::Error)]
enum NoFile {
    #[error("source {} is not published", short(.0))]
    Unpublished(SourceHash),
    #[error("the syntax document of source {} is malformed: {error}", short(.hash))]
    Malformed {
        hash: SourceHash,
        error: codegraph::Malformed,
    },
    #[error("the syntax document of source {} describes another text", short(.0))]
    Foreign(SourceHash),
}

/// The first 12 digits.
fn short(hash: &SourceHash) -> String {
    hash.to_string().chars().take(12).collect()
}

/// Most module versions and files kept decoded.
const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

/// Resolves sites from published bytes, keeping what it decoded in bounded caches.
pub struct CodeIndex {
    blobs: Arc<dyn CodeBlobs>,
    tables: Mutex<LruCache<ModuleKey, Arc<SiteTable>>>,
    files: Mutex<LruCache<SourceHash, Arc<SourceFile>>>,
}

impl std::fmt::Debug for CodeIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeIndex").finish_non_exhaustive()
    }
}

impl CodeIndex {
    /// An index over `blobs`.
    pub fn new(blobs: Arc<dyn CodeBlobs>) -> Self {
        Self {
            blobs,
            tables: Mutex::new(LruCache::new(CACHED)),
            files: Mutex::new(LruCache::new(CACHED)),
        }
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

    /// The file, once it is sure that its document describes its text: places in any other text would be wrong.
    fn file(&self, source: SourceHash) -> Result<Arc<SourceFile>, NoFile> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&source) {
            return Ok(Arc::clone(file));
        }
        let (text, document) = self.blobs.file(source).ok_or(NoFile::Unpublished(source))?;
        let document =
            SyntaxDocument::decode(&document).map_err(|error| NoFile::Malformed { hash: source, error })?;
        if document.source != source || !document.describes(&text) {
            return Err(NoFile::Foreign(source));
        }
        let file = Arc::new(SourceFile { text, document });
        files.put(source, Arc::clone(&file));
        Ok(file)
    }
}

impl CodeSource for CodeIndex {
    fn site(&self, module: ModuleKey, site: SiteId) -> Option<SiteInfo> {
        let table = self.table(module)?;
        let entry = table.site(site)?;
        let function = table.function(entry.function);
        let source = SourceHash(table.source);
        let mut place = Place {
            file: table.file.clone(),
            line: entry.line,
            column: entry.column,
            token: entry.token.clone(),
            source_line: String::new(),
            node: None,
            unmapped: None,
            source: if source.is_known() {
                source.to_string()
            } else {
                String::new()
            },
        };
        self.locate(&mut place, source, entry);
        Some(SiteInfo {
            module: table
                .module
                .strip_prefix("Elixir.")
                .unwrap_or(&table.module)
                .to_owned(),
            function: function.map(|f| f.name.clone()).unwrap_or_default(),
            arity: function.map_or(0, |f| f.arity),
            clause: if entry.clause == u16::MAX {
                0
            } else {
                u32::from(entry.clause) + 1
            },
            kind: entry.kind,
            place,
        })
    }

    fn sites_of(&self, pattern: &str) -> Vec<(ModuleKey, SiteId)> {
        let pattern = Pattern::new(pattern);
        let mut found = Vec::new();
        for key in self.blobs.module_keys() {
            let Some(table) = self.table(key) else { continue };
            let module = table.module.strip_prefix("Elixir.").unwrap_or(&table.module);
            for (index, site) in table.sites.iter().enumerate() {
                let entered = matches!(site.kind, SiteKind::Clause | SiteKind::Callback | SiteKind::Entry);
                if let Some(function) = table.function(site.function).filter(|_| entered)
                    && pattern.matches(module, &function.name, function.arity)
                {
                    found.push((key, SiteId(index as u32 + 1)));
                }
            }
        }
        found
    }
}

impl CodeIndex {
    /// Fills in the source line and the syntax node, or why there is none.
    fn locate(&self, place: &mut Place, source: SourceHash, entry: &Site) {
        if !source.is_known() {
            place.unmapped = Some("the module does not say which source it was compiled from".to_owned());
            return;
        }
        let file = match self.file(source) {
            Ok(file) => file,
            Err(why) => {
                place.unmapped = Some(why.to_string());
                return;
            }
        };
        let found = if entry.is_macro_made() && entry.column == 0 {
            codegraph::resolve_line(&file.document, &file.text, entry.line)
        } else {
            codegraph::resolve(
                &file.document,
                &file.text,
                entry.line,
                entry.column,
                &entry.token,
                entry.kind,
            )
        };
        match found {
            Ok(found) => {
                place.source_line = line_of(&file, found.line);
                place.node = Some(found.node_bytes);
            }
            Err(why) => place.unmapped = Some(why.to_string()),
        }
    }
}

fn line_of(file: &SourceFile, line: u32) -> String {
    let range = file.document.line_range(line, &file.text);
    let bytes = range
        .and_then(|(start, end)| file.text.get(start as usize..end as usize))
        .unwrap_or_default();
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
