//! What members say to each other. Times out, is lost, comes twice or late: every message may.

use crate::section::{Section, Source};
use event::{Bucket, Seq, Shard};
use placement::MemberId;

/// A frame on its way through one front. Unique for ever: confirmations from before a restart must not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// One start of the front's process: never the same twice for one member.
    pub life: u64,
    /// Counted from 1.
    pub number: u64,
}

/// What a replica says of one section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// On its disk, synced; or expired, which counts as done.
    Synced,
    /// The shard changed hands: fetch this epoch. Counts nothing, whatever is on disk.
    Stale(u64),
    /// The replica has yet to learn the writer's map; try again.
    Behind,
    /// Its producer left too many holes, or too much waits; try again.
    Later,
    /// The number is on its disk with other events. Never accepted.
    Conflict,
    /// It takes no writes: a sync failed, or its disk lost what it held.
    Stopped,
}

/// A message between members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Write these, and say when they are synced. The frame's bytes follow. Numbers are positions in the frame.
    Append {
        /// Which frame.
        ticket: Ticket,
        /// The writer's map.
        epoch: u64,
        /// What to write.
        sections: Vec<(u16, Section)>,
    },
    /// What became of them.
    Appended {
        /// Of which frame.
        ticket: Ticket,
        /// The writer's map, as it came.
        epoch: u64,
        /// By position in the frame.
        verdicts: Vec<(u16, Verdict)>,
    },
    /// Have these too: a hint, or found missing by comparing. Acknowledges nothing. Their bytes follow.
    Copy {
        /// To be answered with; 0: no answer is wanted.
        copy: u64,
        /// The sender's map.
        epoch: u64,
        /// What to write.
        sections: Vec<Section>,
    },
    /// They are on disk, or no concern of this member.
    Copied {
        /// Of which copy.
        copy: u64,
    },
    /// A question about a shard.
    Ask {
        /// To be answered with.
        ask: u64,
        /// Which shard.
        shard: Shard,
        /// What.
        question: Question,
    },
    /// Its answer.
    Answer {
        /// Of which question.
        ask: u64,
        /// Which shard.
        shard: Shard,
        /// What.
        answer: Answer,
    },
    /// To whoever drives a move: the sender now holds all that `source` held after it had adopted the map of this epoch.
    Includes {
        /// Which shard.
        shard: Shard,
        /// When the move began.
        epoch: u64,
        /// Whose batches.
        source: MemberId,
    },
}

/// What one replica asks of another, to have what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The digest of each bucket.
    Buckets,
    /// What is given up.
    Gaps,
    /// The digest of each source in a bucket.
    Sources(Bucket),
    /// The batches of a source in a bucket, after this number.
    List(Bucket, Source, Seq),
    /// These batches, with their bytes.
    Fetch(Vec<Section>),
    /// Batches of one bucket whose bytes are too many for one answer: what comes next of these, from a place on. The first is 0, the
    /// others are as the answers say.
    FetchPart(Vec<Section>, u64),
}

/// An answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The shard as the replica holds it, synced, at one moment.
    Buckets {
        /// The map that it has durably adopted.
        epoch: u64,
        /// Its disk never lost what it held.
        whole: bool,
        /// Buckets before this are dropped.
        floor: Bucket,
        /// By bucket.
        digests: Vec<(Bucket, u128)>,
        /// Of what is given up and not held.
        gaps: u128,
    },
    /// Gaps, at most [`crate::LIST_MAX`].
    Gaps(Vec<Section>),
    /// Digests by source.
    Sources(Bucket, Vec<(Source, u128)>),
    /// Batches, ascending, at most [`crate::LIST_MAX`]; fewer: it was the end.
    List(Bucket, Source, Vec<Section>),
    /// What is there of what was asked for, with its bytes; without what only parts can bring.
    Data(Vec<Section>),
    /// Bytes that are no batch yet, and where the next part begins; 0: this was the last, and with all parts that came before it these
    /// batches are there.
    Part(Vec<Section>, u64),
}
