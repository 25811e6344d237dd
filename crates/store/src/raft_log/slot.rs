//! The small values that are kept beside the log.

/// A small value kept beside the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Who this log belongs to.
    Identity,
    /// The last vote.
    Vote,
    /// How far the log is known to be committed.
    Committed,
    /// The last entry that was purged; written by [`super::RaftLog::purge`].
    Purged,
}

impl Slot {
    pub(super) fn key(self) -> &'static [u8] {
        match self {
            Self::Identity => b"identity",
            Self::Vote => b"vote",
            Self::Committed => b"committed",
            Self::Purged => b"purged",
        }
    }
}
