//! What a collector needs from the coordinator: a port that the program plugs.

use event::{Micros, NodeInfo, NodeKey, Shard};
use placement::{Change, MemberId, ShardMap};
use std::collections::BTreeMap;
use std::future::Future;
use std::num::{NonZeroU16, NonZeroU32};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;
use wire::control::{Module, ModulesOp};

/// A future that a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the cluster has decided, once and for all.
#[derive(Clone, Copy, Debug)]
pub struct ClusterSettings {
    /// The cluster's random id.
    pub cluster: u128,
    /// This member's id.
    pub member: u64,
    /// Number of shards.
    pub shards: NonZeroU16,
    /// Length of a bucket in seconds.
    pub bucket_seconds: NonZeroU32,
    /// No clock is followed further ahead than this, in milliseconds.
    pub max_offset_ms: u32,
    /// Bytes of frames that one agent may have unacknowledged.
    pub window_bytes: u64,
}

/// The cluster, as the coordinator of the same process saw it last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterView {
    /// Who holds what. Epoch 0: no map yet.
    pub map: Arc<ShardMap>,
    /// All that were ever members.
    pub members: BTreeMap<MemberId, MemberView>,
    /// Shards of which something that was acknowledged before then may be gone: an operator took a disk for lost and accepted that.
    pub losses: BTreeMap<Shard, Micros>,
    /// The latest format of the store that members may write; 0: none beyond what every release reads.
    pub store_format: u32,
}

/// A member, as collectors need to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// `host:port` of its QUIC door; empty: not known.
    pub address: String,
    /// Its failure domain; may be empty.
    pub zone: String,
    /// May it hold shards?
    pub collects: bool,
    /// It is gone for good, and its id with it.
    pub removed: bool,
}

/// A node incarnation, as its agent describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeen {
    /// Key, creation, name.
    pub node: NodeInfo,
    /// Start of its VM.
    pub vm_start: Micros,
    /// OTP release.
    pub otp_release: String,
    /// Elixir version.
    pub elixir_version: String,
    /// Name of the agent that serves it.
    pub agent: String,
}

/// Modules that a node incarnation loaded or removed, or all that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeModules {
    /// The node incarnation.
    pub node: NodeKey,
    /// What happened to the modules.
    pub op: ModulesOp,
    /// When, by the node's clock.
    pub time: Micros,
    /// Which.
    pub modules: Vec<Module>,
}

/// Why something was not recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlPlaneError {
    /// It never will be.
    #[error("refused: {0}")]
    Refused(String),
    /// Not now; it is tried again.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// The coordinator, as a collector sees it. Returning `Ok` means recorded for good.
pub trait ControlPlane: Send + Sync + 'static {
    /// Records a site table (`docs/site-table.md`).
    fn site_table(&self, table: Vec<u8>) -> BoxFuture<'_, Result<(), ControlPlaneError>>;
    /// Records a node incarnation.
    fn node_seen(&self, node: NodeSeen) -> BoxFuture<'_, Result<(), ControlPlaneError>>;
    /// Records what code a node incarnation runs.
    fn node_modules(&self, modules: NodeModules) -> BoxFuture<'_, Result<(), ControlPlaneError>>;
    /// Changes the holders of a shard, by a step of a move.
    fn change(&self, shard: Shard, change: Change) -> BoxFuture<'_, Result<(), ControlPlaneError>>;
    /// The map and the members, followed. The last copy: it never fails, and may be behind.
    fn cluster(&self) -> watch::Receiver<Arc<ClusterView>>;
    /// Somebody knows a map of at least this epoch: asks for it, so that [`Self::cluster`] soon shows it. That follows by itself in time.
    fn fetch_map(&self, epoch: u64) -> BoxFuture<'_, Result<(), ControlPlaneError>>;
    /// The mark of the disk of this member's collector, as it was remembered last. It is kept with the member's identity, not on that disk.
    fn disk_mark(&self) -> Option<u64>;
    /// Remembers it, synced.
    fn remember_disk(&self, mark: u64) -> BoxFuture<'_, Result<(), ControlPlaneError>>;
    /// What the cluster has decided.
    fn settings(&self) -> ClusterSettings;
}
