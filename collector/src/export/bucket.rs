//! One bucket: its three tables, then the manifest.

use std::ops::ControlFlow;
use std::path::Path;

use objects::Put;
use query::CodeSource;
use store::{Store, StoreError};
use tables::recorded::{RECORDED_SCHEMA_VERSION, Recorded, SheetFault};

use super::manifest::{ExportedFile, MANIFEST_SCHEMA, Manifest};
use super::names::{Names, timestamp};
use super::plan::Next;
use super::spool::Spool;
use super::{events, logs, spans};

/// Why a bucket was not exported.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// It was dropped meanwhile.
    #[error("the bucket was dropped while it was exported")]
    Gone,
    /// We are told to stop.
    #[error("stopped")]
    Stopped,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Our own file.
    #[error(transparent)]
    Sheet(#[from] SheetFault),
    /// Our own folder.
    #[error("the spool folder: {0}")]
    Spool(#[from] std::io::Error),
}

/// Where files go. It tries until it did, unless the bucket is dropped or we are stopped.
pub(super) trait Sink {
    fn put_file(&self, name: &str, file: &Path) -> Result<Put, Failed>;
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Failed>;
    /// A small file; none if it is not there.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Failed>;
    /// Names in a folder.
    fn list(&self, folder: &str) -> Result<Vec<String>, Failed>;
    fn delete(&self, name: &str) -> Result<(), Failed>;
    /// An error if there is no use in going on.
    fn check(&self) -> Result<(), Failed>;
}

/// A table that was written.
pub(super) struct Written {
    pub(super) files: Vec<ExportedFile>,
    /// Stored units that could not be read, and are left out.
    pub(super) unreadable: u64,
}

/// Has a store show what it has of a table until something fails. How many units could not be read.
pub(super) fn each<T>(
    show: impl FnOnce(&mut dyn FnMut(Vec<T>) -> ControlFlow<()>) -> Result<u64, StoreError>,
    mut take: impl FnMut(Vec<T>) -> Result<(), Failed>,
) -> Result<u64, Failed> {
    let mut failed = None;
    let unreadable = show(&mut |rows| match take(rows) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(unreadable), Err)
}

/// What a bucket is made of, and what it is made into.
pub(super) struct BucketExport<'b> {
    pub(super) store: &'b Store,
    pub(super) code: &'b dyn CodeSource,
    pub(super) sink: &'b dyn Sink,
    pub(super) spool: &'b Path,
    pub(super) cluster: u128,
    pub(super) member: u64,
}

impl BucketExport<'_> {
    /// Exports it: files, manifest, then files of the bucket that the manifest does not name are removed.
    pub(super) fn run(&self, next: Next) -> Result<Manifest, Failed> {
        // Who is stopped, or reads what is being dropped, fails in many ways.
        let made = self.make(next);
        made.map_err(|failed| self.sink.check().err().unwrap_or(failed))
    }

    fn make(&self, next: Next) -> Result<Manifest, Failed> {
        let time = self.store.bucket_time(next.bucket);
        let names = Names {
            bucket: next.bucket,
            start: time.start,
            cluster: self.cluster,
            member: self.member,
        };
        let next = Next {
            generation: next.generation.max(self.known_generation(names)? + 1),
            ..next
        };
        let spool = |table| Spool::new(self.sink, self.spool, names, table, next.generation);
        let tables = [
            spans::write(self, next, spool(Recorded::Span))?,
            logs::write(self, next, spool(Recorded::Log))?,
            events::write(self, next, spool(Recorded::Event))?,
        ];
        let unreadable = tables.iter().map(|table| table.unreadable).sum();
        let files: Vec<ExportedFile> = tables.into_iter().flat_map(|table| table.files).collect();
        // What was read while the bucket went may be a part of it.
        self.sink.check()?;
        let rows = |table: Recorded| {
            let of = files.iter().filter(|file| file.table == table.folder());
            of.map(|file| file.rows).sum()
        };
        let manifest = Manifest {
            manifest_schema: MANIFEST_SCHEMA,
            table_schema: RECORDED_SCHEMA_VERSION,
            cluster: format!("{:032x}", self.cluster),
            member: self.member,
            bucket: next.bucket.0,
            from: timestamp(time.start),
            to: timestamp(time.end),
            generation: next.generation,
            spans: rows(Recorded::Span),
            logs: rows(Recorded::Log),
            events: rows(Recorded::Event),
            unreadable,
            files,
        };
        let mut bytes = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::from)?;
        bytes.push(b'\n');
        self.sink.put(&names.manifest(), bytes)?;
        self.remove_others(names, &manifest.files)?;
        Ok(manifest)
    }

    /// The generation that a manifest names; 0 if there is none. Files of it are not written over, whatever the store remembers:
    /// readers may be at them.
    fn known_generation(&self, names: Names) -> Result<u32, Failed> {
        let found = self.sink.get(&names.manifest())?;
        let manifest = found.and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        Ok(manifest.map_or(0, |manifest| manifest.generation.min(u32::MAX - 1)))
    }

    /// Files of earlier generations, and of attempts that a crash ended.
    fn remove_others(&self, names: Names, files: &[ExportedFile]) -> Result<(), Failed> {
        for table in Recorded::ALL {
            let stem = format!("{}/{}", names.folder(table), names.stem());
            for name in self.sink.list(&names.folder(table))? {
                let is_named = files.iter().any(|file| file.name == name);
                if name.starts_with(&stem) && !is_named {
                    self.sink.delete(&name)?;
                }
            }
        }
        Ok(())
    }
}
