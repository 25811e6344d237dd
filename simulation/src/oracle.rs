//! What an all-knowing observer wrote down: what was made, what agents were told, what they let go.

use event::{Seq, Shard};
use replication::{Section, Source};
use std::collections::BTreeMap;

/// Names a batch, or a gap by its first number.
pub type Id = (Shard, Source, Seq);

/// The name of a section.
pub fn id(section: &Section) -> Id {
    (section.shard, section.source, section.first)
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which, by its file.
    pub invariant: &'static str,
    /// What was seen.
    pub seen: String,
}

/// A violation.
pub fn violated<T>(invariant: &'static str, seen: String) -> Result<T, Violation> {
    Err(Violation { invariant, seen })
}

/// The observer's book.
#[derive(Debug, Default)]
pub struct Oracle {
    /// Batches that were on an agent's disk.
    pub emitted: BTreeMap<Id, Section>,
    /// Gaps that were on an agent's disk.
    pub given_up: BTreeMap<Id, Section>,
    /// Batches acknowledged, and when first.
    pub acked: BTreeMap<Id, (u64, Section)>,
    /// Gaps acknowledged.
    pub acked_gaps: BTreeMap<Id, Section>,
    /// Reads that ended: complete ones, others.
    pub reads: [u64; 2],
    /// Buckets of shards sealed on some machine.
    pub sealed: u64,
}
