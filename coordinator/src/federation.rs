//! Blobs over the group: a majority has them on disk before a command names them; who lacks one fetches it from the others.
//!
//! Blobs go by have and want: the receiver says what it lacks, gets that, and is asked again, so that only what it found whole
//! under the right hash counts. The hash is the name, so nobody can be made to keep bytes under a wrong one.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use codegraph::{ContentHash, Manifest};
use store::blobs::{BLOB_BYTES_MAX, BlobError, Blobs};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::error::ProposeError;
use crate::participant::Participant;
use crate::peers::{Answer, Kind};
use crate::state::{Command, State};

/// Bytes of blobs in one call, unless one blob alone has more.
const CALL_BYTES: usize = 8 << 20;
/// Hashes in one call.
const CALL_HASHES: usize = 100_000;
/// One call that carries blobs.
const CALL_WITHIN: Duration = Duration::from_secs(30);
/// How long a majority may take to store what a command names.
const MAJORITY_WITHIN: Duration = Duration::from_mins(2);
/// Between two tries to bring a member the blobs.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two looks for blobs that this member lacks, when nothing new was named.
const LOOK: Duration = Duration::from_secs(30);
const HASH_BYTES: usize = 32;

/// Runs a blocking call on the blobs.
pub(crate) async fn with<T, F>(blobs: &Blobs, call: F) -> Result<T, BlobError>
where
    T: Send + 'static,
    F: FnOnce(&Blobs) -> Result<T, BlobError> + Send + 'static,
{
    let blobs = blobs.clone();
    let done = tokio::task::spawn_blocking(move || call(&blobs)).await;
    done.unwrap_or_else(|e| Err(BlobError::Task(e.to_string())))
}

/// Those of the hashes whose blobs are not here, or not whole.
pub(crate) async fn lacking(blobs: &Blobs, hashes: Vec<ContentHash>) -> Result<Vec<ContentHash>, BlobError> {
    with(blobs, move |blobs| {
        let mut missing = Vec::new();
        for hash in hashes {
            match blobs.get(hash) {
                Ok(Some(_)) => {}
                Ok(None) | Err(BlobError::Damaged { .. }) => missing.push(hash),
                Err(error) => return Err(error),
            }
        }
        Ok(missing)
    })
    .await
}

impl Participant {
    /// Has a majority of the group store all blobs that the commands name; they must be here.
    pub(crate) async fn spread(self: &Arc<Self>, commands: &[Command]) -> Result<(), ProposeError> {
        if !commands.iter().any(names_blobs) {
            return Ok(());
        }
        let voters = self.group.status().voters;
        if voters.len() < 2 {
            return Ok(());
        }
        let mut named = BTreeSet::new();
        for command in commands {
            named.extend(self.named(command).await?);
        }
        let named: Arc<Vec<ContentHash>> = Arc::new(named.into_iter().collect());
        let missing = lacking(&self.blobs, named.to_vec())
            .await
            .map_err(|e| not_stored(&e))?;
        if let Some(first) = missing.first() {
            let (missing, named) = (missing.len(), named.len());
            return Err(ProposeError::Members(format!(
                "{missing} of {named} blobs that the command names are not stored here, {first} first"
            )));
        }
        let need = placement::write_quorum(voters.len());
        let (stored, mut each) = mpsc::channel(voters.len());
        let until = Instant::now() + MAJORITY_WITHIN;
        let own = self.identity.raft;
        for other in voters.iter().copied().filter(|id| *id != own) {
            let (this, named, stored) = (Arc::clone(self), Arc::clone(&named), stored.clone());
            tokio::spawn(async move {
                while Instant::now() < until {
                    match this.bring(other, &named).await {
                        Ok(()) => {
                            let _ = stored.send(()).await;
                            return;
                        }
                        Err(error) => tracing::debug!(%error, "a member did not take the blobs yet"),
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            });
        }
        drop(stored);
        let mut have = usize::from(voters.contains(&own));
        while have < need {
            if each.recv().await.is_none() {
                return Err(ProposeError::Unstored { have, need });
            }
            have += 1;
        }
        Ok(())
    }

    /// The blobs that a command names, those of a manifest included.
    async fn named(&self, command: &Command) -> Result<Vec<ContentHash>, ProposeError> {
        match command {
            Command::PutSiteTable(table) => Ok(vec![table.blob]),
            Command::PublishVersion { version, .. } => self.of_version(*version).await,
            _ => Ok(Vec::new()),
        }
    }

    pub(crate) async fn of_version(&self, version: ContentHash) -> Result<Vec<ContentHash>, ProposeError> {
        let manifest = self.fetch(version).await.map_err(|e| not_stored(&e))?;
        let manifest = manifest
            .ok_or_else(|| ProposeError::Members(format!("manifest {version} is not stored here")))?;
        let manifest = Manifest::decode(&manifest)
            .map_err(|e| ProposeError::Members(format!("manifest {version}: {e}")))?;
        let mut named = manifest.blobs();
        named.push(version);
        Ok(named)
    }

    /// Brings a member the blobs that it lacks, until it lacks none.
    async fn bring(&self, raft: u64, named: &[ContentHash]) -> Result<(), ProposeError> {
        for part in named.chunks(CALL_HASHES) {
            let mut lacks = self.lacks(raft, part).await?;
            while !lacks.is_empty() {
                let before = lacks.len();
                let (body, taken) = self.batch(&lacks).await?;
                self.ask_within(raft, Kind::Keep, body, CALL_WITHIN).await?;
                let rest = lacks.split_off(taken);
                lacks = if rest.is_empty() {
                    self.lacks(raft, part).await?
                } else {
                    rest
                };
                if lacks.len() >= before {
                    return Err(ProposeError::Members(
                        "a member does not keep what it is sent".to_owned(),
                    ));
                }
            }
        }
        Ok(())
    }

    async fn lacks(&self, raft: u64, hashes: &[ContentHash]) -> Result<Vec<ContentHash>, ProposeError> {
        let answer = self
            .ask_within(raft, Kind::Lack, put_hashes(hashes), CALL_WITHIN)
            .await?;
        get_hashes(&answer)
            .ok_or_else(|| ProposeError::Members("an answer that is no list of hashes".to_owned()))
    }

    /// The first of these blobs, as many as a call takes, and their number.
    async fn batch(&self, hashes: &[ContentHash]) -> Result<(Bytes, usize), ProposeError> {
        let (mut body, mut taken) = (BytesMut::new(), 0);
        for hash in hashes {
            let hash = *hash;
            let blob = with(&self.blobs, move |b| b.get(hash))
                .await
                .map_err(|e| not_stored(&e))?;
            let blob = blob.ok_or_else(|| ProposeError::Members(format!("blob {hash} is gone")))?;
            if taken > 0 && body.len() + blob.len() > CALL_BYTES {
                break;
            }
            body.put_u32_le(blob.len() as u32);
            body.put(&blob[..]);
            taken += 1;
        }
        Ok((body.freeze(), taken))
    }

    /// A blob, from here or else from another member, which is then kept. One that is damaged here is repaired so.
    pub(crate) async fn fetch(&self, hash: ContentHash) -> Result<Option<Vec<u8>>, BlobError> {
        let own = with(&self.blobs, move |b| b.get(hash)).await;
        match own {
            Ok(Some(bytes)) => return Ok(Some(bytes)),
            Ok(None) | Err(BlobError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let status = self.group.status();
        for other in status
            .voters
            .union(&status.learners)
            .copied()
            .filter(|id| *id != self.identity.raft)
        {
            let Ok(bytes) = self
                .ask_within(other, Kind::Fetch, put_hashes(&[hash]), CALL_WITHIN)
                .await
            else {
                continue;
            };
            if crate::planted::wrong_hash() {
                return Ok(Some(bytes.to_vec()));
            }
            let kept = with(&self.blobs, move |b| {
                b.put_as(hash, &bytes).map(|()| bytes.to_vec())
            })
            .await;
            match kept {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error @ BlobError::WrongHash { .. }) => {
                    tracing::warn!(%error, "a member sent other bytes than were asked for");
                }
                Err(error) => return Err(error),
            }
        }
        own
    }

    /// Answers the calls of this page.
    pub(crate) async fn answer_blobs(&self, kind: Kind, body: Bytes) -> Answer {
        let malformed = || Answer::Refused("blobs or hashes that cannot be read".to_owned());
        let done = match kind {
            Kind::Lack => match get_hashes(&body) {
                Some(hashes) => lacking(&self.blobs, hashes).await.map(|h| put_hashes(&h)),
                None => return malformed(),
            },
            Kind::Keep => match get_blobs(body) {
                Some(blobs) => {
                    let keep = move |b: &Blobs| blobs.iter().try_for_each(|bytes| b.put(bytes).map(|_| ()));
                    with(&self.blobs, keep).await.map(|()| Bytes::new())
                }
                None => return malformed(),
            },
            _ => match get_hashes(&body).as_deref() {
                Some([hash]) => {
                    let hash = *hash;
                    match with(&self.blobs, move |b| b.get(hash)).await {
                        Ok(None) => return Answer::Unavailable(format!("blob {hash} is not here")),
                        found => found.map(|b| b.unwrap_or_default().into()),
                    }
                }
                _ => return malformed(),
            },
        };
        match done {
            Ok(body) => Answer::Done(body),
            Err(error) => Answer::Unavailable(error.to_string()),
        }
    }

    /// Fetches what this state names and this member lacks; `done` remembers what it has found whole.
    async fn fetch_named(&self, state: &State, done: &mut Done) {
        let new: Vec<_> = state
            .versions
            .keys()
            .filter(|v| !done.versions.contains(*v))
            .copied()
            .collect();
        for version in new {
            let Ok(named) = self.of_version(version).await else {
                continue;
            };
            if self.fetch_all(named).await {
                done.versions.insert(version);
            }
        }
        let tables = state.site_tables.values().map(|t| t.blob);
        for blob in tables.filter(|b| !done.tables.contains(b)).collect::<Vec<_>>() {
            if self.fetch_all(vec![blob]).await {
                done.tables.insert(blob);
            }
        }
    }

    async fn fetch_all(&self, hashes: Vec<ContentHash>) -> bool {
        let Ok(missing) = lacking(&self.blobs, hashes).await else {
            return false;
        };
        let mut whole = true;
        for hash in missing {
            whole &= matches!(self.fetch(hash).await, Ok(Some(_)));
        }
        whole
    }
}

/// Versions and site tables whose blobs are all here.
#[derive(Debug, Default)]
struct Done {
    versions: BTreeSet<ContentHash>,
    tables: BTreeSet<ContentHash>,
}

/// Fetches what the state names and the member lacks, for as long as there is that member.
pub(crate) async fn keep_whole(member: Weak<Participant>, mut state: watch::Receiver<Arc<State>>) {
    let mut done = Done::default();
    loop {
        let now = Arc::clone(&state.borrow_and_update());
        let Some(member) = member.upgrade() else {
            return;
        };
        member.fetch_named(&now, &mut done).await;
        drop(member);
        if let Ok(Err(_)) = tokio::time::timeout(LOOK, state.changed()).await {
            return;
        }
    }
}

fn names_blobs(command: &Command) -> bool {
    matches!(command, Command::PutSiteTable(_) | Command::PublishVersion { .. })
}

fn not_stored(error: &BlobError) -> ProposeError {
    ProposeError::Members(format!("blobs: {error}"))
}

fn put_hashes(hashes: &[ContentHash]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(hashes.len() * HASH_BYTES);
    for hash in hashes {
        bytes.put(&hash.0[..]);
    }
    bytes.freeze()
}

fn get_hashes(bytes: &[u8]) -> Option<Vec<ContentHash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    (rest.is_empty() && hashes.len() <= CALL_HASHES)
        .then(|| hashes.iter().copied().map(ContentHash).collect())
}

/// Blobs one after the other, each after its length. They share the message's memory.
fn get_blobs(mut bytes: Bytes) -> Option<Vec<Bytes>> {
    let mut blobs = Vec::new();
    while bytes.has_remaining() {
        let length = bytes.try_get_u32_le().ok()? as usize;
        if length > bytes.len() || length > BLOB_BYTES_MAX {
            return None;
        }
        blobs.push(bytes.split_to(length));
    }
    Some(blobs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any bytes as a list of hashes or blobs. Guarantee: read or refused; what is read is all of it.
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Some(hashes) = get_hashes(&bytes) {
                prop_assert_eq!(&put_hashes(&hashes)[..], &bytes[..]);
            }
            if let Some(blobs) = get_blobs(bytes.clone().into()) {
                prop_assert_eq!(blobs.iter().map(|b| b.len() + 4).sum::<usize>(), bytes.len());
            }
        }
    }
}
