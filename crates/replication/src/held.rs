//! What a member's disk holds, as far as comparing needs it. Whoever drives this crate implements it over its store; only what
//! is synced may show.

use crate::section::{Section, Source};
use event::{Bucket, Seq, Shard};

/// The synced content of one disk. Gaps are not among the batches: [`Held::gaps`].
pub trait Held {
    /// Buckets before this are dropped.
    fn floor(&self) -> Bucket;
    /// By bucket, ascending: the sum of [`Section::digest`] over its batches.
    fn buckets(&self, shard: Shard) -> Vec<(Bucket, u128)>;
    /// By source, ascending: the same of one bucket.
    fn sources(&self, shard: Shard, bucket: Bucket) -> Vec<(Source, u128)>;
    /// Batches after a number, ascending, at most `max`.
    fn list(&self, shard: Shard, bucket: Bucket, source: Source, after: Seq, max: usize) -> Vec<Section>;
    /// What is given up and not held: disjoint, ascending.
    fn gaps(&self, shard: Shard) -> Vec<Section>;
    /// Is it held?
    fn has(&self, section: &Section) -> bool;
    /// How many answers its bytes take: of more than one, each is asked for with [`crate::Question::FetchPart`].
    fn parts(&self, _section: &Section) -> u64 {
        1
    }
}
