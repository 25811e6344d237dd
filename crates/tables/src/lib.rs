//! The static tables of the code graph: what code there is, as rows that any engine reads. The only crate that names
//! Arrow and Parquet. It knows columns, not projects: rows come in as plain structs, whoever makes them.
//!
//! A table is described once, where its row struct stands ([`rows`]): columns, types, units, meaning, keys. From that come
//! the Arrow schema ([`Table::schema`]), the writer ([`Folder`], [`TableWriter`]), the page `docs/code-graph/tables.md`
//! ([`page()`]) and the statements that find what is wrong in an export ([`checks()`]). Read [`Folder`] first.

mod cell;
mod checks;
mod describe;
mod fault;
mod folder;
mod page;
mod read;
pub mod recorded;
pub mod rows;
mod table;
mod words;
mod writer;

pub use cell::{Id, Kind, Word};
pub use checks::{Check, checks};
pub use fault::TablesFault;
pub use folder::{Folder, Written, file_name};
pub use page::{MARK, page};
pub use read::{BATCH_ROWS_READ, Batches, read};
pub use table::{About, Column, Row, SCHEMA_VERSION, Table};
pub use words::{METRICS, NODE_KINDS, ROLES, VOCABULARIES, Vocabulary};
pub use writer::{
    BATCH_BYTES_MAX, BATCH_ROWS_MAX, GROUP_BYTES_MAX, GROUP_ROWS_MAX, TableWriter, WRITER_BYTES_MAX,
};
