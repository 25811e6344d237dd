//! All tables of an export in one folder, a file each: `ast_node.parquet`. Files are written beside under other names and
//! get theirs when all are complete and on disk, so that no reader meets half a table.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::fault::TablesFault;
use crate::table::{Row, Table};
use crate::writer::TableWriter;

/// A table that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Which.
    pub table: Table,
    /// Its rows.
    pub rows: u64,
    /// Bytes of its file.
    pub bytes: u64,
}

/// Writes the tables. Dropped before [`Folder::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    tables: Vec<TableWriter<NamedTempFile>>,
}

/// The name of a table's file.
#[must_use]
pub fn file_name(table: Table) -> String {
    format!("{table}.parquet")
}

impl Folder {
    /// Makes the folder if it is not there, and tables without rows.
    pub fn create(path: &Path) -> Result<Self, TablesFault> {
        let at = |fault| TablesFault::Folder {
            path: path.to_owned(),
            fault,
        };
        fs::create_dir_all(path).map_err(at)?;
        let tables = Table::ALL.iter().map(|table| {
            let file = begun(path, *table).map_err(at)?;
            TableWriter::new(*table, file).map_err(|fault| fault.at(&path.join(file_name(*table))))
        });
        let tables = tables.collect::<Result<Vec<_>, TablesFault>>()?;
        Ok(Self {
            path: path.to_owned(),
            tables,
        })
    }

    /// One more row of its table.
    pub fn add<R: Row>(&mut self, row: &R) -> Result<(), TablesFault> {
        let Self { path, tables } = self;
        match tables.get_mut(R::TABLE as usize) {
            Some(writer) => writer
                .add(row)
                .map_err(|fault| fault.at(&path.join(file_name(R::TABLE)))),
            None => Ok(()),
        }
    }

    /// Bytes of memory that all writers hold.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.tables.iter().map(TableWriter::memory_bytes).sum()
    }

    /// Completes all tables, then gives them their names.
    pub fn finish(self) -> Result<Vec<Written>, TablesFault> {
        let Self { path, tables } = self;
        let mut files = Vec::with_capacity(tables.len());
        for (table, writer) in Table::ALL.iter().zip(tables) {
            let name = path.join(file_name(*table));
            let rows = writer.rows();
            let file = writer.finish().map_err(|fault| fault.at(&name))?;
            let bytes = synced(file.as_file()).map_err(|fault| TablesFault::Write {
                path: name.clone(),
                fault: fault.to_string(),
            })?;
            let written = Written {
                table: *table,
                rows,
                bytes,
            };
            files.push((name, file, written));
        }
        let mut done = Vec::with_capacity(files.len());
        for (name, file, written) in files {
            file.persist(&name).map_err(|fault| TablesFault::Write {
                path: name.clone(),
                fault: fault.error.to_string(),
            })?;
            done.push(written);
        }
        // A folder that cannot be synced (some network file systems) still holds complete files.
        let _ = File::open(&path).and_then(|folder| folder.sync_all());
        Ok(done)
    }
}

/// A file without a name of its own yet, with the rights that a new file gets.
fn begun(folder: &Path, table: Table) -> std::io::Result<NamedTempFile> {
    let prefix = format!(".{table}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn synced(file: &File) -> std::io::Result<u64> {
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Word;
    use crate::read::read;
    use crate::rows::{Metric, Module};

    fn metric(module_id: i64) -> Metric<'static> {
        Metric {
            version: Word("v"),
            module_id,
            function_id: (module_id % 2 == 0).then_some(module_id),
            metric: Word("lines"),
            value: 0.5,
            unit: Word("lines"),
        }
    }

    /// Scenario: rows are written and read back; then an export over it is given up. Guarantee: all tables are there, with
    /// their rows and empty cells; what was given up leaves nothing and changes nothing.
    #[test]
    fn a_folder_is_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/tables");
        let mut tables = Folder::create(&path).unwrap();
        for number in 0..10_000 {
            tables.add(&metric(number)).unwrap();
        }
        let written = tables.finish().unwrap();
        assert_eq!(written.len(), Table::ALL.len());
        let batches: Vec<_> = read(&path, Table::Metric, None).unwrap().collect();
        let rows: usize = batches
            .iter()
            .map(|batch| batch.as_ref().unwrap().num_rows())
            .sum();
        let empty: usize = batches
            .iter()
            .map(|batch| batch.as_ref().unwrap().column(2).null_count())
            .sum();
        assert_eq!((rows, empty), (10_000, 5_000));
        assert_eq!(read(&path, Table::Module, None).unwrap().rows(), 0);

        let mut given_up = Folder::create(&path).unwrap();
        given_up.add(&metric(1)).unwrap();
        drop(given_up);
        assert_eq!(fs::read_dir(&path).unwrap().count(), Table::ALL.len());
        assert_eq!(read(&path, Table::Metric, None).unwrap().rows(), 10_000);
        // The name of a row's struct is its table's.
        assert_eq!(<Module<'_> as Row>::TABLE.name(), "module");
    }

    /// Scenario: the folder's name is a file's; a table is no Parquet file. Guarantee: errors that name it.
    #[test]
    fn what_is_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::write(&path, "text").unwrap();
        let refused = Folder::create(&path).unwrap_err().to_string();
        assert!(
            refused.contains("taken") && refused.contains("cannot write into the folder"),
            "{refused}"
        );
        fs::write(folder.path().join("metric.parquet"), "PAR1 and not more").unwrap();
        let refused = read(folder.path(), Table::Metric, None).unwrap_err().to_string();
        assert!(refused.contains("metric.parquet"), "{refused}");
        let missing = read(folder.path(), Table::Call, None).unwrap_err().to_string();
        assert!(missing.contains("call.parquet"), "{missing}");
    }
}
