//! What was exported of one bucket: written last, so that what it names is whole. It has no time of its own: the same bucket
//! makes the same bytes.

use serde::{Deserialize, Serialize};

/// Form of the manifest.
pub const MANIFEST_SCHEMA: u32 = 1;

/// One bucket of one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Form of the manifest.
    pub manifest_schema: u32,
    /// Form of the tables (`tables::recorded::RECORDED_SCHEMA_VERSION`).
    pub table_schema: u32,
    /// Cluster, 32 hexadecimal digits.
    pub cluster: String,
    /// Member of it.
    pub member: u64,
    /// The bucket.
    pub bucket: u32,
    /// Its first second, RFC 3339.
    pub from: String,
    /// The first second after it.
    pub to: String,
    /// 1, and one more each time that late data made it be exported anew.
    pub generation: u32,
    /// Spans in all its files.
    pub spans: u64,
    /// Log records.
    pub logs: u64,
    /// Events of BEAM nodes.
    pub events: u64,
    /// Stored blocks and entries that could not be read and are left out; 0 unless the disk is damaged.
    pub unreadable: u64,
    /// All its files; no others of this bucket and member count.
    pub files: Vec<ExportedFile>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// `spans`, `logs`, `events`.
    pub table: String,
    /// Its name below the address of the export.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
}
