//! Metrics of the coordinator: built once, recorded a batch at a time.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

/// Handles of all metrics.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) term: IntGauge,
    pub(crate) last_log_index: IntGauge,
    pub(crate) applied_index: IntGauge,
    pub(crate) is_leader: IntGauge,
    pub(crate) proposals: IntCounter,
    pub(crate) commands: IntCounter,
    pub(crate) entries: IntCounter,
    pub(crate) refused: IntCounter,
    pub(crate) failed: IntCounter,
    pub(crate) propose_seconds: Histogram,
    pub(crate) snapshots: IntCounter,
    pub(crate) snapshot_bytes: IntGauge,
    pub(crate) blobs_put: IntCounter,
    pub(crate) blobs_refused: IntCounter,
    pub(crate) versions_refused: IntCounter,
}

impl Metrics {
    /// Builds and registers them.
    pub(crate) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone())).map(|()| gauge)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone())).map(|()| counter)
        };
        let buckets = prometheus::exponential_buckets(0.0005, 2.0, 15)?;
        let propose_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "elixirscope_coordinator_propose_seconds",
                "Time from a proposal to its outcome, in seconds",
            )
            .buckets(buckets),
        )?;
        registry.register(Box::new(propose_seconds.clone()))?;
        Ok(Self {
            term: gauge("elixirscope_raft_term", "Current Raft term")?,
            last_log_index: gauge("elixirscope_raft_last_log_index", "Index of the last log entry")?,
            applied_index: gauge(
                "elixirscope_raft_applied_index",
                "Index of the last applied log entry",
            )?,
            is_leader: gauge("elixirscope_raft_is_leader", "1 if this member leads the group")?,
            proposals: counter(
                "elixirscope_coordinator_proposals_total",
                "Proposals accepted into the queue",
            )?,
            commands: counter(
                "elixirscope_coordinator_commands_total",
                "Commands applied for proposals of this member",
            )?,
            entries: counter(
                "elixirscope_coordinator_entries_total",
                "Log entries written for proposals of this member",
            )?,
            refused: counter(
                "elixirscope_coordinator_refused_total",
                "Commands that were refused",
            )?,
            failed: counter(
                "elixirscope_coordinator_failed_total",
                "Proposals without an outcome",
            )?,
            propose_seconds,
            snapshots: counter(
                "elixirscope_raft_snapshots_total",
                "Snapshots written or installed",
            )?,
            snapshot_bytes: gauge(
                "elixirscope_raft_snapshot_bytes",
                "Size of the last snapshot, in bytes",
            )?,
            blobs_put: counter("elixirscope_coordinator_blobs_put_total", "Blobs accepted")?,
            blobs_refused: counter(
                "elixirscope_coordinator_blobs_refused_total",
                "Blobs refused because their bytes have another hash than was said",
            )?,
            versions_refused: counter(
                "elixirscope_coordinator_versions_refused_total",
                "Versions refused because blobs of their manifest are not stored",
            )?,
        })
    }
}
