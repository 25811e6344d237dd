//! What is replicated: a section of a frame, data or gap. Its bytes stay with whoever drives this crate.

use event::{Bucket, Epoch, Producer, Seq, Shard};
use placement::batch_digest;

/// One life of a producer: with shard and seq it names a batch for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Who cut the batch.
    pub producer: Producer,
    /// In which of its lives.
    pub epoch: Epoch,
}

/// A batch, or a gap that names batches given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Section {
    /// Whose.
    pub source: Source,
    /// For which shard.
    pub shard: Shard,
    /// Its number; of a gap the first.
    pub first: Seq,
    /// Equal to `first` unless a gap.
    pub last: Seq,
    /// Is it a gap?
    pub gap: bool,
    /// Its slice of time.
    pub bucket: Bucket,
    /// Hash of its events; 0 for a gap.
    pub content: u64,
    /// What it costs to send and to keep.
    pub bytes: u32,
}

impl Section {
    /// Its part of a digest.
    pub fn digest(&self) -> u128 {
        let content = if self.gap { self.last.0 } else { self.content };
        let Source { producer, epoch } = self.source;
        batch_digest(producer, epoch, self.shard, self.first, content)
    }

    /// Do both name the same batch, or the same gap?
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |s: &Self| (s.source, s.shard, s.first, s.last, s.gap);
        key(self) == key(other)
    }
}
