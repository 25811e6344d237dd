//! Storage failures in openraft's words, and storage calls off the async threads.

use openraft::{AnyError, ErrorSubject, ErrorVerb, StorageIOError};

use super::StorageError;
use crate::codec::CodecError;
use crate::state::Format;
use store::raft_log::LogError;

/// Why a storage call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("storage task ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
    #[error(
        "the cluster writes format {in_force}, this program only up to {newest}: start it with a newer release"
    )]
    TooOld { in_force: Format, newest: Format },
    #[error("log has no entry {expected}: found {got}")]
    Hole { expected: u64, got: u64 },
}

impl Failure {
    /// As openraft wants it.
    pub(super) fn at(&self, subject: ErrorSubject<u64>, verb: ErrorVerb) -> StorageError {
        StorageError::IO {
            source: StorageIOError::new(subject, verb, AnyError::new(self)),
        }
    }
}

/// Runs a blocking storage call and waits for it.
pub(super) async fn blocking<T, F>(call: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Failure> + Send + 'static,
{
    tokio::task::spawn_blocking(call).await?
}
