//! Where things belong: shards, buckets and sets of batch numbers. Pure arithmetic; knows no member and no storage.
//!
//! Read [`shard_of`] and [`IntervalSet`] first (the rules of `docs/wire-format.md`); of clusters [`assign()`], [`ShardMap`],
//! [`written`] and [`Takeover`].

mod assign;
mod bucket;
mod digest;
mod interval_codec;
mod interval_set;
mod map;
mod member;
mod quorum;
mod shard;
mod takeover;

pub use assign::{PLAY_PER_CENT, assign};
pub use bucket::{bucket_end, bucket_of, bucket_start};
pub use digest::batch_digest;
pub use interval_codec::{IntervalError, interval_set_decode, interval_set_encode};
pub use interval_set::{Interval, IntervalSet};
pub use map::{Change, ChangeError, Holders, ShardMap, Standing};
pub use member::{Candidate, MemberId};
pub use quorum::{Written, read_is_whole, read_quorum, write_quorum, written};
pub use shard::{shard_of, shard_of_event, shard_of_process};
pub use takeover::Takeover;
