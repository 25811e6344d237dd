//! The rows of one table of one bucket: into a file of our own, and when that is full, to its name at the storage.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use tables::recorded::{EventRow, LogRow, Recorded, Sheet, SheetFault, SpanRow};
use tempfile::NamedTempFile;

use super::bucket::{Failed, Sink};
use super::manifest::ExportedFile;
use super::names::Names;

/// Bytes after which a file is full.
pub(super) const FILE_BYTES_MAX: u64 = 128 << 20;

/// Writes files of one table.
pub(super) struct Spool<'s> {
    sink: &'s dyn Sink,
    folder: &'s Path,
    names: Names,
    table: Recorded,
    generation: u32,
    file_bytes_max: u64,
    open: Option<Sheet<BufWriter<NamedTempFile>>>,
    files: Vec<ExportedFile>,
}

impl<'s> Spool<'s> {
    pub(super) fn new(
        sink: &'s dyn Sink,
        folder: &'s Path,
        names: Names,
        table: Recorded,
        generation: u32,
    ) -> Self {
        Self {
            sink,
            folder,
            names,
            table,
            generation,
            file_bytes_max: FILE_BYTES_MAX,
            open: None,
            files: Vec::new(),
        }
    }

    fn sheet(&mut self) -> Result<&mut Sheet<BufWriter<NamedTempFile>>, Failed> {
        let sheet = if let Some(sheet) = self.open.take() {
            sheet
        } else {
            let file = tempfile::Builder::new()
                .prefix(".export.")
                .tempfile_in(self.folder)?;
            Sheet::new(self.table, BufWriter::new(file))?
        };
        Ok(self.open.insert(sheet))
    }

    pub(super) fn span(&mut self, row: SpanRow<'_>) -> Result<(), Failed> {
        Ok(self.sheet()?.span(row)?)
    }

    pub(super) fn log(&mut self, row: LogRow<'_>) -> Result<(), Failed> {
        Ok(self.sheet()?.log(row)?)
    }

    pub(super) fn event(&mut self, row: EventRow<'_>) -> Result<(), Failed> {
        Ok(self.sheet()?.event(row)?)
    }

    /// Between two traces: here a file may end.
    pub(super) fn between(&mut self) -> Result<(), Failed> {
        match &self.open {
            Some(sheet) if sheet.file_bytes() >= self.file_bytes_max => self.end_file(),
            _ => Ok(()),
        }
    }

    /// Ends a sorted stretch.
    pub(super) fn end_stretch(&mut self) -> Result<(), Failed> {
        match &mut self.open {
            Some(sheet) => Ok(sheet.end_stretch()?),
            None => Ok(()),
        }
    }

    fn end_file(&mut self) -> Result<(), Failed> {
        let Some(sheet) = self.open.take() else {
            return Ok(());
        };
        let rows = sheet.rows();
        let written = sheet.finish()?;
        let file = written
            .into_inner()
            .map_err(|fault| SheetFault(fault.error().to_string()))?;
        let part = self.files.len() as u32;
        let name = self.names.file(self.table, self.generation, part);
        let put = self.sink.put_file(&name, file.path())?;
        self.files.push(ExportedFile {
            table: self.table.folder().to_owned(),
            name,
            rows,
            bytes: put.bytes,
            sha256: put.sha256,
        });
        Ok(())
    }

    /// Ends the table: its files.
    pub(super) fn finish(mut self) -> Result<Vec<ExportedFile>, Failed> {
        self.end_file()?;
        Ok(self.files)
    }
}

/// Removes what an earlier life left behind.
pub(super) fn clean(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(".export.") {
            std::fs::remove_file(entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}
