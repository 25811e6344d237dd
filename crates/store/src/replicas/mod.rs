//! What replication needs of a disk: what is synced at one moment, batches as frames of their own, and what a member keeps beside
//! its batches (hints, the map, the disk's marker). `docs/replication.md` says what for; nothing here knows of other members.

mod cut;
mod gaps;
mod hints;
mod logs;
mod marker;
mod pages;
mod pieces;
mod spans;
mod synced;

pub use cut::{CUT_SECTIONS_MAX, CutFrame};
pub(crate) use hints::{FAMILY as HINTS, WaitingHints};
pub use hints::{Hint, HintKey};
pub use marker::Marker;
pub(crate) use pages::PAGE_BYTES;
pub use pages::SpanPage;
pub use synced::{SourceDigest, Synced};

use event::{Bucket, Epoch, Producer, Seq, Shard};

/// A batch that is held, or numbers given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldSection {
    /// Who cut it.
    pub producer: Producer,
    /// In which of its lives.
    pub epoch: Epoch,
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
    /// Hash of its events or spans; 0 for a gap.
    pub content: u64,
    /// Bytes of a frame of it alone, about: the share of a batch in what it lies in.
    pub bytes: u32,
}
