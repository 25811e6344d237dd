//! Elixir source into the code graph: the only crate that names tree-sitter.
//!
//! Read [`index_project`] first: it makes an [`Index`], a version's manifest with its blobs; then [`publish()`], which sends
//! what a receiver lacks; and [`index_source`] for one file.

pub mod beam;
pub mod compiled;
pub mod documents;
pub mod gc;
pub mod export;
pub mod git;
pub mod history;
mod index;
pub mod lower;
mod parser;
pub mod project;
mod publish;
mod syntax;
pub mod tables;
pub mod templates;
mod walk;
pub mod watch;

pub use index::{FileFault, FileFaultKind, Index, IndexFault, IndexOptions, Progress, index_project};
pub use publish::{PublishError, PublishFault, Published, Publisher, publish};
pub use syntax::{Indexer, SourceFault, index_source};
