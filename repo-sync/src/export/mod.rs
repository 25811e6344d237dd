//! What others read of a project's code graph: a JSON document a module, and a SCIP index of all.

mod body;
mod document;
pub mod scip;

pub use document::{DOCUMENT_VERSION, file_documents, module_document};
