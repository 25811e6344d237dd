//! The replicated state, and nothing that is not deterministic: no clock, no randomness, no storage, no hash maps.
//!
//! [`apply()`] is the only way to change a [`State`]. Its sections are shared (`Arc`), so that a copy of the whole costs a few
//! reference counts, and a change copies only the section that it touches, once, if somebody still reads the old one.

mod apply;
mod apply_member;
mod apply_node;
mod audit;
mod check;
mod command;
mod format;
pub(crate) mod hex;
pub mod limits;
mod node;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use apply::apply;
pub use audit::AuditEntry;
pub(crate) use audit::note;
use codegraph::ContentHash;
pub use command::{
    Command, Incarnation, LoadedModule, ModulesOp, NodeDescription, Outcome, RaftId, SiteTable,
};
use event::{ModuleKey, ModuleVersion, NodeKey};
pub use format::{Format, Loss};
pub use node::{Node, Ran, Span, WhatRan};
pub use placement::{Holders, MemberId, ShardMap};
pub use refusal::Refusal;
use serde::{Deserialize, Serialize};

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Accepts, stores and answers.
    Collector,
    /// Takes part in consensus.
    Coordinator,
}

/// What is fixed when a cluster is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Random identity.
    #[serde(with = "hex")]
    pub id: Incarnation,
    /// Virtual shards; never changes.
    pub shards: u16,
    /// Length of a bucket of time, seconds.
    pub bucket_seconds: u32,
    /// How far a remote clock may drag another, milliseconds.
    pub max_offset_ms: u32,
    /// Copies of each shard that are wanted. The only one that may change.
    #[serde(default = "one_copy")]
    pub replicas: u8,
}

fn one_copy() -> u8 {
    1
}

/// A registered member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Random identity of its data folder.
    #[serde(with = "hex")]
    pub incarnation: Incarnation,
    /// For people.
    pub name: String,
    /// `host:port` of its doors.
    pub addresses: Vec<String>,
    /// What it does.
    pub roles: BTreeSet<Role>,
    /// Failure domain; may be empty.
    pub zone: String,
    /// Its id in the consensus group; 0 if it takes no part.
    #[serde(default, with = "hex")]
    pub raft: RaftId,
    /// Share of the shards that it takes, in proportion to the others; 0 = drained.
    #[serde(default = "usual_weight")]
    pub weight: u32,
    /// It is gone for good. Its ids are never given again.
    #[serde(default)]
    pub removed: bool,
    /// The latest format that its program reads and writes, as far as it may say so.
    #[serde(default, skip_serializing_if = "Format::is_first")]
    pub newest: Format,
}

/// A member's share if nothing else is said.
pub const USUAL_WEIGHT: u32 = 100;

fn usual_weight() -> u32 {
    USUAL_WEIGHT
}

impl Member {
    /// Where other members call it: `host:port` of its QUIC door.
    pub fn quic_address(&self) -> Option<&str> {
        self.addresses.iter().find_map(|a| a.strip_prefix("quic://"))
    }
}

/// A published version of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The project's name.
    pub project: String,
    /// How many versions were published before it, in the whole cluster: their order.
    pub ordinal: u64,
    /// Files in it.
    pub files: u32,
    /// Bytes of their sources.
    pub bytes: u64,
}

/// A module version that was ever seen, by its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// All 128 bits.
    #[serde(with = "hex")]
    pub version: ModuleVersion,
    /// The module, as the VM names it.
    pub name: String,
}

/// The whole replicated state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The cluster's identity, once it has one.
    pub cluster: Option<Cluster>,
    /// Members ever registered, by id.
    pub members: Arc<BTreeMap<MemberId, Member>>,
    /// The current shard map; epoch 0 = none yet.
    pub shard_map: Arc<ShardMap>,
    /// Published versions, by id (the hash of the manifest).
    #[serde(with = "hex::map")]
    pub versions: Arc<BTreeMap<ContentHash, Version>>,
    /// Module versions ever seen, by key.
    #[serde(with = "hex::map")]
    pub modules: Arc<BTreeMap<ModuleKey, Module>>,
    /// Site tables, by module version's key.
    #[serde(with = "hex::map")]
    pub site_tables: Arc<BTreeMap<ModuleKey, Arc<SiteTable>>>,
    /// Node incarnations, by key.
    #[serde(with = "hex::map")]
    pub nodes: Arc<BTreeMap<NodeKey, Arc<Node>>>,
    /// Changes to any node so far: tells which node was silent longest.
    pub node_changes: u64,
    /// Node incarnations that were forgotten for lack of room.
    pub nodes_forgotten: u64,
    /// What was changed by whom, the oldest first; bounded.
    #[serde(default)]
    pub audit: Arc<VecDeque<AuditEntry>>,
    /// What all members write.
    #[serde(default, skip_serializing_if = "Format::is_first")]
    pub format: Format,
    /// Shards of which something acknowledged may be gone, because an operator took a disk for lost and accepted that.
    #[serde(default, skip_serializing_if = "no_losses")]
    pub losses: Arc<BTreeMap<u16, Vec<Loss>>>,
    /// The last requests that changed something, the oldest first: who asks a new leader for what the old one had done already changes nothing.
    #[serde(default, skip_serializing_if = "no_requests")]
    pub requests: Arc<VecDeque<u64>>,
}

fn no_requests(requests: &Arc<VecDeque<u64>>) -> bool {
    requests.is_empty()
}

fn no_losses(losses: &Arc<BTreeMap<u16, Vec<Loss>>>) -> bool {
    losses.is_empty()
}

impl State {
    /// A member of this Raft id.
    pub fn by_raft(&self, raft: u64) -> Option<(MemberId, &Member)> {
        let mut members = self.members.iter();
        members
            .find(|(_, m)| m.raft.0 == raft && raft != 0)
            .map(|(id, m)| (*id, m))
    }

    /// A member of this incarnation.
    pub fn by_incarnation(&self, incarnation: Incarnation) -> Option<(MemberId, &Member)> {
        let mut members = self.members.iter();
        members
            .find(|(_, m)| m.incarnation == incarnation)
            .map(|(id, m)| (*id, m))
    }

    /// The address of a member by its Raft id, as it registered last.
    pub fn quic_address(&self, raft: u64) -> Option<&str> {
        self.by_raft(raft).and_then(|(_, m)| m.quic_address())
    }

    /// The members that may hold shards, as placement wants them.
    pub fn candidates(&self) -> Vec<placement::Candidate> {
        let collectors = self
            .members
            .iter()
            .filter(|(_, m)| !m.removed && m.roles.contains(&Role::Collector));
        let candidate = |(id, m): (&MemberId, &Member)| placement::Candidate {
            id: *id,
            zone: m.zone.clone(),
            weight: m.weight,
        };
        collectors.map(candidate).collect()
    }

    /// The site table of a module version, by the key that events carry.
    pub fn site_table(&self, key: ModuleKey) -> Option<&SiteTable> {
        self.site_tables.get(&key).map(AsRef::as_ref)
    }

    /// The module versions that a node ran at a time (microseconds since 2020 by its clock), by module name.
    pub fn what_ran(&self, node: NodeKey, time: u64) -> Option<WhatRan> {
        self.nodes.get(&node).map(|node| node.what_ran(time))
    }

    /// Where and when a module version ran.
    pub fn where_ran(&self, version: ModuleVersion) -> Vec<(NodeKey, Span)> {
        let nodes = self.nodes.iter();
        nodes
            .flat_map(|(key, node)| node.spans_of(version).map(|span| (*key, span)))
            .collect()
    }
}
