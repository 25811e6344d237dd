//! What is counted of spans on their way to the disk.

use host::Registry;
use host::metrics::{counter, histogram};
use prometheus::{Counter, Histogram, IntCounter, Opts};

const SECONDS: [f64; 11] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0];
const SPANS: [f64; 8] = [1.0, 10.0, 100.0, 1e3, 4e3, 16e3, 64e3, 256e3];

#[derive(Debug)]
pub(super) struct SpanMetrics {
    pub(super) spans: IntCounter,
    pub(super) bytes: IntCounter,
    pub(super) busy: IntCounter,
    pub(super) encode_seconds: Counter,
    pub(super) commit_seconds: Histogram,
    pub(super) commit_spans: Histogram,
}

impl SpanMetrics {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        let name = |n: &str| format!("elixirscope_spans_{n}");
        let encode_seconds = Counter::with_opts(Opts::new(
            name("encode_seconds_total"),
            "Time spent on making frames",
        ))?;
        r.register(Box::new(encode_seconds.clone()))?;
        Ok(Self {
            spans: counter(r, &name("stored_total"), "Spans on disk, fsynced")?,
            bytes: counter(r, &name("stored_bytes_total"), "Bytes of their frames")?,
            busy: counter(r, &name("busy_total"), "Requests told to come again")?,
            encode_seconds,
            commit_seconds: histogram(
                r,
                &name("commit_seconds"),
                "Writing and syncing frames",
                SECONDS.into(),
            )?,
            commit_spans: histogram(r, &name("commit_spans"), "Spans a commit", SPANS.into())?,
        })
    }
}
