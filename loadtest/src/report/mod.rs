//! What a load has shown: for a person, for a program, as a log that HdrHistogram's tools read, as a plot.

mod log;
mod plot;
mod text;

use std::fs;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::args::RunArgs;
use crate::audit::Audited;
use crate::find_max::Step;
use crate::measure::latency::json_ms;
use crate::measure::progress::Counts;
use crate::measure::watch::Seen;
use crate::measure::yardstick::Yardstick;
use crate::query::Queried;
use crate::search::Searched;
use crate::verify::Verified;

/// What the server used, from before the load until it had come to rest after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    /// Processor time.
    pub(crate) cpu_s: f64,
    /// Peak of its resident memory.
    pub(crate) rss_peak_bytes: u64,
    /// Peak of its anonymous resident memory, as seen four times a second.
    pub(crate) rss_anon_peak_bytes: u64,
    /// Did it come to rest within the time given?
    pub(crate) idle: bool,
}

/// Bytes of the server's data folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk {
    /// Before the load.
    pub(crate) before: u64,
    /// After it, at rest.
    pub(crate) after: u64,
}

/// One measurement.
#[derive(Debug)]
pub(crate) struct Report {
    /// Shape of the load.
    pub(crate) name: String,
    /// Where it went.
    pub(crate) target: String,
    /// `span` or `event`.
    pub(crate) item: &'static str,
    /// Items a second asked for; `None` in a closed loop.
    pub(crate) rate: Option<f64>,
    /// Connections.
    pub(crate) connections: usize,
    /// Seed of what was random.
    pub(crate) seed: u64,
    /// Steps of the search for the greatest rate.
    pub(crate) steps: Vec<Step>,
    /// Counts of all loads of this run, the search included.
    pub(crate) counts: Counts,
    /// Items that the server says it stored.
    pub(crate) stored: Option<u64>,
    /// What the server used.
    pub(crate) server: Option<Server>,
    /// Bytes on its disk.
    pub(crate) disk: Option<Disk>,
    /// Items that were due and never begun.
    pub(crate) behind: u64,
    /// From due to acknowledged.
    pub(crate) latency_us: Histogram<u64>,
    /// Second by second.
    pub(crate) seen: Seen,
    /// Questions under load.
    pub(crate) queried: Option<Queried>,
    /// Searches under load.
    pub(crate) searched_under_load: Option<Searched>,
    /// Traces read back.
    pub(crate) verified: Option<Verified>,
    /// Searches after the load.
    pub(crate) searched: Option<Searched>,
    /// Events of our nodes that the server found when it read everything.
    pub(crate) audited: Option<Audited>,
    /// The machine.
    pub(crate) yardstick: Yardstick,
}

/// A million.
const MILLION: f64 = 1e6;

impl Report {
    /// Is stored = sent, exactly, and did every trace that was read back come as it was sent?
    pub(crate) fn conserved(&self) -> bool {
        let stored = self.stored.unwrap_or(self.counts.acked);
        stored == self.counts.sent
            && self.verified.as_ref().is_none_or(Verified::holds)
            && self.audited.is_none_or(|audited| audited.holds(self.counts.sent))
    }

    /// Items stored, as the server says, else as it acknowledged.
    fn items(&self) -> f64 {
        self.stored.unwrap_or(self.counts.acked).max(1) as f64
    }

    /// Processor seconds of the server a million items, between warm-up and end.
    fn cpu_in_window(&self) -> Option<f64> {
        self.server.as_ref()?;
        let (begin, end) = (&self.seen.window_begin, &self.seen.window_end);
        Some((end.server.cpu_s - begin.server.cpu_s) / self.window_items() * MILLION)
    }

    /// Processor seconds of the server a million items stored, all background work included.
    fn cpu_with_background(&self) -> Option<f64> {
        Some(self.server.as_ref()?.cpu_s / self.items() * MILLION)
    }

    /// Processor seconds of this generator a million items sent, between warm-up and end.
    fn cpu_of_generator(&self) -> f64 {
        let (begin, end) = (&self.seen.window_begin, &self.seen.window_end);
        let sent = end.counts.sent.saturating_sub(begin.counts.sent);
        (end.own.cpu_s - begin.own.cpu_s) / sent.max(1) as f64 * MILLION
    }

    fn window_items(&self) -> f64 {
        let acked = self.seen.window_end.counts.acked - self.seen.window_begin.counts.acked;
        acked.max(1) as f64
    }

    /// Bytes on disk an item stored.
    fn disk_bytes_per_item(&self) -> Option<f64> {
        let disk = self.disk?;
        Some((disk.after as f64 - disk.before as f64) / self.items())
    }

    fn wire_bytes_per_item(&self) -> f64 {
        self.counts.bytes as f64 / self.counts.acked.max(1) as f64
    }

    /// For a program.
    pub(crate) fn json(&self) -> Value {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let server = self.server.map(|s| {
            json!({
                "cpu_s_per_million": self.cpu_with_background(),
                "cpu_s_per_million_in_window": self.cpu_in_window(),
                "rss_peak_mib": mib(s.rss_peak_bytes),
                "rss_anon_peak_mib": mib(s.rss_anon_peak_bytes),
                "came_to_rest": s.idle,
            })
        });
        json!({
            "name": self.name,
            "target": self.target,
            "item": self.item,
            "loop": if self.rate.is_some() { "open" } else { "closed" },
            "rate_asked": self.rate,
            "rate": self.seen.rate(),
            "seconds": (self.seen.window_end.at.saturating_sub(self.seen.window_begin.at)).as_secs_f64(),
            "connections": self.connections,
            "seed": self.seed,
            "wire_bytes_per_item": self.wire_bytes_per_item(),
            "counts": self.counts.json(),
            "behind": self.behind,
            "stored": self.stored,
            "conserved": self.conserved(),
            "accounted": self.counts.accounted(self.stored),
            "latency_ms": json_ms(&self.latency_us),
            "find_max": self.steps.iter().map(Step::json).collect::<Vec<_>>(),
            "server": server,
            "disk_bytes_per_item": self.disk_bytes_per_item(),
            "query": self.queried.as_ref().map(Queried::json),
            "audit": self.audited.map(Audited::json),
            "search_under_load": self.searched_under_load.as_ref().map(Searched::json),
            "search": self.searched.as_ref().map(Searched::json),
            "verify": self.verified.as_ref().map(Verified::json),
            "generator_cpu_s_per_million": self.cpu_of_generator(),
            "yardstick": self.yardstick.json(),
        })
    }
}

impl Report {
    /// Writes the files that were asked for; what is to be printed, and whether nothing was lost.
    pub(crate) fn finish(&self, args: &RunArgs) -> Result<(String, bool)> {
        if let Some(path) = &args.hgrm {
            let text = log::hdr_log(self)?;
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if let Some(path) = &args.svg {
            fs::write(path, plot::svg(self)).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let text = if args.json {
            self.json().to_string()
        } else {
            self.text()
        };
        Ok((text, self.conserved()))
    }
}
