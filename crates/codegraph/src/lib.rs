//! The code graph's data: a source file's syntax as a compact document, a version as a manifest of documents, and the
//! answer to "which piece of source is this site". Pure: no parser (`repo-sync`), no file, no socket.
//!
//! Read [`SyntaxDocument`] first, then [`resolve()`] and [`Manifest`].

pub mod about;
mod bytes;
pub mod clones;
pub mod compiled;
pub mod complexity;
pub mod definitions;
mod document;
pub mod draw;
pub mod fact;
pub mod flow;
pub mod graph;
mod hash;
pub mod identity;
pub mod lineage;
pub mod link;
pub mod local;
mod manifest;
pub mod pattern;
pub mod quoted;
pub mod records;
mod resolve;
#[cfg(test)]
mod sample;
pub mod version;

pub use bytes::Malformed;
pub use document::{
    Anchor, AnchorRole, Clause, DOCUMENT_BYTES_MAX, DefinitionKind, Definitions, Function, Module, NONE,
    SOURCE_BYTES_MAX, SyntaxDocument, SyntaxNode,
};
pub use hash::{ContentHash, HashText, SourceHash};
pub use manifest::{FileEntry, MANIFEST_BYTES_MAX, Manifest, VersionId, want};
pub use resolve::{InFunction, Place, Precision, Unmapped, resolve, resolve_line};
