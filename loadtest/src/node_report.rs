//! What a load through an agent's socket did.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::json;

/// Counts and latencies of one run.
#[derive(Debug)]
pub(crate) struct Report {
    /// Events sent.
    pub(crate) sent: u64,
    /// Events that the agent confirmed as stored.
    pub(crate) stored: u64,
    /// Until the last confirmation.
    pub(crate) elapsed: Duration,
    /// Microseconds from due to stored, one sample a chunk.
    pub(crate) latency_us: Histogram<u64>,
}

impl Report {
    fn rate(&self) -> f64 {
        self.stored as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let q = |q| self.latency_us.value_at_quantile(q);
        format!(
            "sent {} events, stored {} in {:.2} s: {:.0} events/s\nlatency from due to stored, us: p50 {} p90 {} p99 {} p99.9 {} max {}",
            self.sent,
            self.stored,
            self.elapsed.as_secs_f64(),
            self.rate(),
            q(0.5),
            q(0.9),
            q(0.99),
            q(0.999),
            self.latency_us.max()
        )
    }

    /// For a program.
    pub(crate) fn json(&self) -> String {
        let q = |q| self.latency_us.value_at_quantile(q);
        json!({
            "sent": self.sent,
            "stored": self.stored,
            "seconds": self.elapsed.as_secs_f64(),
            "events_per_second": self.rate(),
            "latency_us": {"p50": q(0.5), "p90": q(0.9), "p99": q(0.99), "p999": q(0.999), "max": self.latency_us.max()},
        })
        .to_string()
    }
}
