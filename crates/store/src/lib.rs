//! What a member keeps on disk. The only crate that names RocksDB.
//!
//! Read [`Store`] first: frames go in by [`Store::submit`], traces come out by [`Store::traces`] and
//! [`Store::trace_rows`]. The key families are on one page, `docs/keyspace.md`. Beside it stand the coordinator's
//! [`raft_log`], the [`blobs`] and the [`code_records`], each a database of its own.
//!
//! Frames are stored as the bytes that were sent. One thread writes ([`Receipt`] says what became of each batch); a commit is
//! one write batch and one sync of the log, for all that waits. In the background frames are merged by trace into sorted
//! runs; batches, digests and duplicates are the same before and after.

mod admit;
mod audit;
mod batches;
pub mod blobs;
mod bytes;
pub mod code_records;
mod commit;
mod counters;
mod damage;
mod db;
mod digest;
mod error;
mod events;
mod exports;
mod frame_key;
mod frames;
mod list_traces;
mod logs;
mod losses;
mod meta;
mod nodes;
mod options;
mod producers;
pub mod raft_log;
mod read_trace;
mod replicas;
mod runs;
mod spans;
mod state;
mod stats;
mod store;
mod summary;
mod upkeep;
mod writer;

pub use admit::{Admission, FrameOutcome, SectionOutcome};
pub use audit::{AUDIT_EVENTS_MAX, Audit};
pub use counters::Totals;
pub use damage::Damage;
pub use digest::{FrameDigest, FrameToStore, SectionDigest};
pub use error::{Class, OpenError, StoreError};
pub use exports::{BucketMark, BucketState, ExportNote, StoredEvents};
pub use list_traces::{LIST_MAX, TraceFilter};
pub use logs::{LogFilter, log_shard};
pub use losses::{GapRecord, LOSSES_MAX, Losses};
pub use meta::{FORMAT, FORMAT_LEAST, Owner};
pub use options::{Now, StoreOptions};
pub use read_trace::{ROWS_MAX, TraceRows};
pub use replicas::{
    CUT_SECTIONS_MAX, CutFrame, HeldSection, Hint, HintKey, Marker, SourceDigest, SpanPage, Synced,
};
pub use spans::COPIED_BYTES_MAX;
pub use spans::{Clause, Inspected, Needs, SpanStats};
pub use stats::StoreStats;
pub use store::Store;
/// A frame of spans: [`FrameToStore`] is of either kind.
pub type SpanFrameToStore = FrameToStore;
pub use summary::{ROOT_NAME_BYTES_MAX, SUMMARY_NODES_MAX, TraceSummary};
pub use writer::{CommitInfo, Done, Receipt};
