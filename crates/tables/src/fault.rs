//! Why tables were not written or read.

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use crate::table::Table;

/// What went wrong, with the file.
#[derive(Debug, thiserror::Error)]
pub enum TablesFault {
    /// The folder cannot be made or written to.
    #[error("cannot write into the folder {}: {fault}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        fault: io::Error,
    },
    /// A table cannot be written: the disk is full, or taken away.
    #[error("cannot write {}: {fault}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system, or the encoder, says.
        fault: String,
    },
    /// A table cannot be read.
    #[error("cannot read {}: {fault}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system, or the decoder, says.
        fault: String,
    },
    /// The file is another table, or of another schema.
    #[error("{} is not table {table} of this program: {difference}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The table that was expected.
        table: Table,
        /// The first difference.
        difference: String,
    },
    /// A row of another table.
    #[error("a row of table {row} in table {table}")]
    OtherTable {
        /// The row's.
        row: Table,
        /// The writer's.
        table: Table,
    },
    /// The encoder refuses, which it does only if the disk does.
    #[error("table {table}: {fault}")]
    Encode {
        /// The table.
        table: Table,
        /// What it says.
        fault: String,
    },
}

/// What lies behind the encoder's words: the operating system's, where it is that.
pub(crate) fn said(fault: &ParquetError) -> String {
    match fault {
        ParquetError::External(inner) => inner.to_string(),
        other => other.to_string(),
    }
}

impl TablesFault {
    /// The same, with the file that it happened to.
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            Self::Encode { fault, .. } => Self::Write {
                path: path.to_owned(),
                fault,
            },
            other => other,
        }
    }
}
