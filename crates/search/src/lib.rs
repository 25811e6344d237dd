//! Code search: functions and modules found by words, the only crate that names tantivy.
//!
//! An [`Index`] holds [`Document`]s, pure data that the caller makes of each file; a [`Query`] is parsed from what a person
//! types; [`Index::search`] ranks. It reads no source and knows no project. Read [`Document`] first, then [`Index`].
//! Rules and figures: `docs/code-graph/search.md`.

mod answer;
mod ask;
mod document;
mod excluded;
mod expand;
mod fault;
mod index;
mod mixed;
mod origin;
mod parse;
mod plan;
mod query;
mod rank;
mod schema;
mod snippet;
mod stem;
mod storage;
mod tokenizer;
mod words;

pub use answer::{Answer, Field, Hit, Instead, Reason};
pub use document::{Document, Kind, SEPARATOR};
pub use fault::SearchFault;
pub use index::{Index, Opened, Stamp};
pub use origin::Origin;
pub use parse::BadQuery;
pub use query::{Clause, Query, What};
pub use snippet::{Highlighter, Snippet};
pub use words::{Role, Word, words};
