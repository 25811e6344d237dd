//! Totals since the store was opened.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: AtomicU64,)* }

        /// Totals since the store was opened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Totals { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            pub(crate) fn totals(&self) -> Totals {
                Totals { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Commits, each with one sync.
    commits,
    /// Frames stored.
    frames,
    /// Bytes of frames stored.
    bytes,
    /// Batches and gaps stored.
    sections,
    /// Events stored.
    events,
    /// Frames of spans stored.
    span_frames,
    /// Spans stored.
    spans,
    /// Log records stored.
    logs,
    /// Log records dropped with their buckets.
    dropped_logs,
    /// Runs of spans sealed.
    span_runs,
    /// Bytes of their blocks.
    span_run_bytes,
    /// Runs of spans made of others.
    span_merges,
    /// Bytes of their blocks.
    span_merged_bytes,
    /// Spans dropped with their buckets.
    dropped_spans,
    /// Batches that were held already.
    duplicates,
    /// Batches whose number was held with other content.
    conflicts,
    /// Batches of buckets that are dropped.
    expired,
    /// Batches put off because their producer left too many holes.
    put_off,
    /// Runs of events sealed.
    runs,
    /// Bytes of their blocks.
    run_bytes,
    /// Buckets closed.
    closed,
    /// Buckets dropped.
    dropped_buckets,
    /// Frames dropped with their buckets.
    dropped_frames,
    /// Frames that were found damaged at start or when they were sealed.
    damaged_frames,
    /// Their batches and gaps, which are held no more: to be fetched from other members.
    damaged_batches,
    /// Requests refused because the disk was full.
    disk_full,
    /// Requests refused because a write failed, theirs or one before.
    write_failed,
    /// Requests refused because too many bytes waited.
    queue_full,
}

pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
