//! What the doors count.

use host::Registry;
use host::metrics::{counter, counters, gauge};
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge};

use super::intake::Receipt;
use super::service::{Door, Signal};

#[derive(Debug)]
pub(super) struct Metrics {
    requests: IntCounterVec,
    bytes: IntCounterVec,
    unpacked: IntCounterVec,
    records: IntCounterVec,
    pub(super) in_flight: IntGauge,
    pub(super) connections: IntGauge,
    pub(super) lag: Gauge,
    pub(super) connections_refused: IntCounter,
    pub(super) accept_errors: IntCounter,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        let name = |n: &str| format!("elixirscope_otlp_{n}");
        let lag = Gauge::new(
            name("lag_seconds"),
            "How long a task that is ready waits for processor time",
        )?;
        r.register(Box::new(lag.clone()))?;
        Ok(Self {
            requests: counters(
                r,
                &name("requests_total"),
                "Requests answered, by HTTP status or gRPC code",
                &["door", "code"],
            )?,
            bytes: counters(
                r,
                &name("bytes_total"),
                "Bytes of bodies, as they came",
                &["door"],
            )?,
            unpacked: counters(
                r,
                &name("unpacked_bytes_total"),
                "Bytes of requests as uncompressed protobuf",
                &["signal"],
            )?,
            records: counters(
                r,
                &name("records_total"),
                "Spans and log records, by what became of them",
                &["signal", "outcome"],
            )?,
            in_flight: gauge(r, &name("in_flight_bytes"), "Bytes of requests without an answer")?,
            lag,
            connections: gauge(r, &name("connections"), "Connections")?,
            connections_refused: counter(
                r,
                &name("connections_refused_total"),
                "Connections closed at once, because there were too many",
            )?,
            accept_errors: counter(
                r,
                &name("accept_errors_total"),
                "Connections that could not be accepted",
            )?,
        })
    }

    pub(super) fn answered(&self, door: Door, code: &str) {
        self.requests.with_label_values(&[door.name(), code]).inc();
    }

    pub(super) fn received(&self, door: Door, bytes: usize) {
        self.bytes.with_label_values(&[door.name()]).inc_by(bytes as u64);
    }

    pub(super) fn unpacked(&self, signal: Signal, bytes: usize) {
        self.unpacked
            .with_label_values(&[signal.name()])
            .inc_by(bytes as u64);
    }

    pub(super) fn taken_in(&self, signal: Signal, receipt: &Receipt) {
        for (outcome, count) in [("accepted", receipt.accepted), ("rejected", receipt.rejected)] {
            if count > 0 {
                self.records
                    .with_label_values(&[signal.name(), outcome])
                    .inc_by(count);
            }
        }
    }
}
