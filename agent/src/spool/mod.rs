//! The spool: everything that was taken from nodes and is not acknowledged, on disk.
//!
//! Append-only segments of records ([`record`]). A commit is one record: the marks of the nodes and the frames that
//! hold their events stand or fall together. A segment begins with all marks and goes when nothing in it lives. One
//! owner writes ([`writer`], [`tidy`]); others read frames and move the index on ([`Shared`]).

mod identity;
mod index;
mod ledger;
mod lost;
mod marks;
mod record;
mod recover;
mod reserve;
mod segment;
#[cfg(test)]
mod tests;
mod tidy;
mod writer;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use event::Epoch;
use parking_lot::Mutex;
use wire::control::{AckRange, AgentMessage};
use wire::frame::SectionEntry;

pub use identity::DataDirError;
pub(crate) use identity::write as write_file;
pub(crate) use index::{GivenUp, Index, Location, Part};
pub use ledger::{AgentDrop, Ledger};
pub(crate) use marks::Marks;
pub(crate) use recover::Recovered;
pub(crate) use writer::Spool;

impl Part {
    pub(crate) fn of(section: &SectionEntry) -> Self {
        Self {
            shard: section.shard,
            first: section.seq,
            last: section.last_seq(),
            rows: section.rows,
            gap: section.gap.is_some(),
        }
    }
}

/// A frame that is to be stored.
#[derive(Debug)]
pub(crate) struct NewFrame {
    pub(crate) bytes: Vec<u8>,
    pub(crate) epoch: Epoch,
    pub(crate) parts: Vec<Part>,
}

/// What is stored together.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    pub(crate) marks: Marks,
    pub(crate) frames: Vec<NewFrame>,
    pub(crate) described: Vec<(u64, Bytes)>,
    pub(crate) noted: Vec<u64>,
    pub(crate) acks: Vec<AckRange>,
}

/// What the writer and the sender share.
#[derive(Debug)]
pub(crate) struct Shared {
    dir: PathBuf,
    pub(crate) index: Mutex<Index>,
    /// Marks that are on disk.
    pub(crate) marks: Mutex<Marks>,
}

impl Shared {
    /// The bytes of a frame. An error or damage is for the caller to judge.
    pub(crate) fn read(&self, at: Location) -> io::Result<Vec<u8>> {
        let file = File::open(segment_path(&self.dir, at.segment))?;
        let mut bytes = vec![0; at.bytes as usize];
        file.read_exact_at(&mut bytes, at.offset)?;
        Ok(bytes)
    }
}

/// Is this error about space?
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn segment_path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:016x}.seg"))
}

/// The same description of the same node, of which only the newest is of interest.
pub(crate) fn superseded_by(new: &AgentMessage, old: &AgentMessage) -> bool {
    use wire::control::ModulesOp;
    match (new, old) {
        (AgentMessage::Node { description: new, .. }, AgentMessage::Node { description: old, .. }) => {
            new.node.key == old.node.key
        }
        (
            AgentMessage::Modules {
                node: new,
                op: ModulesOp::Snapshot,
                ..
            },
            AgentMessage::Modules { node: old, .. },
        ) => new == old,
        (AgentMessage::Define { table: new, .. }, AgentMessage::Define { table: old, .. }) => new == old,
        _ => false,
    }
}

/// A range of one part.
pub(crate) fn range_of(epoch: Epoch, part: &Part) -> AckRange {
    AckRange {
        epoch,
        shard: part.shard,
        first: part.first,
        last: part.last,
    }
}
