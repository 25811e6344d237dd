//! The part of a comparison that reads the disk: taken out of the core, run wherever reading may block, and given back.

use super::pull::{Pull, Step};
use crate::held::Held;
use crate::message::Answer;
use std::time::Duration;

/// What a comparison has to look at next.
#[derive(Clone, Debug)]
pub(super) enum Came {
    /// An answer of the peer.
    Answer(Answer),
    /// What the last answer brought is on disk.
    Written,
}

/// An answer to be held against what is held here. [`Self::run`] reads the disk, and nothing else does.
#[derive(Clone, Debug)]
pub struct Compare {
    pub(super) ask: u64,
    pub(super) pull: Pull,
    pub(super) came: Came,
    pub(super) now: Duration,
}

/// What came of it, for `Input::Compared`.
#[derive(Clone, Debug)]
pub struct Compared {
    pub(super) ask: u64,
    pub(super) pull: Pull,
    pub(super) step: Step,
}

impl Compare {
    /// Compares. Reads a bucket's lists at most; to be run off the thread that owns the core.
    pub fn run(self, held: &dyn Held) -> Compared {
        let Self {
            ask,
            mut pull,
            came,
            now,
        } = self;
        let step = match came {
            Came::Answer(answer) => pull.answered(now, answer, held),
            Came::Written => pull.written(now, held),
        };
        Compared { ask, pull, step }
    }
}
