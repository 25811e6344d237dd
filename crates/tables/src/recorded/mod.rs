//! What was recorded, as rows: spans, log records and events of BEAM nodes. Unlike the static tables ([`crate::rows`]) they
//! have lists and maps in their cells, and come from the vocabulary's own types. Read [`Sheet`] first; columns are described
//! where their rows are put ([`SpanRow`], [`LogRow`], [`EventRow`]) and in `docs/export.md`.

mod attributes;
mod beam;
mod column;
mod json;
mod log;
mod page;
mod sheet;
mod span;

pub use beam::{BeamEvent, EventRow, Said};
pub use column::RecordedColumn;
pub use log::LogRow;
pub use page::{RECORDED_MARK, recorded_page};
pub use sheet::{Recorded, STRETCH_BYTES_MAX, Sheet, SheetFault};
pub use span::SpanRow;

/// The version of the three tables together. A column that is added keeps it; one that goes, or means something else, makes
/// a new one.
pub const RECORDED_SCHEMA_VERSION: u32 = 1;
