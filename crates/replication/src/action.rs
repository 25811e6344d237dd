//! What a member is to do: the only way in which this crate reaches the world.

use crate::message::{Message, Question, Ticket};
use crate::repair::Compare;
use crate::section::Section;
use event::Shard;
use placement::{Change, MemberId, ShardMap};
use std::sync::Arc;

/// To be done, in the order given. Nothing is done before.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send it; it may be lost.
    Send {
        /// To whom; never this member itself.
        to: MemberId,
        /// What.
        message: Message,
    },
    /// Keep the frame that came over the connection `from`: its bytes are sent until [`Action::Release`].
    Keep {
        /// Its name from now on.
        ticket: Ticket,
        /// Where it came from.
        from: u64,
    },
    /// The frame is not sent any more.
    Release {
        /// Which.
        ticket: Ticket,
    },
    /// Write and sync; then `Input::Written`, or `Input::WriteFailed`. What is held already counts as written when *it* is synced.
    Write {
        /// To be answered with.
        job: u64,
        /// Whose frame they are of, under which ticket and map; none: they came as copies, with the message that is being handled.
        frame: Option<(MemberId, Ticket, u64)>,
        /// What.
        sections: Vec<Section>,
    },
    /// Write and sync the bytes that came with the message that is being handled: parts of batches that are none yet, and that nothing
    /// is said of. Then `Input::Written` with one outcome, or `Input::WriteFailed`.
    WritePart {
        /// To be answered with.
        job: u64,
    },
    /// Compare with what is synced on this member's disk, which may block ([`crate::Compare::run`]); then `Input::Compared`, with the bytes that
    /// came with the message that is being handled.
    Compare(Box<Compare>),
    /// Answer a question about a shard with [`crate::answer`], which reads the disk: send what it says.
    Answer {
        /// To whom.
        to: MemberId,
        /// Which question.
        ask: u64,
        /// About which shard.
        shard: Shard,
        /// What.
        question: Question,
        /// The map that was durably adopted when it came, before the disk is looked at.
        epoch: u64,
        /// Has this disk never lost what it held?
        whole: bool,
    },
    /// Write and sync the map; then `Input::MapKept`.
    KeepMap(Arc<ShardMap>),
    /// A holder could not be reached: goes to [`crate::Hints`].
    Hint {
        /// Whom it is for.
        to: MemberId,
        /// What it lacks.
        section: Section,
    },
    /// Remember that a holder lacks it, durably, with the next sync.
    KeepHint {
        /// Who.
        to: MemberId,
        /// What.
        section: Section,
    },
    /// The hint may be forgotten.
    DropHint {
        /// Whose.
        to: MemberId,
        /// What.
        section: Section,
    },
    /// Tell the agent that these are on enough disks.
    Ack {
        /// Over which connection.
        from: u64,
        /// What.
        sections: Vec<Section>,
    },
    /// Tell the agent that this member holds none of the frame's shards; its map is older than this epoch.
    Stale {
        /// Over which connection.
        from: u64,
        /// This member's map.
        epoch: u64,
    },
    /// Tell the agent to wait and send again.
    Busy {
        /// Over which connection.
        from: u64,
    },
    /// Tell the agent that the number is taken by other events, for ever.
    Conflict {
        /// Over which connection.
        from: u64,
        /// Which.
        section: Section,
    },
    /// Somebody knows a map of at least this epoch: fetch it, if it is not known here.
    FetchMap(u64),
    /// Ask the coordinator for a change of the map.
    Propose {
        /// Of which shard.
        shard: Shard,
        /// Which.
        change: Change,
    },
}
