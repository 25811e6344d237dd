//! Sends a version: the receiver says which blobs it lacks, those go, then the version is made known. Each step may be
//! repeated: what arrived before an interruption is not wanted again, and a version that is there already stays.

use codegraph::{ContentHash, VersionId};

use crate::index::{Index, IndexFault, Progress};

/// Why a receiver did not take something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PublishFault {
    /// In words.
    pub message: String,
    /// Worth trying again: busy or not reachable; not a refusal.
    pub retry: bool,
}

/// Where versions go.
pub trait Publisher {
    /// Which blobs of the version with these manifest bytes are lacking.
    fn want(&mut self, manifest: &[u8]) -> Result<Vec<ContentHash>, PublishFault>;
    /// Takes a blob; one that is there already is no fault.
    fn put(&mut self, hash: ContentHash, bytes: &[u8]) -> Result<(), PublishFault>;
    /// Makes the version known. All its blobs are there.
    fn commit(&mut self, manifest: &[u8]) -> Result<VersionId, PublishFault>;
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The version.
    pub version: VersionId,
    /// Blobs that the version consists of.
    pub blobs: usize,
    /// Blobs that were lacking.
    pub sent_blobs: usize,
    /// Their bytes.
    pub sent_bytes: u64,
}

/// Why a version was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The receiver.
    #[error(transparent)]
    Receiver(#[from] PublishFault),
    /// This side.
    #[error(transparent)]
    Index(#[from] IndexFault),
    /// The receiver gave the version another id.
    #[error("the receiver calls the version {theirs}, but it is {ours}")]
    OtherVersion {
        /// The receiver's.
        theirs: VersionId,
        /// The manifest's.
        ours: VersionId,
    },
}

/// Publishes a version. `progress` counts blobs, its path is the blob's hash.
pub fn publish(
    index: &Index,
    publisher: &mut dyn Publisher,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Published, PublishError> {
    let manifest = index.manifest.encode();
    let ours = VersionId::of(&manifest);
    let wanted = publisher.want(&manifest)?;
    let mut sent_bytes = 0;
    for (done, hash) in wanted.iter().enumerate() {
        let bytes = index.blob(hash)?;
        publisher.put(*hash, &bytes)?;
        sent_bytes += bytes.len() as u64;
        progress(Progress {
            done: done + 1,
            total: wanted.len(),
            path: &hash.to_string(),
        });
    }
    let theirs = publisher.commit(&manifest)?;
    if theirs != ours {
        return Err(PublishError::OtherVersion { theirs, ours });
    }
    Ok(Published {
        version: ours,
        blobs: index.manifest.blobs().len(),
        sent_blobs: wanted.len(),
        sent_bytes,
    })
}
