//! Format versions: what members may write, so that a release can be taken back until all run the new one (`docs/cluster.md`, "Formats").
//!
//! The format in force is part of the state, and only [`Command::Finalize`] raises it. A command that older releases do not know is refused
//! until then; fields that they do not know are not written until then, because they would drop them and their states would differ.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Command, MemberId, Outcome, Refusal, State};

/// A number that stands for the formats of calls, of the log's commands and of the state, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Format(pub u32);

impl Format {
    /// What was written before there were numbers.
    pub const FIRST: Self = Self(1);
    /// Members say in the state what they can write; losses that were accepted are remembered ([`State::losses`]), and forgotten when an operator
    /// says so; a change that is asked for again after an unknown outcome is made once ([`State::requests`]).
    pub const SECOND: Self = Self(2);
    /// Collectors may write format 4 of the store. Nothing of it is in the log or the state.
    pub const THIRD: Self = Self(3);
    /// The latest that this program reads and writes.
    pub const NEWEST: Self = Self::THIRD;

    /// Is it what was written before there were numbers? (Such a state says nothing, as it did then.)
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    pub(super) fn is_first(&self) -> bool {
        *self == Self::FIRST
    }
}

impl Default for Format {
    fn default() -> Self {
        Self::FIRST
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What only one disk had when its loss was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Whose disk.
    pub member: MemberId,
    /// When it was accepted, by the clock of the member that was asked: Unix time in milliseconds; 0 = not known. What was acknowledged
    /// before may be missing.
    pub at_unix_ms: u64,
}

impl Command {
    /// The first format that has it. One that every release knows may still have fields of a later one.
    pub fn since(&self) -> Format {
        match self {
            Self::ForgetLosses { .. } => Format::SECOND,
            Self::Audited { command, .. } => command.since(),
            // `Finalize` too: it is what says that all can read more, and names its own.
            _ => Format::FIRST,
        }
    }
}

impl State {
    /// Refuses what members of older releases do not know.
    pub(super) fn in_force(&self, command: &Command) -> Result<(), Refusal> {
        let (needs, in_force) = (command.since(), self.format);
        if needs > in_force {
            return Err(Refusal::NotFinalized { needs, in_force });
        }
        Ok(())
    }
}

/// Raises the format in force. That all members can is for who proposes it to see: the state does not know.
pub(super) fn finalize(state: &mut State, format: Format) -> Outcome {
    if format <= state.format {
        return Outcome::Unchanged;
    }
    state.format = format;
    Outcome::Done
}

/// Forgets accepted losses: of one shard, or of all.
pub(super) fn forget_losses(state: &mut State, shard: Option<u16>) -> Outcome {
    let mut losses = (*state.losses).clone();
    losses.retain(|of, _| shard.is_some_and(|shard| shard != *of));
    if losses == *state.losses {
        return Outcome::Unchanged;
    }
    state.losses = losses.into();
    Outcome::Done
}
