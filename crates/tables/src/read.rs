//! A table read back, batch by batch, for engines that run in this process.

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::fault::{TablesFault, said};
use crate::folder::file_name;
use crate::table::Table;

/// Rows of a batch that is read.
pub const BATCH_ROWS_READ: usize = 8192;

/// The batches of a table, in the order of its rows.
#[derive(Debug)]
pub struct Batches {
    table: Table,
    rows: u64,
    reader: ParquetRecordBatchReader,
}

/// Opens a table of an export. `columns`: those that are wanted, by name (in the table's order); `None`: all. A file of
/// another schema is refused; columns behind those that this program knows are left out.
pub fn read(folder: &Path, table: Table, columns: Option<&[&str]>) -> Result<Batches, TablesFault> {
    let path = folder.join(file_name(table));
    let refused = |fault: String| TablesFault::Read {
        path: path.clone(),
        fault,
    };
    let file = File::open(&path).map_err(|fault| refused(fault.to_string()))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|fault| refused(said(&fault)))?;
    let expected = table.schema();
    for (at, wanted) in expected.fields().iter().enumerate() {
        let found = builder.schema().fields().get(at);
        if found != Some(wanted) {
            let found = found.map_or_else(|| "nothing".to_owned(), |found| format!("{found}"));
            return Err(TablesFault::Schema {
                path,
                table,
                difference: format!("column {at} is {found}, not {wanted}"),
            });
        }
    }
    let wanted = expected.fields().iter().enumerate().filter_map(|(at, field)| {
        let is_wanted = columns.is_none_or(|columns| columns.contains(&field.name().as_str()));
        is_wanted.then_some(at)
    });
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    let rows = builder.metadata().file_metadata().num_rows();
    let reader = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS_READ)
        .build()
        .map_err(|fault| refused(said(&fault)))?;
    Ok(Batches {
        table,
        rows: u64::try_from(rows).unwrap_or_default(),
        reader,
    })
}

impl Batches {
    /// The table.
    #[must_use]
    pub fn table(&self) -> Table {
        self.table
    }

    /// Rows of the whole table.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, TablesFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|fault| TablesFault::Read {
            path: file_name(self.table).into(),
            fault: fault.to_string(),
        }))
    }
}
