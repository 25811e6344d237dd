//! The way to other members. There is none yet: a group has one member, and every call to another one says so.
//!
//! Calls over QUIC come with clusters of several members; only this file changes then.

use openraft::error::{InstallSnapshotError, RPCError, RaftError, Unreachable};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};

use super::TypeConfig;

/// There is no way to this member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no route to member with raft id {target:x}: this release runs groups of one member")]
pub(super) struct NoRoute {
    target: u64,
}

/// Makes connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network;

/// A connection to one member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    target: u64,
}

impl Peer {
    fn no_route<E: std::error::Error>(self) -> RPCError<u64, openraft::BasicNode, E> {
        RPCError::Unreachable(Unreachable::new(&NoRoute { target: self.target }))
    }
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, _node: &openraft::BasicNode) -> Peer {
        Peer { target }
    }
}

impl RaftNetwork<TypeConfig> for Peer {
    async fn append_entries(
        &mut self,
        _rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, openraft::BasicNode, RaftError<u64>>> {
        Err(self.no_route())
    }

    async fn install_snapshot(
        &mut self,
        _rpc: InstallSnapshotRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<
        InstallSnapshotResponse<u64>,
        RPCError<u64, openraft::BasicNode, RaftError<u64, InstallSnapshotError>>,
    > {
        Err(self.no_route())
    }

    async fn vote(
        &mut self,
        _rpc: VoteRequest<u64>,
        _option: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, openraft::BasicNode, RaftError<u64>>> {
        Err(self.no_route())
    }
}
