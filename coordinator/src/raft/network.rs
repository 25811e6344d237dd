//! Raft's calls to other members, over [`Peers`].

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::BasicNode;
use openraft::error::{InstallSnapshotError, NetworkError, RPCError, RaftError, RemoteError, Unreachable};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::candidate::Candidate;
use super::{LogId, TypeConfig};
use crate::codec::{decode, encode};
use crate::peers::{Answer, Call, Kind, PeerError, Peers};
use crate::state::{Incarnation, State};

const APPEND: u8 = 1;
const VOTE: u8 = 2;
const SNAPSHOT: u8 = 3;
const WOULD_VOTE: u8 = 4;

/// A part of a snapshot travels longer than a heartbeat.
pub(super) const SNAPSHOT_WITHIN: Duration = Duration::from_secs(20);

/// Makes connections.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) peers: Arc<Peers>,
    pub(super) own: u64,
    /// Where the addresses that members registered last are.
    pub(super) state: watch::Receiver<Arc<State>>,
}

/// The way to one member.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    network: Network,
    target: u64,
    /// The address it joined with.
    addr: String,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, node: &BasicNode) -> Peer {
        Peer {
            network: self.clone(),
            target,
            addr: node.addr.clone(),
        }
    }
}

impl Peer {
    async fn exchange(&self, which: u8, body: Bytes, within: Duration) -> Result<Bytes, PeerError> {
        let (addr, cluster) = {
            let state = self.network.state.borrow();
            let known = state.quic_address(self.target).map(str::to_owned);
            let cluster = state.cluster.as_ref().map_or_else(Incarnation::default, |c| c.id);
            (known.unwrap_or_else(|| self.addr.clone()), cluster)
        };
        let mut bytes = BytesMut::with_capacity(1 + body.len());
        bytes.put_u8(which);
        bytes.put(body);
        let call = Call {
            kind: Kind::Raft,
            cluster,
            from: self.network.own,
            body: bytes.freeze(),
        };
        self.network.peers.call(&addr, &call, within).await
    }

    async fn call<T, E>(
        &self,
        which: u8,
        body: Bytes,
        within: Duration,
    ) -> Result<T, RPCError<u64, BasicNode, E>>
    where
        T: DeserializeOwned,
        E: std::error::Error + DeserializeOwned,
    {
        let answer = self.exchange(which, body, within).await;
        let answer = answer.map_err(|error| match error {
            PeerError::Unreachable { .. } | PeerError::Refused { .. } => {
                RPCError::Unreachable(Unreachable::new(&error))
            }
            PeerError::Unavailable { .. } => RPCError::Network(NetworkError::new(&error)),
        })?;
        let answer: Result<T, E> =
            decode("answer of a member", &answer).map_err(|e| RPCError::Network(NetworkError::new(&e)))?;
        answer.map_err(|e| RPCError::RemoteError(RemoteError::new(self.target, e)))
    }

    /// Would the other member vote for one whose log ends there? One whose release does not know the question refuses it, and is left to its vote.
    pub(super) async fn would_vote(&self, last: Option<LogId>, within: Duration) -> bool {
        let Ok(body) = written(&last) else {
            return false;
        };
        match self.exchange(WOULD_VOTE, body, within).await {
            Ok(answer) => decode("answer of a member", &answer).unwrap_or(false),
            Err(PeerError::Refused { .. }) => true,
            Err(PeerError::Unreachable { .. } | PeerError::Unavailable { .. }) => false,
        }
    }
}

impl RaftNetwork<TypeConfig> for Peer {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, BasicNode, RaftError<u64>>> {
        self.call(APPEND, written(&rpc)?, option.hard_ttl()).await
    }

    /// The snapshot's bytes follow the description as they are: as JSON they would be four times as long.
    async fn install_snapshot(
        &mut self,
        mut rpc: InstallSnapshotRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, RPCError<u64, BasicNode, RaftError<u64, InstallSnapshotError>>>
    {
        let data = std::mem::take(&mut rpc.data);
        let head = written(&rpc)?;
        let mut body = BytesMut::with_capacity(4 + head.len() + data.len());
        body.put_u32_le(head.len() as u32);
        body.put(head);
        body.put(data.as_slice());
        self.call(SNAPSHOT, body.freeze(), SNAPSHOT_WITHIN).await
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, BasicNode, RaftError<u64>>> {
        self.call(VOTE, written(&rpc)?, option.hard_ttl()).await
    }
}

/// Answers a call of another member's Raft.
pub(super) async fn answer(member: &Candidate, mut body: Bytes) -> Answer {
    let (raft, heard) = (&member.raft, &member.heard);
    let malformed =
        |what: &dyn std::fmt::Display| Answer::Refused(format!("a raft call that cannot be read: {what}"));
    if body.is_empty() {
        return malformed(&"it is empty");
    }
    match body.get_u8() {
        APPEND => match decode("call", &body) {
            Ok(request) => {
                let result = raft.append_entries(request).await;
                if !matches!(result, Ok(AppendEntriesResponse::HigherVote(_)) | Err(_)) {
                    heard.leader();
                }
                answered(&result)
            }
            Err(error) => malformed(&error),
        },
        VOTE => match decode("call", &body) {
            Ok(request) => {
                let result = raft.vote(request).await;
                if result.as_ref().is_ok_and(|vote| vote.vote_granted) {
                    heard.voted();
                }
                answered(&result)
            }
            Err(error) => malformed(&error),
        },
        SNAPSHOT => {
            let Some(length) = body.first_chunk::<4>().map(|l| u32::from_le_bytes(*l) as usize) else {
                return malformed(&"it ends early");
            };
            if body.len() - 4 < length {
                return malformed(&"it ends early");
            }
            let data = body.split_off(4 + length);
            match decode::<InstallSnapshotRequest<TypeConfig>>("call", &body[4..]) {
                Ok(mut request) => {
                    request.data = data.to_vec();
                    heard.leader();
                    answered(&raft.install_snapshot(request).await)
                }
                Err(error) => malformed(&error),
            }
        }
        WOULD_VOTE => match decode("call", &body) {
            Ok(last) => answered(&member.answer(last).await),
            Err(error) => malformed(&error),
        },
        other => malformed(&format!("there is no call {other}")),
    }
}

/// A request as bytes.
fn written<T: Serialize>(request: &T) -> Result<Bytes, NetworkError> {
    let body = encode("call to a member", request).map_err(|e| NetworkError::new(&e))?;
    Ok(body.into())
}

fn answered<T: Serialize>(result: &T) -> Answer {
    match encode("answer", result) {
        Ok(bytes) => Answer::Done(bytes.into()),
        Err(error) => Answer::Unavailable(error.to_string()),
    }
}
