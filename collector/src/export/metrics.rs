//! What is counted of the export.

use host::Registry;
use host::metrics::{counter, counters, gauge};
use prometheus::{IntCounter, IntCounterVec, IntGauge};

#[derive(Debug)]
pub(super) struct ExportMetrics {
    pub(super) buckets: IntCounter,
    pub(super) again: IntCounter,
    pub(super) missed: IntCounter,
    pub(super) unreadable: IntCounter,
    pub(super) files: IntCounter,
    pub(super) bytes: IntCounter,
    pub(super) rows: IntCounterVec,
    pub(super) failures: IntCounterVec,
    pub(super) waiting: IntGauge,
    pub(super) lag_seconds: IntGauge,
}

impl ExportMetrics {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        let name = |n: &str| format!("elixirscope_export_{n}");
        let missed = "Buckets that were dropped before they were exported as they were";
        let unreadable = "Stored blocks and entries that could not be read and are left out of exports";
        let lag = "Since the end of the oldest closed bucket that is not exported; 0 = all are";
        Ok(Self {
            buckets: counter(r, &name("buckets_total"), "Buckets exported")?,
            again: counter(r, &name("again_total"), "Buckets exported again, for late data")?,
            missed: counter(r, &name("missed_buckets_total"), missed)?,
            unreadable: counter(r, &name("unreadable_total"), unreadable)?,
            files: counter(r, &name("files_total"), "Files written to the storage")?,
            bytes: counter(r, &name("bytes_total"), "Bytes of files written to the storage")?,
            rows: counters(r, &name("rows_total"), "Rows exported", &["table"])?,
            failures: counters(
                r,
                &name("failures_total"),
                "Failed attempts, each made again",
                &["at"],
            )?,
            waiting: gauge(
                r,
                &name("waiting_buckets"),
                "Closed buckets that are not exported",
            )?,
            lag_seconds: gauge(r, &name("lag_seconds"), lag)?,
        })
    }
}
