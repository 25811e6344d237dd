//! A snapshot of what the coordinators agreed, with its blobs, as one file; and a new cluster of one from it.
//!
//! Format: 8 bytes [`MAGIC`], then records: kind u8, length u64 (little-endian), that many bytes. Kind 1: the state, as the log's snapshots have
//! it, first and once. Kind 2: a blob. Kind 0, the last: BLAKE3 of all before it, 32 bytes, and the number of blobs that no member had, u64.
//! Events are not in it: they are the collectors'.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use codegraph::ContentHash;
use serde::Serialize;
use store::blobs::{BLOB_BYTES_MAX, BlobError, Blobs};
use store::raft_log::{LogError, OpenError, RaftLog};
use tokio::sync::mpsc;

use crate::codec::{decode, encode};
use crate::error::{ProposeError, StartError};
use crate::participant::{Participant, unix_ms};
use crate::raft::{Identity, seed};
use crate::state::{Format, Incarnation, Member, MemberId, RaftId, State, note};

/// First bytes of a snapshot.
pub const MAGIC: &[u8; 8] = b"ESSNAP\x00\x01";
const END: u8 = 0;
const STATE: u8 = 1;
const BLOB: u8 = 2;
/// Largest state, in bytes.
const STATE_BYTES_MAX: u64 = 4 << 30;
/// Parts of a snapshot that wait to be taken.
const WAITING: usize = 4;

/// What is wanted of a restored cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restore {
    /// It is the same cluster, not a copy of it: there must be no other one left.
    pub same_id: bool,
    /// The restored member is this one of the old cluster, so that its collector's folder stays its own. None: it is a new member.
    pub member: Option<MemberId>,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The cluster's id.
    pub cluster: String,
    /// Versions of projects that it knows.
    pub versions: usize,
    /// Blobs.
    pub blobs: u64,
    /// Blobs that no member had when the snapshot was made.
    pub missing: u64,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file could not be read.
    #[error("the snapshot cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// The file is none, or not whole.
    #[error("the snapshot is not whole: {0}")]
    Broken(String),
    /// The folder has a coordinator.
    #[error("{0} has a coordinator already: a snapshot is restored into an empty folder")]
    NotEmpty(String),
    /// There is no such member in the snapshot.
    #[error("the snapshot knows no member {0} that is not removed")]
    NoMember(MemberId),
    /// The folder could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log could not be written.
    #[error("coordinator log: {0}")]
    Log(#[from] LogError),
    /// A blob could not be written.
    #[error("blobs: {0}")]
    Blobs(#[from] BlobError),
    /// The identity could not be made.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Makes a snapshot, in parts, as they are taken. One that breaks off has no end, and is refused when it is read.
pub(crate) fn parts(participant: Arc<Participant>, state: Arc<State>) -> mpsc::Receiver<Vec<u8>> {
    let (parts, taken) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        if let Err(error) = write(&participant, &state, parts).await {
            tracing::error!(error, "a snapshot broke off");
        }
    });
    taken
}

async fn write(
    participant: &Arc<Participant>,
    state: &State,
    parts: mpsc::Sender<Vec<u8>>,
) -> Result<(), String> {
    let gone = |_| "whoever asked for it has gone".to_owned();
    let mut hash = blake3::Hasher::new();
    let mut first = MAGIC.to_vec();
    first.extend(record(
        STATE,
        &encode("snapshot", state).map_err(|e| e.to_string())?,
    ));
    hash.update(&first);
    parts.send(first).await.map_err(gone)?;
    let mut named: BTreeSet<ContentHash> = state.site_tables.values().map(|t| t.blob).collect();
    let mut missing = 0_u64;
    for version in state.versions.keys() {
        match participant.of_version(*version).await {
            Ok(blobs) => named.extend(blobs),
            Err(ProposeError::Members(_)) => missing += 1,
            Err(error) => return Err(error.to_string()),
        }
    }
    for blob in named {
        match participant.fetch(blob).await.map_err(|e| e.to_string())? {
            Some(bytes) => {
                let part = record(BLOB, &bytes);
                hash.update(&part);
                parts.send(part).await.map_err(gone)?;
            }
            None => missing += 1,
        }
    }
    let mut end = hash.finalize().as_bytes().to_vec();
    end.extend(missing.to_le_bytes());
    parts.send(record(END, &end)).await.map_err(gone)
}

fn record(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(9 + bytes.len());
    record.push(kind);
    record.extend((bytes.len() as u64).to_le_bytes());
    record.extend(bytes);
    record
}

/// Makes a cluster of one in `dir`, the data folder of a coordinator that does not exist yet. Its other members were of the old cluster and are
/// removed in it; shards are held by the member that goes on, or by nobody. Blocks.
pub fn restore(from: impl Read, dir: &Path, wanted: Restore) -> Result<Restored, RestoreError> {
    if dir.join("raft").exists() {
        return Err(RestoreError::NotEmpty(dir.display().to_string()));
    }
    let mut blobs = None;
    let (state, read) = read(from, |bytes| {
        let blobs = match &mut blobs {
            Some(blobs) => blobs,
            none => none.insert(Blobs::open(&dir.join("blobs"))?),
        };
        blobs.put(&bytes)?;
        Ok(())
    })?;
    if let Some(member) = wanted.member
        && state.members.get(&member).is_none_or(|m| m.removed)
    {
        return Err(RestoreError::NoMember(member));
    }
    let log = RaftLog::open(&dir.join("raft"))?;
    let mut identity = Identity::new();
    identity.member = wanted.member;
    let state = as_cluster_of_one(state, wanted, &identity);
    seed(&log, &identity, &state)?;
    Ok(Restored {
        cluster: id_of(&state),
        ..read
    })
}

/// Reads a snapshot to its end: is it whole? What would be restored, of the old cluster's id.
pub fn check(from: impl Read) -> Result<Restored, RestoreError> {
    read(from, |_| Ok(())).map(|(_, read)| read)
}

fn read(
    from: impl Read,
    mut keep: impl FnMut(Vec<u8>) -> Result<(), RestoreError>,
) -> Result<(State, Restored), RestoreError> {
    let mut from = Records::begin(from)?;
    let Some((STATE, state)) = from.next()? else {
        return Err(broken("it does not begin with the state"));
    };
    let state: State = decode("snapshot", &state).map_err(|e| broken(&e.to_string()))?;
    if state.format > Format::NEWEST {
        let (format, newest) = (state.format, Format::NEWEST);
        return Err(broken(&format!(
            "it has format {format}, this program reads up to {newest}"
        )));
    }
    let mut blobs = 0;
    loop {
        match from.next()? {
            Some((BLOB, bytes)) => {
                keep(bytes)?;
                blobs += 1;
            }
            Some(_) => return Err(broken("it has two states")),
            None => break,
        }
    }
    let read = Restored {
        cluster: id_of(&state),
        versions: state.versions.len(),
        blobs,
        missing: from.missing,
    };
    Ok((state, read))
}

fn id_of(state: &State) -> String {
    state
        .cluster
        .as_ref()
        .map_or_else(String::new, |c| c.id.to_string())
}

/// The state that the new cluster begins with.
fn as_cluster_of_one(mut state: State, wanted: Restore, identity: &Identity) -> State {
    let old = state.cluster.as_ref().map_or_else(Incarnation::default, |c| c.id);
    if let Some(cluster) = &mut state.cluster
        && !wanted.same_id
    {
        cluster.id = Incarnation(rand::random());
    }
    let change = |(id, member): (&MemberId, &Member)| {
        let mut member = member.clone();
        if wanted.member == Some(*id) {
            member.incarnation = identity.incarnation;
            member.raft = RaftId(identity.raft);
        } else {
            member.removed = true;
        }
        (*id, member)
    };
    state.members = Arc::new(state.members.iter().map(change).collect());
    let mut map = (*state.shard_map).clone();
    map.epoch += 1;
    for holders in &mut map.shards {
        let goes_on = wanted.member.filter(|m| holders.has(*m));
        holders.now = goes_on.into_iter().collect();
        holders.next = None;
        holders.since = map.epoch;
    }
    state.shard_map = Arc::new(map);
    note(
        &mut state,
        unix_ms(),
        "restore",
        format!("restored from a snapshot of cluster {old}"),
    );
    state
}

fn broken(why: &str) -> RestoreError {
    RestoreError::Broken(why.to_owned())
}

/// Reads records and checks that all came.
struct Records<R> {
    from: R,
    hash: blake3::Hasher,
    missing: u64,
}

impl<R: Read> Records<R> {
    fn begin(mut from: R) -> Result<Self, RestoreError> {
        let mut magic = [0; 8];
        from.read_exact(&mut magic)?;
        if magic != *MAGIC {
            return Err(broken("it is no snapshot, or one of another release"));
        }
        let mut hash = blake3::Hasher::new();
        hash.update(&magic);
        let missing = 0;
        Ok(Self { from, hash, missing })
    }

    /// The next record; `None` at a good end.
    fn next(&mut self) -> Result<Option<(u8, Vec<u8>)>, RestoreError> {
        let mut head = [0; 9];
        self.from
            .read_exact(&mut head)
            .map_err(|_| broken("it ends early"))?;
        let (kind, length) = match head {
            [kind, length @ ..] => (kind, u64::from_le_bytes(length)),
        };
        let most = match kind {
            STATE => STATE_BYTES_MAX,
            BLOB => BLOB_BYTES_MAX as u64,
            END => 40,
            other => return Err(broken(&format!("it has a record of kind {other}"))),
        };
        if length > most {
            return Err(broken(&format!("a record of kind {kind} has {length} bytes")));
        }
        let mut bytes = Vec::new();
        // Grows with what is there, not with what is announced.
        self.from.by_ref().take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(broken("it ends early"));
        }
        if kind != END {
            self.hash.update(&head);
            self.hash.update(&bytes);
            return Ok(Some((kind, bytes)));
        }
        let good = bytes.get(..32) == Some(self.hash.finalize().as_bytes());
        let missing = bytes.get(32..).and_then(|m| m.first_chunk::<8>());
        match (good, missing) {
            (true, Some(missing)) => {
                self.missing = u64::from_le_bytes(*missing);
                Ok(None)
            }
            _ => Err(broken("its hash is another one: it was changed or damaged")),
        }
    }
}
