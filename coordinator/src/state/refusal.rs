//! Why a command was refused.

use codegraph::ContentHash;
use event::{ModuleKey, ModuleVersion, NodeKey};
use serde::{Deserialize, Serialize};

use super::{Format, MemberId, hex};

/// Why a command was refused; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The cluster has another identity or other fixed settings.
    #[error("cluster is {existing}, not {got}: a member of one cluster cannot join another")]
    OtherCluster {
        /// The cluster that is.
        existing: String,
        /// The cluster that was proposed.
        got: String,
    },
    /// The cluster's identity is not fixed yet.
    #[error("cluster is not initialised")]
    NoCluster,
    /// A text, count or number is out of its bounds.
    #[error("{what} of {got} exceeds the limit of {limit}")]
    TooLarge {
        /// Which.
        what: String,
        /// Its size.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// A value that must not be empty or zero is.
    #[error("{what} is empty")]
    Empty {
        /// Which.
        what: String,
    },
    /// There is no room.
    #[error("no room for more than {limit} {what}")]
    Full {
        /// Which table.
        what: String,
        /// Its bound.
        limit: u64,
    },
    /// The key is not the module version's.
    #[error("module key {got} is not that of module version {version}: expected {expected}")]
    WrongKey {
        /// The version.
        #[serde(with = "hex")]
        version: ModuleVersion,
        /// Its key.
        #[serde(with = "hex")]
        expected: ModuleKey,
        /// The key that was given.
        #[serde(with = "hex")]
        got: ModuleKey,
    },
    /// Two module versions have one 59-bit key; events of the second could not be told from the first's.
    #[error(
        "module version {got} has the same key {key} as {existing}: change the module and compile it again"
    )]
    KeyCollision {
        /// The key.
        #[serde(with = "hex")]
        key: ModuleKey,
        /// The version that has it.
        #[serde(with = "hex")]
        existing: ModuleVersion,
        /// The version that was proposed.
        #[serde(with = "hex")]
        got: ModuleVersion,
    },
    /// One module version with two names.
    #[error("module version {version} is {existing}, not {got}")]
    OtherModule {
        /// The version.
        #[serde(with = "hex")]
        version: ModuleVersion,
        /// The name that is known.
        existing: String,
        /// The name that was given.
        got: String,
    },
    /// A module version has a site table with other content.
    #[error("module version {version} has site table {existing}, not {got}")]
    OtherSiteTable {
        /// The version.
        #[serde(with = "hex")]
        version: ModuleVersion,
        /// The table that is.
        #[serde(with = "hex")]
        existing: ContentHash,
        /// The table that was proposed.
        #[serde(with = "hex")]
        got: ContentHash,
    },
    /// The version is known with other facts.
    #[error("version {version} of {project} is published with other counts")]
    OtherVersion {
        /// The project.
        project: String,
        /// The version.
        #[serde(with = "hex")]
        version: ContentHash,
    },
    /// The node's key is known with another name, creation or start.
    #[error("node key {node} is {existing}, not {got}")]
    OtherNode {
        /// The key.
        #[serde(with = "hex")]
        node: NodeKey,
        /// The node that has it.
        existing: String,
        /// The node that was proposed.
        got: String,
    },
    /// The node was not announced.
    #[error("node {node} is not known: announce it first")]
    UnknownNode {
        /// The key.
        #[serde(with = "hex")]
        node: NodeKey,
    },
    /// The member is not registered.
    #[error("member {0} is not registered")]
    UnknownMember(MemberId),
    /// The shard map has the wrong number of shards.
    #[error("shard map of {got} shards: the cluster has {expected}")]
    WrongShards {
        /// The cluster's number.
        expected: u16,
        /// The map's number.
        got: u64,
    },
    /// A shard's holders are not what they may be.
    #[error("shard {shard}: {error}")]
    Shard {
        /// The shard.
        shard: u16,
        /// What is wrong.
        error: placement::ChangeError,
    },
    /// A shard has more holders than copies may be.
    #[error("shard {shard} has {got} holders: expected at most {limit}")]
    TooManyHolders {
        /// The shard.
        shard: u16,
        /// Holders.
        got: u64,
        /// Most copies of a shard.
        limit: u8,
    },
    /// The cluster has a shard map, which changes a shard at a time.
    #[error("the cluster has a shard map already, of epoch {0}: it changes one shard at a time")]
    HasShardMap(u64),
    /// The member was removed; what it was started with is not used again.
    #[error(
        "member {0} was removed from the cluster: start it with an empty data folder to join as another one"
    )]
    Removed(MemberId),
    /// The member holds shards.
    #[error("member {member} holds {shards} shards: drain it first, and wait until they have moved")]
    HoldsShards {
        /// Who.
        member: MemberId,
        /// How many.
        shards: u64,
    },
    /// Taking the member's disk for lost would lose what was acknowledged.
    #[error(
        "without member {member} too few holders of {shards} shards are left to have all that was acknowledged: say that the loss is accepted, or bring \
         its disk back"
    )]
    Loses {
        /// Who.
        member: MemberId,
        /// How many.
        shards: u64,
    },
    /// A member of an older release.
    #[error(
        "the cluster writes format {in_force}, this member's program only up to {newest}: start it with a newer release"
    )]
    TooOld {
        /// The latest that it writes.
        newest: Format,
        /// What the cluster writes.
        in_force: Format,
    },
    /// Members of older releases would not know it.
    #[error(
        "this needs format {needs}, and the cluster writes {in_force}: when all members run a release that can, say `elixirscope cluster finalize`"
    )]
    NotFinalized {
        /// The first that has it.
        needs: Format,
        /// What the cluster writes.
        in_force: Format,
    },
    /// An audited change within an audited change.
    #[error("a change is audited once")]
    AuditedTwice,
    /// Another member has this Raft id.
    #[error("raft id {raft} is member {existing}'s: a data folder must not be copied")]
    OtherRaft {
        /// The id.
        #[serde(with = "hex")]
        raft: super::RaftId,
        /// Who has it.
        existing: MemberId,
    },
}
