//! What replication counts.

use host::Registry;
use host::metrics::{counter, counters, gauge, gauges};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use replication::Member;
use std::time::Duration;

/// Numbers of streams and links, counted where they happen; of the core, copied.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(super) links_open: IntGauge,
    pub(super) links_failed: IntCounter,
    sent: IntCounter,
    sent_bytes: IntCounter,
    received: IntCounter,
    received_bytes: IntCounter,
    maps_asked: IntCounter,
    dropped: IntCounterVec,
    refused: IntCounterVec,
    now: IntGaugeVec,
    totals: IntGaugeVec,
}

impl Counts {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        let name = |n: &str| format!("elixirscope_replication_{n}");
        Ok(Self {
            links_open: gauge(r, &name("links_open"), "Members to which there is a stream")?,
            links_failed: counter(
                r,
                &name("links_failed_total"),
                "Streams to members that broke, or could not be opened",
            )?,
            sent: counter(r, &name("sent_total"), "Messages sent to other members")?,
            sent_bytes: counter(r, &name("sent_bytes_total"), "Bytes of them, frames included")?,
            received: counter(r, &name("received_total"), "Messages taken from other members")?,
            received_bytes: counter(r, &name("received_bytes_total"), "Bytes of them, frames included")?,
            maps_asked: counter(
                r,
                &name("maps_asked_total"),
                "Questions to the coordinators for a map that another member knows",
            )?,
            dropped: counters(
                r,
                &name("dropped_total"),
                "Messages that were not sent, or not looked at",
                &["reason"],
            )?,
            refused: counters(
                r,
                &name("refused_total"),
                "Streams of members that were refused or ended",
                &["reason"],
            )?,
            now: gauges(r, "elixirscope_replication", "Replication, as of now", &["what"])?,
            totals: gauges(r, &name("totals"), "Replication, since start", &["what"])?,
        })
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.sent.inc();
        self.sent_bytes.inc_by(bytes);
    }

    pub(super) fn received(&self, bytes: u64) {
        self.received.inc();
        self.received_bytes.inc_by(bytes);
    }

    pub(super) fn map_asked(&self) {
        self.maps_asked.inc();
    }

    pub(super) fn dropped(&self, reason: &str) {
        self.dropped.with_label_values(&[reason]).inc();
    }

    pub(super) fn refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    /// Copies what the core has counted. `links`: peers, and bytes that wait for them.
    pub(super) fn show(&self, now: Duration, member: &Member, links: (u64, u64)) {
        let (front, replica) = (member.front(), member.replica());
        let shown = [
            ("map_epoch", replica.map().epoch),
            ("disk_whole", u64::from(replica.is_authoritative())),
            ("stopped", u64::from(replica.is_stopped())),
            ("front_bytes", front.in_flight_bytes()),
            ("writing_bytes", replica.waiting_bytes()),
            ("hints", member.hints().waiting() as u64),
            ("hints_stuck_seconds", member.hints().stuck(now).as_secs()),
            ("moving", member.moving() as u64),
            ("copies_late", member.copies_late(now) as u64),
            ("peers", links.0),
            ("link_bytes", links.1),
        ];
        set(&self.now, &shown);
        let (f, h, c) = (front.counts(), member.hints().counts(), member.repair().counts());
        let totals = [
            ("acked", f.acked),
            ("acked_one_zone", f.acked_one_zone),
            ("unknown", f.unknown),
            ("stale_frames", f.stale),
            ("busy", f.busy),
            ("stale_verdicts", f.stale_verdicts),
            ("conflicts", f.conflicts),
            ("behind", f.behind),
            ("hints_restored", h.restored),
            ("hints_kept", h.kept),
            ("hints_delivered", h.delivered),
            ("hints_needless", h.needless),
            ("hints_overflowed", h.overflowed),
            ("compared", c.compared),
            ("compared_equal", c.equal),
            ("comparisons_given_up", c.given_up),
            ("fetched", c.fetched),
            ("parts", c.parts),
            ("given", c.given),
        ];
        set(&self.totals, &totals);
    }
}

fn set(gauges: &IntGaugeVec, values: &[(&str, u64)]) {
    for (what, n) in values {
        let n = i64::try_from(*n).unwrap_or(i64::MAX);
        gauges.with_label_values(&[what]).set(n);
    }
}
