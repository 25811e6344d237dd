//! One table, written row by row in bounded memory.
//!
//! Rows gather in a batch; a full batch is encoded into the row group that is being made; a full row group goes out. So
//! memory is bound by [`WRITER_BYTES_MAX`], however long the table is. What is kept of a row group that went out is its
//! place and statistics, some 2 KiB.

use std::io::Write;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::cell::{Cells, Kind};
use crate::fault::{TablesFault, said};
use crate::table::{Columns, Row, SCHEMA_VERSION, Table};

/// Most rows of a batch.
pub const BATCH_ROWS_MAX: usize = 4096;
/// Bytes of texts after which a batch is full.
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// Rows after which a row group is full.
pub const GROUP_ROWS_MAX: usize = 1 << 19;
/// Encoded bytes after which a row group is full.
pub const GROUP_BYTES_MAX: usize = 4 << 20;
/// Bytes of a column's dictionary after which values are written in full.
const DICTIONARY_BYTES_MAX: usize = 128 << 10;
/// Bytes of a page before it is compressed.
const PAGE_BYTES_MAX: usize = 256 << 10;

/// Bytes that the writer of one table takes at most: a batch, a row group and one batch above its limit, and for each
/// column a dictionary, its hash table and the page that is being filled.
pub const WRITER_BYTES_MAX: usize = 2 * BATCH_BYTES_MAX
    + GROUP_BYTES_MAX
    + COLUMNS_MAX * (2 * BATCH_ROWS_MAX * 8 + 3 * DICTIONARY_BYTES_MAX + 2 * PAGE_BYTES_MAX);
/// Most columns of a table.
const COLUMNS_MAX: usize = 20;

/// Writes one table.
#[derive(Debug)]
pub struct TableWriter<W: Write + Send> {
    table: Table,
    columns: Columns,
    batch_rows: usize,
    batch_bytes: usize,
    rows: u64,
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> TableWriter<W> {
    /// A table without rows, to be written there.
    pub fn new(table: Table, to: W) -> Result<Self, TablesFault> {
        let columns = table.about().columns.iter();
        let writer = ArrowWriter::try_new(to, table.schema(), Some(properties(table)));
        Ok(Self {
            table,
            columns: Columns(columns.map(|column| Cells::new(column.kind)).collect()),
            batch_rows: 0,
            batch_bytes: 0,
            rows: 0,
            writer: writer.map_err(|fault| encode(table, &said(&fault)))?,
        })
    }

    /// One more row.
    pub fn add<R: Row>(&mut self, row: &R) -> Result<(), TablesFault> {
        if R::TABLE != self.table {
            return Err(TablesFault::OtherTable {
                row: R::TABLE,
                table: self.table,
            });
        }
        self.batch_bytes += row.put(&mut self.columns);
        self.batch_rows += 1;
        self.rows += 1;
        if self.batch_rows >= BATCH_ROWS_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
            self.end_batch()?;
        }
        Ok(())
    }

    fn end_batch(&mut self) -> Result<(), TablesFault> {
        let columns = self.columns.0.iter_mut().map(Cells::finish).collect();
        (self.batch_rows, self.batch_bytes) = (0, 0);
        let batch = RecordBatch::try_new(self.table.schema(), columns)
            .map_err(|fault| encode(self.table, &fault.to_string()))?;
        self.writer
            .write(&batch)
            .map_err(|fault| encode(self.table, &said(&fault)))?;
        if self.writer.in_progress_size() >= GROUP_BYTES_MAX {
            self.writer
                .flush()
                .map_err(|fault| encode(self.table, &said(&fault)))?;
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Row groups that went out.
    pub fn groups(&self) -> usize {
        self.writer.flushed_row_groups().len()
    }

    /// Bytes of memory that the encoder holds and the batch's texts.
    pub fn memory_bytes(&self) -> usize {
        self.writer.memory_size() + self.batch_bytes
    }

    /// Writes what is left and the table's end; returns where it was written to.
    pub fn finish(mut self) -> Result<W, TablesFault> {
        if self.batch_rows > 0 {
            self.end_batch()?;
        }
        self.writer
            .into_inner()
            .map_err(|fault| encode(self.table, &said(&fault)))
    }
}

fn encode(table: Table, fault: &str) -> TablesFault {
    TablesFault::Encode {
        table,
        fault: fault.to_owned(),
    }
}

/// Numbers ascend and ids begin alike: both are written as differences. Words are few: a dictionary.
fn properties(table: Table) -> WriterProperties {
    let key_value = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("elixirscope".to_owned())
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_data_page_size_limit(PAGE_BYTES_MAX)
        .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(vec![
            key_value("elixirscope.table", table.name().to_owned()),
            key_value("elixirscope.schema", SCHEMA_VERSION.to_string()),
        ]));
    for column in table.about().columns {
        let path = ColumnPath::from(column.name);
        let encoding = match column.kind {
            Kind::Integer | Kind::Long => Encoding::DELTA_BINARY_PACKED,
            Kind::Id => Encoding::DELTA_BYTE_ARRAY,
            Kind::Text | Kind::Word | Kind::Number | Kind::Flag => continue,
        };
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, encoding);
    }
    properties.build()
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind, Result};

    use super::*;
    use crate::cell::{Id, Word};
    use crate::rows::{AstEdge, Clone, DfgUse};

    /// A disk with so many bytes left.
    #[derive(Debug)]
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or_else(|| Error::from(ErrorKind::StorageFull))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn reading<'a>(pre: i64, nid: &'a str, name: &'a str) -> DfgUse<'a> {
        DfgUse {
            version: Word("v"),
            nid: Some(Id(nid)),
            pre,
            function_id: pre / 100,
            var: Some(pre / 3),
            name,
            role: Word("argument"),
            def: Some(0),
            def_pre: Some(pre - 1),
            def_nid: Some(Id(nid)),
            is_captured: false,
            line: 1,
        }
    }

    /// Scenario: 400,000 rows whose texts do not compress. Guarantee: memory stays below the stated bound at every row, and
    /// several row groups go out.
    #[test]
    fn memory_does_not_grow_with_the_table() {
        let mut writer = TableWriter::new(Table::DfgUse, Disk(usize::MAX)).unwrap();
        let mut state = 1u64;
        let mut most = 0;
        for pre in 0..400_000 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let text = format!("{:016x}{:016x}", state, state.rotate_left(17) ^ 0x9e37);
            writer.add(&reading(pre, &text, &text)).unwrap();
            most = most.max(writer.memory_bytes());
        }
        assert!(most <= WRITER_BYTES_MAX, "{most} bytes");
        assert!(writer.groups() > 1, "{} groups", writer.groups());
        assert_eq!(writer.rows(), 400_000);
        writer.finish().unwrap();
    }

    /// Scenario: the disk is full in the middle, or at the table's end. Guarantee: an error that says so, never a panic.
    #[test]
    fn a_full_disk_is_an_error_in_words() {
        for room in [0, 3, 1 << 10, 1 << 20] {
            let write = || -> std::result::Result<Disk, TablesFault> {
                let mut writer = TableWriter::new(Table::DfgUse, Disk(room))?;
                for pre in 0..400_000i64 {
                    let text = format!("{:032x}", pre.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15));
                    writer.add(&reading(pre, &text, &text))?;
                }
                writer.finish()
            };
            let fault = write().err().unwrap().to_string();
            assert!(fault.contains("no storage space"), "{room}: {fault}");
        }
    }

    /// Scenario: a row is given to another table's writer. Guarantee: it is refused by name, and the table stays whole.
    #[test]
    fn a_row_of_another_table_is_refused() {
        let mut writer = TableWriter::new(Table::AstEdge, Vec::new()).unwrap();
        let edge = AstEdge {
            version: Word("v"),
            parent: 0,
            child: 1,
            place: 0,
            role: Word("argument"),
        };
        let clone = Clone {
            version: Word("v"),
            clone_id: 0,
            piece: 0,
            clone_type: 1,
            likeness: 1.0,
            kind: Word("clause"),
            nodes: 30,
            file: Word("a.ex"),
            line: 1,
            end_line: 2,
            function_id: None,
        };
        writer.add(&edge).unwrap();
        let refused = writer.add(&clone).unwrap_err().to_string();
        assert_eq!(refused, "a row of table clone in table ast_edge");
        assert_eq!(writer.rows(), 1);
        assert!(!writer.finish().unwrap().is_empty());
    }
}
