//! What goes wrong with an index.

use std::path::PathBuf;

/// What goes wrong with an index. A bad query is [`crate::BadQuery`].
#[derive(Debug, thiserror::Error)]
pub enum SearchFault {
    /// A later version made it.
    #[error("the search index in {} has format {found}, this program knows up to {known}: use the later program, or remove the folder", .dir.display())]
    Newer {
        /// Its folder.
        dir: PathBuf,
        /// Its format.
        found: u32,
        /// The latest known one.
        known: u32,
    },
    /// Its folder holds something else.
    #[error("{} is no search index and not empty: name another folder", .0.display())]
    NotAnIndex(PathBuf),
    /// Another process writes it.
    #[error("another process writes the search index; this one only reads")]
    ReadOnly,
    /// A file of it could not be read or written.
    #[error("the search index in {}: {fault}", .dir.display())]
    Io {
        /// Its folder.
        dir: PathBuf,
        /// Why.
        fault: std::io::Error,
    },
    /// What the engine says.
    #[error("the search index: {0}")]
    Engine(String),
}

impl From<tantivy::TantivyError> for SearchFault {
    fn from(fault: tantivy::TantivyError) -> Self {
        Self::Engine(fault.to_string())
    }
}
