//! Latencies in HDR histograms: every thread records into its own, one place puts them together.

use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::sync::{Recorder, SyncHistogram};
use hdrhistogram::{CreationError, Histogram};
use serde_json::{Value, json};

/// Longest latency that is told from longer ones.
const LATENCY_US_MAX: u64 = 600_000_000;
/// Significant decimal digits.
const DIGITS: u8 = 3;
/// A recorder that records nothing is not waited for longer.
const REFRESH: Duration = Duration::from_millis(20);

/// All latencies, microseconds.
#[derive(Debug)]
pub(crate) struct Latencies {
    all: SyncHistogram<u64>,
    before: Histogram<u64>,
}

/// One thread's part.
#[derive(Debug)]
pub(crate) struct Records(Recorder<u64>);

/// An empty histogram of microseconds.
pub(crate) fn histogram() -> Result<Histogram<u64>, CreationError> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS)
}

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            all: SyncHistogram::from(histogram()?),
            before: histogram()?,
        })
    }

    /// A recorder for one thread.
    pub(crate) fn records(&self) -> Records {
        Records(self.all.recorder())
    }

    /// What was recorded since the last call.
    pub(crate) fn interval(&mut self) -> Result<Histogram<u64>> {
        self.all.refresh_timeout(REFRESH);
        let mut interval: Histogram<u64> = (*self.all).clone();
        let now = interval.clone();
        interval.subtract(&self.before)?;
        self.before = now;
        Ok(interval)
    }
}

impl Records {
    /// From when it was due until now.
    pub(crate) fn since(&mut self, due: Instant) {
        let us = due.elapsed().as_micros() as u64;
        self.0.saturating_record(us.max(1));
    }
}

/// Milliseconds at a quantile.
pub(crate) fn ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    if histogram.is_empty() {
        return 0.0;
    }
    histogram.value_at_quantile(quantile) as f64 / 1_000.0
}

/// Percentiles for a program, milliseconds.
pub(crate) fn json_ms(histogram: &Histogram<u64>) -> Value {
    json!({
        "count": histogram.len(), "p50": ms(histogram, 0.5), "p90": ms(histogram, 0.9), "p99": ms(histogram, 0.99),
        "p999": ms(histogram, 0.999), "max": ms(histogram, 1.0),
    })
}

/// Percentiles for a person.
pub(crate) fn text_ms(histogram: &Histogram<u64>) -> String {
    format!(
        "p50 {:.2} p90 {:.2} p99 {:.2} p99.9 {:.2} max {:.2} ms ({} samples)",
        ms(histogram, 0.5),
        ms(histogram, 0.9),
        ms(histogram, 0.99),
        ms(histogram, 0.999),
        ms(histogram, 1.0),
        histogram.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two threads record 1 ms to 100 ms, one of them then rests. Guarantee: intervals hold what came since the
    /// last, their sum is the total, percentiles are right within 0.1 %.
    #[test]
    fn threads_are_put_together() {
        let mut latencies = Latencies::new().unwrap();
        let (mut one, mut two) = (latencies.records(), latencies.records());
        for ms in 1..=50 {
            one.0.saturating_record(ms * 1_000);
            two.0.saturating_record((ms + 50) * 1_000);
        }
        drop(two);
        let resting = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            one.0.saturating_record(7_000);
        });
        let mut total = latencies.interval().unwrap();
        resting.join().unwrap();
        let second = latencies.interval().unwrap();
        assert!(second.len() < 101);
        total.add(&second).unwrap();
        assert_eq!(total.len(), 101);
        for (quantile, expected) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            assert!(
                (ms(&total, quantile) / expected - 1.0).abs() < 0.021,
                "{quantile}"
            );
        }
    }
}
