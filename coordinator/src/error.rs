//! Why a start or a proposal failed.

use store::raft_log::{LogError, OpenError};

use crate::state::Refusal;

/// Why a coordinator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A folder could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log could not be read or written.
    #[error("coordinator log: {0}")]
    Log(#[from] LogError),
    /// What is stored cannot be understood.
    #[error("coordinator log: {0}")]
    Stored(String),
    /// The consensus library refused its settings or stopped.
    #[error("consensus: {0}")]
    Consensus(String),
    /// The group has no leader.
    #[error("no leader within {seconds} s: {status}")]
    NoLeader {
        /// How long was waited.
        seconds: u64,
        /// The group's state.
        status: String,
    },
    /// No member of the cluster took this one in.
    #[error("cannot join the cluster: {0}")]
    Join(String),
    /// The first commands were not accepted.
    #[error("first commands: {0}")]
    Propose(#[from] ProposeError),
    /// The first commands were refused.
    #[error("first commands: {0}")]
    Refused(#[from] Refusal),
    /// The metrics could not be registered.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Why a proposal has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Another member leads; nothing was done.
    #[error("this member does not lead the group; the leader is {}", leader.map_or("not known".into(), |id| format!("{id:x}")))]
    NotLeader {
        /// The leader's Raft id, if known.
        leader: Option<u64>,
    },
    /// The group cannot change so; nothing was done.
    #[error("the group cannot be changed: {0}")]
    Members(String),
    /// Too few members stored what the proposal names; nothing was done.
    #[error("{have} of the {need} members that must have the blobs have them")]
    Unstored {
        /// Members that have them.
        have: usize,
        /// A majority.
        need: usize,
    },
    /// The proposal is too large; nothing was done.
    #[error("proposal of about {got} bytes exceeds the limit of {limit}")]
    TooLarge {
        /// Its size.
        got: usize,
        /// The limit.
        limit: usize,
    },
    /// The coordinator is shutting down; nothing was done.
    #[error("coordinator is shutting down")]
    ShuttingDown,
    /// No answer in time: the proposal may or may not have been committed.
    #[error("no outcome within {seconds} s: it may or may not have been committed")]
    Unknown {
        /// How long was waited.
        seconds: u64,
    },
    /// Storage or consensus failed; the process must be restarted. The proposal may or may not have been committed.
    #[error("consensus stopped: {0}")]
    Stopped(String),
}

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Try again, elsewhere or later.
    Retry,
    /// The request itself is wrong.
    Invalid,
    /// This process must be restarted.
    Fatal,
}

impl ProposeError {
    /// What a caller can do about it. Commands are idempotent, so an unknown outcome is retried too.
    pub fn class(&self) -> Class {
        match self {
            Self::NotLeader { .. } | Self::Unstored { .. } | Self::ShuttingDown | Self::Unknown { .. } => {
                Class::Retry
            }
            Self::TooLarge { .. } | Self::Members(_) => Class::Invalid,
            Self::Stopped(_) => Class::Fatal,
        }
    }
}
