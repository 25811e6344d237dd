//! Bounds of the replicated state. Part of its format: two members that disagree on one would diverge.

/// Most members ever registered.
pub const MEMBERS_MAX: usize = 1_000;
/// Most published versions.
pub const VERSIONS_MAX: usize = 100_000;
/// Most module versions ever seen.
pub const MODULES_MAX: usize = 500_000;
/// Most node incarnations kept; beyond it the one that was silent longest is forgotten.
pub const NODES_MAX: usize = 10_000;
/// Most modules that run on one node at a time.
pub const NODE_MODULES_MAX: usize = 50_000;
/// Most ended intervals kept for a node; beyond it the oldest are forgotten, and answers say so.
pub const NODE_HISTORY_MAX: usize = 50_000;
/// Most of a node's last operations remembered, to recognise one that comes twice.
pub const NODE_RECENT_MAX: usize = 64;
/// Most modules in one command.
pub const COMMAND_MODULES_MAX: usize = 50_000;
/// Longest name, address or path, in bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// Most addresses of a member.
pub const ADDRESSES_MAX: usize = 16;
/// Most shards of a cluster.
pub const SHARDS_MAX: u16 = 4_096;
/// Most replicas of a shard.
pub const REPLICAS_MAX: u8 = 7;
/// Most entries of the audit log; beyond it the oldest are forgotten.
pub const AUDIT_MAX: usize = 1_000;
/// Most requests remembered, to recognise one that comes twice.
pub const REQUESTS_MAX: usize = 1_024;
/// Greatest weight of a member.
pub const WEIGHT_MAX: u32 = 1_000_000;
/// Highest id of 59 bits: node keys and module keys.
pub const KEY_MAX: u64 = (1 << 59) - 1;

const _: () = assert!(
    COMMAND_MODULES_MAX <= NODE_MODULES_MAX,
    "a snapshot of a full node must fit one command"
);
