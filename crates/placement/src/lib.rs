//! Where things belong: shards, buckets and sets of batch numbers. Pure arithmetic; knows no member and no storage.
//!
//! Read [`shard_of`] and [`IntervalSet`] first. The rules are those of `docs/wire-format.md`.

mod bucket;
mod interval_codec;
mod interval_set;
mod shard;

pub use bucket::{bucket_end, bucket_of, bucket_start};
pub use interval_codec::{IntervalError, interval_set_decode, interval_set_encode};
pub use interval_set::{Interval, IntervalSet};
pub use shard::{shard_of, shard_of_event, shard_of_process};
