//! Settings of a collector, and its limits.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use host::access::Access;
use transport::{ServerStats, Ways};

use crate::otlp::OtlpConfig;

/// An agent says HELLO within this time, or is sent away.
pub(crate) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Frames of one connection between receipt and acknowledgement.
pub(crate) const FRAMES_IN_FLIGHT_MAX: usize = 1024;
/// Answers to one agent that wait to be sent.
pub(crate) const ANSWERS_MAX: usize = 256;
/// Bytes of frames that are decompressed and digested at once, in the whole process.
pub(crate) const DECODE_BYTES_MAX: usize = 64 << 20;
/// From the begin of one commit to the begin of the next, at least: each costs a sync, and an acknowledgement waits for half of this on
/// average. At rest none of it is waited for.
pub(crate) const COMMIT_SPACING: Duration = Duration::from_millis(25);
/// A frame that is not longer than this, and has no more events than that, is checked where it was received: some 200 us at most. Handing
/// a frame to another thread and back costs more than checking most.
pub(crate) const CHECK_HERE_BYTES: u32 = 24 << 10;
pub(crate) const CHECK_HERE_EVENTS: u32 = 4_096;
/// An agent that cannot be served now is told to wait this long.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Bytes of a node's or agent's name.
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// Numbers are copied to metrics this often.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

const _: () = assert!(DECODE_BYTES_MAX >= wire::frame::PAYLOAD_BYTES_MAX);

/// Two members that give a third what it lost copy 10 GiB in 225 s so, and agents do not wait much longer (`docs/reliability.md`).
const COPY_BYTES_PER_SECOND: u64 = 40 << 20;

/// What an operator may say of replication. The default is what `replication` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copying {
    /// Never acknowledge in one zone while a shard has holders in several.
    pub require_zones: bool,
    /// Bytes of batches that may wait for one member that is away.
    pub hint_bytes_max: u64,
    /// Bytes of frames that wait for holders, beyond which agents are put off.
    pub front_bytes_max: u64,
    /// Bytes that are read for other members in a second while frames come.
    pub copy_bytes_per_second: u64,
}

impl Default for Copying {
    fn default() -> Self {
        let config = replication::Config::default();
        Self {
            require_zones: config.front.require_zones,
            hint_bytes_max: config.hints.target_bytes_max,
            front_bytes_max: config.front.in_flight_bytes_max,
            copy_bytes_per_second: COPY_BYTES_PER_SECOND,
        }
    }
}

impl Copying {
    pub(crate) fn config(self) -> replication::Config {
        let mut config = replication::Config::default();
        config.front.require_zones = self.require_zones;
        config.hints.target_bytes_max = self.hint_bytes_max;
        config.front.in_flight_bytes_max = self.front_bytes_max;
        config
    }
}

/// What a collector is told at start. What the cluster has decided comes from the [`crate::ControlPlane`].
#[derive(Debug)]
pub struct CollectorConfig {
    /// Folder of the store.
    pub data_dir: PathBuf,
    /// Of the member's door, which hands agents over ([`crate::CollectorHandle::serve_agent`]): what it refused is shown as metrics.
    pub door: Arc<ServerStats>,
    /// The ways to other members, for what may be much.
    pub ways: Ways,
    /// Bytes of memory of the store.
    pub memory_bytes: u64,
    /// How long after its end a bucket is kept.
    pub retention: Duration,
    /// Bytes of events and spans on the disk, above which the oldest buckets are dropped; 0 = no bound.
    pub disk_bytes_max: u64,
    /// Are buckets kept, however old, until [`store::Store::hold_from`] lets them go? The bound on bytes drops them anyway.
    pub hold_buckets: bool,
    /// How far copies of shards may fall behind, and when a batch is acknowledged.
    pub copying: Copying,
    /// The doors for OTLP; `None` = closed.
    pub otlp: Option<OtlpConfig>,
    /// Who may come in through them.
    pub access: Access,
    /// What is counted of spans that come over OTLP; `None` = nothing.
    pub span_metrics: Option<query::span_metrics::Settings>,
}
