//! Closed buckets as Parquet on a folder or on S3-compatible storage (`docs/export.md`). Read [`Exporter`] first.
//!
//! One thread of low priority copies one bucket after the other, the oldest first: rows into a file of its own folder, the
//! file to its name, then a manifest that says what is whole, then a note in the store. A crash anywhere leads to the same
//! names with the same content. It waits for nobody but its storage, and nobody waits for it.

mod bucket;
mod events;
mod exporter;
mod logs;
mod manifest;
mod metrics;
mod names;
mod plan;
mod progress;
mod spans;
mod spool;

pub use exporter::{ExportConfig, ExportStartError, Exporter};
pub use manifest::{ExportedFile, MANIFEST_SCHEMA, Manifest};
