//! Commands: everything that can change the state; and what comes back.

use std::collections::BTreeSet;

use codegraph::ContentHash;
use event::{ModuleKey, ModuleVersion, NodeKey};
use serde::{Deserialize, Serialize};

use super::{Cluster, Format, MemberId, Role, hex};

/// One change. Applying a command twice leaves what applying it once left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Fixes the cluster's identity and what follows from it; once, at its first start.
    InitCluster(Cluster),
    /// Registers a member, or renews what is known of one that has this incarnation.
    RegisterMember {
        /// Random identity of the member's data folder: a wiped disk is another member.
        #[serde(with = "hex")]
        incarnation: Incarnation,
        /// For people.
        name: String,
        /// `host:port` of its doors.
        addresses: Vec<String>,
        /// What it does.
        roles: BTreeSet<Role>,
        /// Failure domain; may be empty.
        zone: String,
        /// Its id in the consensus group; 0 if it takes no part.
        #[serde(default, with = "hex")]
        raft: RaftId,
        /// The latest format that its program reads and writes. Said only to members that know formats.
        #[serde(default, skip_serializing_if = "Format::is_first")]
        newest: Format,
    },
    /// Gives a new cluster its first shard map.
    FirstShardMap {
        /// The members that hold each shard, the cluster's number of shards long.
        holders: Vec<Vec<MemberId>>,
    },
    /// Changes the holders of a shard, by a step of a move.
    ChangeShard {
        /// Which.
        shard: u16,
        /// How.
        change: placement::Change,
    },
    /// Sets how many copies of each shard are wanted.
    SetReplicas {
        /// How many.
        replicas: u8,
    },
    /// Sets how much a member takes; 0 drains it.
    SetWeight {
        /// Who.
        member: MemberId,
        /// Its share, in proportion to the others.
        weight: u32,
    },
    /// Marks a member as gone for good. It must hold no shard, unless it is lost.
    RemoveMember {
        /// Who.
        member: MemberId,
        /// Its disk is gone: its shards move away without it.
        #[serde(default)]
        lost: bool,
        /// If too few holders of a shard are left to have all that was acknowledged, go on with what these have.
        #[serde(default)]
        accept_loss: bool,
    },
    /// Raises the format that members write. Only proposed when all members can.
    Finalize {
        /// To which.
        format: Format,
    },
    /// Answers say no more that what was lost with a disk is missing.
    ForgetLosses {
        /// Of this shard; without it of all.
        shard: Option<u16>,
    },
    /// A change that goes into the audit log if it changes something.
    Audited {
        /// Who asked for it: a token's name, a member.
        who: String,
        /// When, by the clock of the member that was asked: Unix time in milliseconds.
        at_unix_ms: u64,
        /// The change; not an audited one again.
        command: Box<Command>,
        /// A random number of this request, by which it is known if it comes twice; 0 = none. Said only to members that know it.
        #[serde(default, skip_serializing_if = "is_none")]
        once: u64,
    },
    /// Announces a version of a project whose blobs are stored.
    PublishVersion {
        /// The project's name.
        project: String,
        /// The version's id, which is the hash of its manifest.
        #[serde(with = "hex")]
        version: ContentHash,
        /// Files in it.
        files: u32,
        /// Bytes of their sources.
        bytes: u64,
    },
    /// Announces the site table of a module version; its bytes are stored as a blob.
    PutSiteTable(SiteTable),
    /// Announces a node incarnation.
    NodeSeen {
        /// Its key.
        #[serde(with = "hex")]
        node: NodeKey,
        /// Who it is.
        info: NodeDescription,
    },
    /// Says which modules a node loaded, removed, or runs altogether.
    NodeModules {
        /// The node's key.
        #[serde(with = "hex")]
        node: NodeKey,
        /// What happened.
        op: ModulesOp,
        /// When, microseconds since 2020 by the node's clock.
        time: u64,
        /// To which module versions.
        modules: Vec<LoadedModule>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(once: &u64) -> bool {
    *once == 0
}

event::hex_ids! {
    /// Random 128-bit identity of a member's data folder.
    Incarnation(u128, "32");
    /// A member's id in the consensus group: random, as old as its data folder, never reused. 0 = takes no part.
    RaftId(u64, "16");
}

/// A module version's site table: where its sites are in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteTable {
    /// The module version.
    #[serde(with = "hex")]
    pub version: ModuleVersion,
    /// Its first 59 bits, as events carry them.
    #[serde(with = "hex")]
    pub key: ModuleKey,
    /// Hash of the site table's bytes.
    #[serde(with = "hex")]
    pub blob: ContentHash,
    /// Their length.
    pub size_bytes: u32,
    /// The module, as the VM names it.
    pub module: String,
    /// Its application; may be empty.
    pub app: String,
    /// SHA-256 of its source file; zeros if not known.
    #[serde(with = "hex")]
    pub source_sha256: codegraph::SourceHash,
}

/// What a node says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDescription {
    /// `shop@10.0.0.5`.
    pub name: String,
    /// The VM's creation number.
    pub creation: u32,
    /// When the VM started, microseconds since 2020.
    pub vm_start: u64,
    /// OTP release.
    pub otp: String,
    /// Elixir version.
    pub elixir: String,
    /// The agent beside it.
    pub agent: String,
}

/// What happened to modules of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModulesOp {
    /// These became the current ones of their names.
    Loaded,
    /// These run no more.
    Removed,
    /// These run, and no other.
    Snapshot,
}

/// A module version and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedModule {
    /// The version.
    #[serde(with = "hex")]
    pub version: ModuleVersion,
    /// The module, as the VM names it.
    pub module: String,
}

/// What applying a command gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The state changed.
    Done,
    /// The state holds this already.
    Unchanged,
    /// The member's id, new or known.
    Member(MemberId),
    /// The shard map's new epoch.
    Epoch(u64),
    /// The command is not possible; nothing changed.
    Refused(super::Refusal),
}
