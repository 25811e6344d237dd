//! Metrics of the agent.

use std::collections::BTreeSet;
use std::sync::Arc;

use host::{Registry, metrics};
use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};

use crate::spool::{AgentDrop, Shared, is_full};

/// Handles, made once.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) nodes: IntGauge,
    pub(crate) node_events: IntGaugeVec,
    pub(crate) node_names: NodeNames,
    pub(crate) chunks: IntCounterVec,
    pub(crate) refused: IntCounterVec,
    pub(crate) spool_errors: IntCounterVec,
    pub(crate) backpressure: IntGauge,
    pub(crate) backpressures: IntCounter,
    pub(crate) damage_bytes: IntCounterVec,
    pub(crate) gaps: IntCounterVec,
    pub(crate) connected: IntGauge,
    pub(crate) connects: IntCounterVec,
    pub(crate) moves: IntCounterVec,
    pub(crate) sent_again: IntCounter,
    pub(crate) throttled: IntCounter,
    pub(crate) clock_offset_us: IntGauge,
}

impl Metrics {
    pub(crate) fn new(r: &Registry) -> prometheus::Result<Self> {
        use metrics::{counter, counters, gauge, gauges};
        Ok(Self {
            nodes: gauge(r, "elixirscope_agent_nodes", "BEAM nodes connected")?,
            node_events: gauges(
                r,
                "elixirscope_agent_node_events",
                "Totals that nodes report: emitted, and dropped by reason",
                &["node", "state"],
            )?,
            node_names: NodeNames::default(),
            chunks: counters(
                r,
                "elixirscope_agent_chunks_total",
                "Chunks taken from nodes",
                &["outcome"],
            )?,
            refused: counters(
                r,
                "elixirscope_agent_refused_total",
                "Connections of nodes refused or closed by the agent",
                &["reason"],
            )?,
            spool_errors: counters(
                r,
                "elixirscope_agent_spool_errors_total",
                "Failed writes to the spool",
                &["reason"],
            )?,
            backpressure: gauge(
                r,
                "elixirscope_agent_backpressure",
                "1 while nothing is taken from nodes",
            )?,
            backpressures: counter(
                r,
                "elixirscope_agent_backpressure_total",
                "Times that the agent stopped taking from nodes",
            )?,
            damage_bytes: counters(
                r,
                "elixirscope_agent_spool_damage_bytes_total",
                "Bytes of the spool that were not readable at the start",
                &["kind"],
            )?,
            gaps: counters(r, "elixirscope_agent_gaps_total", "Batches given up", &["reason"])?,
            connected: gauge(
                r,
                "elixirscope_agent_connected",
                "1 while a collector is connected",
            )?,
            connects: counters(
                r,
                "elixirscope_agent_connects_total",
                "Attempts to connect",
                &["outcome"],
            )?,
            moves: counters(
                r,
                "elixirscope_agent_moves_total",
                "Connections given up for another collector: this one was silent, or is not the one for this agent",
                &["why"],
            )?,
            sent_again: counter(
                r,
                "elixirscope_agent_frames_sent_again_total",
                "Frames sent again on the same connection, because they were not acknowledged in time",
            )?,
            throttled: counter(
                r,
                "elixirscope_agent_throttled_total",
                "Times that the collector throttled",
            )?,
            clock_offset_us: gauge(
                r,
                "elixirscope_agent_clock_offset_microseconds",
                "Collector's time minus the agent's",
            )?,
        })
    }
}

/// Why the spool could not be written, as a metric label.
pub(crate) fn spool_error(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    match error.kind() {
        _ if is_full(error) => "full",
        PermissionDenied | ReadOnlyFilesystem => "read_only",
        _ => "io",
    }
}

/// Names of nodes that metrics carry; further ones are `other`, so that nodes cannot make any number of series.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeNames(Arc<Mutex<BTreeSet<String>>>);

impl NodeNames {
    const MAX: usize = 256;

    pub(crate) fn label<'a>(&self, name: &'a str) -> &'a str {
        let mut names = self.0.lock();
        if names.contains(name) || (names.len() < Self::MAX && names.insert(name.to_owned())) {
            name
        } else {
            "other"
        }
    }
}

/// Reads the spool's ledger at the moment of the scrape, under its lock: the conservation law holds in every scrape.
pub(crate) struct SpoolCollector {
    shared: Arc<Shared>,
    gauges: Mutex<(IntGaugeVec, IntGaugeVec)>,
}

impl SpoolCollector {
    pub(crate) fn register(registry: &Registry, shared: Arc<Shared>) -> prometheus::Result<()> {
        let events = Opts::new(
            "elixirscope_agent_events_total",
            "Events; received + recovered = acked + spooled + in_flight + dropped_*",
        );
        let spool = Opts::new("elixirscope_agent_spool", "Size of the spool");
        let gauges = (
            IntGaugeVec::new(events, &["state"])?,
            IntGaugeVec::new(spool, &["unit"])?,
        );
        registry.register(Box::new(Self {
            shared,
            gauges: Mutex::new(gauges),
        }))
    }
}

impl Collector for SpoolCollector {
    fn desc(&self) -> Vec<&Desc> {
        // Descriptions are borrowed from the gauges, which a lock guards: the names are unique, nothing is checked.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let gauges = self.gauges.lock();
        let index = self.shared.index.lock();
        let ledger = index.ledger();
        let (bytes, frames, in_flight) = (index.bytes(), index.frames(), index.in_flight_bytes());
        drop(index);
        let set = |gauge: &IntGaugeVec, label: &str, value: u64| {
            gauge
                .with_label_values(&[label])
                .set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&gauges.0, "received", ledger.received);
        set(&gauges.0, "recovered", ledger.recovered);
        set(&gauges.0, "acked", ledger.acked);
        set(&gauges.0, "spooled", ledger.spooled);
        set(&gauges.0, "in_flight", ledger.in_flight);
        for (reason, count) in AgentDrop::ALL.iter().zip(ledger.dropped) {
            set(&gauges.0, &format!("dropped_{}", reason.name()), count);
        }
        set(&gauges.1, "bytes", bytes);
        set(&gauges.1, "frames", frames as u64);
        set(&gauges.1, "in_flight_bytes", in_flight);
        let mut families = gauges.0.collect();
        families.extend(gauges.1.collect());
        families
    }
}
