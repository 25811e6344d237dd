//! What the collector counts. Handles are made once; recorded a frame or a commit at a time.

use crate::clock_error::Pair;
use crate::replicas::WrittenMetrics;
use host::Registry;
use host::metrics::{counter, counters, gauge, gauges, histogram};
use prometheus::{GaugeVec, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};
use std::collections::HashSet;
use store::{Admission, SpanStats, StoreStats, Totals};

const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];
const FRAMES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0, 1024.0];

#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) frames: IntCounter,
    pub(crate) events: IntCounter,
    pub(crate) bytes: IntCounter,
    pub(crate) batches: IntCounterVec,
    pub(crate) rejects: IntCounterVec,
    pub(crate) sessions: IntGauge,
    pub(crate) session_ends: IntCounterVec,
    pub(crate) throttles: IntCounter,
    pub(crate) ack_seconds: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) commit_frames: Histogram,
    pub(crate) hlc_ahead: IntCounter,
    pub(crate) descriptions: IntCounterVec,
    refused: IntGaugeVec,
    store: IntGaugeVec,
    store_totals: IntGaugeVec,
    clock_error: GaugeVec,
}

impl Metrics {
    pub(crate) fn new(r: &Registry) -> prometheus::Result<Self> {
        let clock_error = GaugeVec::new(
            Opts::new(
                "elixirscope_clock_error_seconds",
                "Clock of node `to` minus clock of node `from`",
            ),
            &["from", "to"],
        )?;
        r.register(Box::new(clock_error.clone()))?;
        let name = |n: &str| format!("elixirscope_collector_{n}");
        Ok(Self {
            frames: counter(r, &name("frames_total"), "Frames received and checked")?,
            events: counter(r, &name("events_total"), "Events in them")?,
            bytes: counter(r, &name("bytes_total"), "Bytes of them")?,
            batches: counters(
                r,
                &name("batches_total"),
                "Batches answered, by what became of them",
                &["outcome"],
            )?,
            rejects: counters(
                r,
                &name("rejects_total"),
                "Frames and batches refused for ever",
                &["reason"],
            )?,
            sessions: gauge(r, &name("sessions"), "Agents connected")?,
            session_ends: counters(r, &name("session_ends_total"), "Sessions ended", &["reason"])?,
            throttles: counter(r, &name("throttles_total"), "THROTTLE messages sent")?,
            ack_seconds: histogram(
                r,
                &name("ack_seconds"),
                "From receipt of a frame to its ACK",
                SECONDS.into(),
            )?,
            commit_seconds: histogram(
                r,
                &name("commit_seconds"),
                "Write and sync of a commit",
                SECONDS.into(),
            )?,
            commit_frames: histogram(r, &name("commit_frames"), "Frames in a commit", FRAMES.into())?,
            hlc_ahead: counter(
                r,
                &name("hlc_ahead_total"),
                "Remote times beyond the maximal offset",
            )?,
            descriptions: counters(
                r,
                &name("descriptions_total"),
                "DEFINE, NODE, MODULES",
                &["outcome"],
            )?,
            refused: gauges(
                r,
                &name("connections_refused"),
                "Connections refused since start",
                &["reason"],
            )?,
            store: gauges(r, "elixirscope_store", "The store, as of now", &["what"])?,
            store_totals: gauges(r, "elixirscope_store_totals", "The store, since start", &["what"])?,
            clock_error,
        })
    }

    /// Counts what became of batches, and commits.
    pub(crate) fn of_receipts(&self) -> WrittenMetrics {
        let (batches, frames, seconds) = (
            self.batches.clone(),
            self.commit_frames.clone(),
            self.commit_seconds.clone(),
        );
        Box::new(move |receipt| {
            if let Some(commit) = receipt.commit {
                frames.observe(commit.frames as f64);
                seconds.observe(commit.took.as_secs_f64());
            }
            let mut outcomes: Vec<(Admission, u64)> = Vec::new();
            for section in receipt.frames.iter().flat_map(|f| &f.sections) {
                match outcomes.iter_mut().find(|(known, _)| *known == section.admission) {
                    Some((_, count)) => *count += 1,
                    None => outcomes.push((section.admission, 1)),
                }
            }
            for (admission, count) in outcomes {
                batches.with_label_values(&[name(admission)]).inc_by(count);
            }
        })
    }

    /// Connections that the transport refused.
    pub(crate) fn set_refused(&self, stats: &transport::ServerStats) {
        for reason in transport::Refusal::ALL {
            self.refused
                .with_label_values(&[reason.name()])
                .set(stats.refused(reason) as i64);
        }
    }

    /// The bound that is set for frames and spans on disk, in bytes; 0 = none.
    pub(crate) fn set_disk_max(&self, bytes: u64) {
        set(&self.store, &[("disk_max_bytes", bytes)]);
    }

    pub(crate) fn set_spans(&self, s: &SpanStats) {
        let now = [
            ("span_open", s.open_rows),
            ("span_open_frames", s.open_frames),
            ("span_open_bytes", s.open_bytes),
            ("span_runs", s.runs),
            ("span_sealed", s.sealed_rows),
            ("span_sealed_bytes", s.sealed_bytes),
            ("span_repeats_dropped", s.repeats),
            ("span_index_bytes", s.memory_bytes),
        ];
        set(&self.store, &now);
    }

    pub(crate) fn set_store(&self, s: &StoreStats) {
        let now = [
            ("format", s.format.into()),
            ("queued_bytes", s.queued_bytes),
            ("open_index_bytes", s.open_index_bytes),
            ("open_frames", s.open_frames),
            ("open_events", s.open_events),
            ("event_runs", s.event_runs),
            ("sealed_events", s.sealed_events),
            ("sealed_bytes", s.sealed_bytes),
            ("run_index_bytes", s.run_index_bytes),
            ("buckets", s.buckets),
            ("open_buckets", s.open_buckets),
            ("frames", s.frames_held),
            ("frame_bytes", s.frame_bytes_held),
            ("poisoned", u64::from(s.poisoned)),
            ("rocksdb_sst_bytes", s.sst_bytes),
            ("rocksdb_blob_bytes", s.blob_bytes),
            ("rocksdb_memtable_bytes", s.memtable_bytes),
            ("rocksdb_wal_bytes", s.wal_bytes),
            ("rocksdb_pending_compaction_bytes", s.pending_compaction_bytes),
        ];
        set(&self.store, &now);
        let t: Totals = s.totals;
        let totals = [
            ("commits", t.commits),
            ("frames", t.frames),
            ("bytes", t.bytes),
            ("batches", t.sections),
            ("events", t.events),
            ("spans", t.spans),
            ("span_frames", t.span_frames),
            ("span_runs", t.span_runs),
            ("span_run_bytes", t.span_run_bytes),
            ("span_merges", t.span_merges),
            ("span_merged_bytes", t.span_merged_bytes),
            ("spans_dropped", t.dropped_spans),
            ("logs", t.logs),
            ("logs_dropped", t.dropped_logs),
            ("duplicates", t.duplicates),
            ("conflicts", t.conflicts),
            ("expired", t.expired),
            ("put_off", t.put_off),
            ("index_runs", t.runs),
            ("event_run_bytes", t.run_bytes),
            ("buckets_closed", t.closed),
            ("buckets_dropped", t.dropped_buckets),
            ("frames_dropped", t.dropped_frames),
            ("damaged_frames", t.damaged_frames),
            ("damaged_batches", t.damaged_batches),
            ("disk_full", t.disk_full),
            ("write_failed", t.write_failed),
            ("queue_full", t.queue_full),
        ];
        set(&self.store_totals, &totals);
    }

    /// Shows the pairs of `now`; removes those of `before` that are gone.
    pub(crate) fn set_clock_errors(&self, now: &[(Pair, i64)], before: &mut HashSet<Pair>) {
        let mut gone = std::mem::take(before);
        for (pair, error_us) in now {
            self.clock_error
                .with_label_values(&[&pair.0, &pair.1])
                .set(*error_us as f64 / 1e6);
            gone.remove(pair);
            before.insert(pair.clone());
        }
        for pair in gone {
            let _ = self.clock_error.remove_label_values(&[&pair.0, &pair.1]);
        }
    }
}

/// As a metric label.
fn name(admission: Admission) -> &'static str {
    match admission {
        Admission::Stored => "stored",
        Admission::Duplicate => "duplicate",
        Admission::Expired => "expired",
        Admission::Conflict => "conflict",
        Admission::Later => "later",
    }
}

fn set(gauges: &IntGaugeVec, values: &[(&str, u64)]) {
    for (what, n) in values {
        gauges
            .with_label_values(&[what])
            .set(i64::try_from(*n).unwrap_or(i64::MAX));
    }
}
