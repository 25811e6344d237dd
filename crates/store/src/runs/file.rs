//! A sorted file that the database takes over as it is (SST ingestion).

use crate::db::Db;
use crate::error::StoreError;
use rocksdb::{IngestExternalFileOptions, Options, SstFileWriter};
use std::path::PathBuf;

/// How such files are written: the parts of blocks are compressed already.
pub(crate) fn file_options() -> Options {
    let mut options = Options::default();
    options.set_compression_type(rocksdb::DBCompressionType::None);
    options
}

/// One that is being written. It is gone when this is dropped, taken over or not.
pub(crate) struct SortedFile<'o> {
    path: PathBuf,
    writer: SstFileWriter<'o>,
}

impl<'o> SortedFile<'o> {
    /// In the database's folder.
    pub(crate) fn create(db: &Db, name: &str, options: &'o Options) -> Result<Self, StoreError> {
        let path = db.raw.path().join(format!("{name}.sst.tmp"));
        let writer = SstFileWriter::create(options);
        writer.open(&path)?;
        Ok(Self { path, writer })
    }

    /// Adds an entry; keys ascend.
    pub(crate) fn put(&mut self, key: impl AsRef<[u8]>, value: &[u8]) -> Result<(), StoreError> {
        Ok(self.writer.put(key, value)?)
    }

    /// Has the database take it over. It must not be empty.
    pub(crate) fn ingest(&mut self, db: &Db, family: &'static str) -> Result<(), StoreError> {
        self.writer.finish()?;
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let files = vec![&self.path];
        Ok(db
            .raw
            .ingest_external_file_cf_opts(db.family(family), &options, files)?)
    }
}

impl Drop for SortedFile<'_> {
    fn drop(&mut self) {
        // Moved, or of no use.
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %self.path.display(), "temporary file could not be removed");
        }
    }
}
