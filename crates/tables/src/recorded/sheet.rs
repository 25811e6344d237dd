//! A file of recorded rows, written in bounded memory: rows gather in a batch, batches in a row group.
//!
//! Rows come in *stretches*, each sorted; a stretch begins a row group, so that the statistics of a row group say what is in it.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::attributes::Attributes;
use super::beam::EventColumns;
use super::column::RecordedColumn;
use super::log::LogColumns;
use super::span::SpanColumns;
use super::{EventRow, LogRow, RECORDED_SCHEMA_VERSION, SpanRow};
use crate::fault::said;

/// Most rows of a batch.
const BATCH_ROWS_MAX: usize = 1024;
/// Bytes of cells after which a batch is full.
const BATCH_BYTES_MAX: usize = 2 << 20;
/// Rows after which a row group is full.
const GROUP_ROWS_MAX: usize = 1 << 17;
/// Encoded bytes after which a row group is full.
const GROUP_BYTES_MAX: usize = 16 << 20;
/// Bytes of a column's dictionary after which values are written in full.
const DICTIONARY_BYTES_MAX: usize = 256 << 10;
/// Bytes of a page before it is compressed.
const PAGE_BYTES_MAX: usize = 256 << 10;
/// What a stretch may have in memory where it is sorted there.
pub const STRETCH_BYTES_MAX: usize = 32 << 20;

/// A table of what was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recorded {
    /// Spans.
    Span,
    /// Log records.
    Log,
    /// Events of BEAM nodes.
    Event,
}

impl Recorded {
    /// All.
    pub const ALL: [Self; 3] = [Self::Span, Self::Log, Self::Event];

    /// The name of its folder: `spans`, `logs`, `events`.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Span => "spans",
            Self::Log => "logs",
            Self::Event => "events",
        }
    }

    /// Its columns, in order.
    #[must_use]
    pub fn columns(self) -> &'static [RecordedColumn] {
        match self {
            Self::Span => SpanColumns::COLUMNS,
            Self::Log => LogColumns::COLUMNS,
            Self::Event => EventColumns::COLUMNS,
        }
    }

    /// Its columns in Arrow.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        match self {
            Self::Span => schema::<SpanRow<'_>>(),
            Self::Log => schema::<LogRow<'_>>(),
            Self::Event => schema::<EventRow<'_>>(),
        }
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}

/// A row of one of the tables: [`SpanRow`], [`LogRow`], [`EventRow`].
pub(crate) trait RecordedRow {
    type Columns: fmt::Debug;
    const TABLE: Recorded;

    /// Adds the row; returns about how many bytes that are.
    fn put(&self, to: &mut Self::Columns, scratch: &mut Attributes) -> usize;
    fn make() -> Self::Columns;
    fn take(columns: &mut Self::Columns) -> Vec<ArrayRef>;
}

fn schema<R: RecordedRow>() -> SchemaRef {
    let arrays = R::take(&mut R::make());
    let columns = R::TABLE.columns().iter().zip(arrays);
    let fields: Vec<Field> = columns
        .map(|(column, array)| Field::new(column.name, array.data_type().clone(), true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// The columns of one of the tables.
#[derive(Debug)]
enum Columns {
    Span(Box<SpanColumns>),
    Log(Box<LogColumns>),
    Event(Box<EventColumns>),
}

/// Writes one file.
#[derive(Debug)]
pub struct Sheet<W: Write + Send> {
    schema: SchemaRef,
    columns: Columns,
    scratch: Attributes,
    batch_rows: usize,
    batch_bytes: usize,
    rows: u64,
    writer: ArrowWriter<W>,
}

/// What the encoder, or the disk, says.
#[derive(Debug, thiserror::Error)]
#[error("cannot write rows: {0}")]
pub struct SheetFault(pub String);

impl<W: Write + Send> Sheet<W> {
    /// A file without rows, to be written there.
    pub fn new(table: Recorded, to: W) -> Result<Self, SheetFault> {
        let schema = table.schema();
        let writer = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties(table)));
        Ok(Self {
            schema,
            columns: match table {
                Recorded::Span => Columns::Span(Box::new(SpanColumns::make())),
                Recorded::Log => Columns::Log(Box::new(LogColumns::make())),
                Recorded::Event => Columns::Event(Box::new(EventColumns::make())),
            },
            scratch: Attributes::default(),
            batch_rows: 0,
            batch_bytes: 0,
            rows: 0,
            writer: writer.map_err(|fault| SheetFault(said(&fault)))?,
        })
    }

    /// One more span. Rows of other tables are refused.
    pub fn span(&mut self, row: SpanRow<'_>) -> Result<(), SheetFault> {
        let Columns::Span(columns) = &mut self.columns else {
            return Err(SheetFault("a span among other rows".to_owned()));
        };
        let bytes = row.put(columns, &mut self.scratch);
        self.added(bytes)
    }

    /// One more log record. Rows of other tables are refused.
    pub fn log(&mut self, row: LogRow<'_>) -> Result<(), SheetFault> {
        let Columns::Log(columns) = &mut self.columns else {
            return Err(SheetFault("a log record among other rows".to_owned()));
        };
        let bytes = row.put(columns, &mut self.scratch);
        self.added(bytes)
    }

    /// One more event. Rows of other tables are refused.
    pub fn event(&mut self, row: EventRow<'_>) -> Result<(), SheetFault> {
        let Columns::Event(columns) = &mut self.columns else {
            return Err(SheetFault("an event among other rows".to_owned()));
        };
        let bytes = row.put(columns, &mut self.scratch);
        self.added(bytes)
    }

    fn added(&mut self, bytes: usize) -> Result<(), SheetFault> {
        self.batch_bytes += bytes;
        self.batch_rows += 1;
        self.rows += 1;
        if self.batch_rows >= BATCH_ROWS_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
            self.end_batch()?;
        }
        Ok(())
    }

    fn end_batch(&mut self) -> Result<(), SheetFault> {
        if self.batch_rows == 0 {
            return Ok(());
        }
        (self.batch_rows, self.batch_bytes) = (0, 0);
        let arrays = match &mut self.columns {
            Columns::Span(columns) => columns.take(),
            Columns::Log(columns) => columns.take(),
            Columns::Event(columns) => columns.take(),
        };
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|fault| SheetFault(fault.to_string()))?;
        self.writer
            .write(&batch)
            .map_err(|fault| SheetFault(said(&fault)))?;
        if self.writer.in_progress_size() >= GROUP_BYTES_MAX {
            self.writer.flush().map_err(|fault| SheetFault(said(&fault)))?;
        }
        Ok(())
    }

    /// Ends a sorted stretch: the next row begins a row group.
    pub fn end_stretch(&mut self) -> Result<(), SheetFault> {
        self.end_batch()?;
        self.writer.flush().map_err(|fault| SheetFault(said(&fault)))
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that were written or will be, about.
    pub fn file_bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size() + self.batch_bytes / 8) as u64
    }

    /// Bytes of memory that the encoder holds, and the batch.
    pub fn memory_bytes(&self) -> usize {
        self.writer.memory_size() + self.batch_bytes
    }

    /// Writes what is left and the file's end; returns where it was written to.
    pub fn finish(mut self) -> Result<W, SheetFault> {
        self.end_batch()?;
        self.writer.into_inner().map_err(|fault| SheetFault(said(&fault)))
    }
}

/// Rows are sorted by trace. Ids begin alike in one trace, numbers of neighbours differ little.
fn properties(table: Recorded) -> WriterProperties {
    let key_value = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("elixirscope".to_owned())
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_data_page_size_limit(PAGE_BYTES_MAX)
        .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 0,
            descending: false,
            nulls_first: true,
        }]))
        .set_key_value_metadata(Some(vec![
            key_value("elixirscope.table", table.folder().to_owned()),
            key_value("elixirscope.schema", RECORDED_SCHEMA_VERSION.to_string()),
        ]));
    for column in table.columns() {
        let path = ColumnPath::from(column.name);
        let encoding = match column.sql {
            "BIGINT" | "TIMESTAMPTZ" => Encoding::DELTA_BINARY_PACKED,
            "VARCHAR" if column.name.ends_with("span_id") => Encoding::PLAIN,
            _ => continue,
        };
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, encoding);
    }
    properties.build()
}
