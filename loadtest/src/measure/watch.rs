//! Looks at a running load once a second: how much was acknowledged, how long it took, what the server used.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

use super::latency::{Latencies, histogram};
use super::process::{Process, Usage};
use super::progress::{Counts, Progress};

/// Length of an interval.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often memory is looked at within it.
const LOOKS: u32 = 4;

/// One second of a load.
#[derive(Clone, Debug)]
pub(crate) struct Interval {
    /// Its end, from the beginning of the load.
    pub(crate) end: Duration,
    /// Its length.
    pub(crate) length: Duration,
    /// Items acknowledged in it.
    pub(crate) acked: u64,
    /// Latencies recorded in it.
    pub(crate) latency_us: Histogram<u64>,
}

/// A load as it was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Second by second, warm-up included.
    pub(crate) intervals: Vec<Interval>,
    /// Greatest anonymous memory of the server, bytes.
    pub(crate) rss_anon_peak_bytes: u64,
    /// What was counted, and what the server had used, when the warm-up was over.
    pub(crate) window_begin: Mark,
    /// The same when the load was over.
    pub(crate) window_end: Mark,
}

/// A moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    /// From the beginning of the load.
    pub(crate) at: Duration,
    /// Items.
    pub(crate) counts: Counts,
    /// The server.
    pub(crate) server: Usage,
    /// This process.
    pub(crate) own: Usage,
}

/// What is watched.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    /// Counts.
    pub(crate) progress: &'a Progress,
    /// The server, if its process is known.
    pub(crate) server: Option<&'a Process>,
    /// When the load began.
    pub(crate) begin: Instant,
    /// End of the warm-up, from the beginning.
    pub(crate) warmup: Duration,
    /// End of the load, from the beginning; what is late may come later.
    pub(crate) end: Duration,
}

impl Seen {
    /// All latencies that were recorded.
    pub(crate) fn latency_us(&self) -> Result<Histogram<u64>> {
        let mut sum = histogram()?;
        for interval in &self.intervals {
            sum.add(&interval.latency_us)?;
        }
        Ok(sum)
    }

    /// Items acknowledged a second between warm-up and end.
    pub(crate) fn rate(&self) -> f64 {
        let acked = self.window_end.counts.acked - self.window_begin.counts.acked;
        acked as f64
            / (self.window_end.at.saturating_sub(self.window_begin.at))
                .as_secs_f64()
                .max(1e-3)
    }
}

impl Watch<'_> {
    /// Until the next look: the warm-up's end and the load's end are looked at when they come.
    fn pause(&self) -> Duration {
        let now = self.begin.elapsed();
        let marks = [self.warmup, self.end].into_iter().filter(|mark| *mark > now);
        let next = marks.min().map_or(Duration::MAX, |mark| mark.saturating_sub(now));
        next.min(INTERVAL / LOOKS)
    }

    fn mark(&self) -> Result<Mark> {
        Ok(Mark {
            at: self.begin.elapsed(),
            counts: self.progress.counts(),
            server: self.server.map(Process::usage).transpose()?.unwrap_or_default(),
            own: Process::own().usage()?,
        })
    }

    /// Watches until `done`.
    pub(crate) fn run(&self, latencies: &mut Latencies, done: &AtomicBool) -> Result<Seen> {
        let mut seen = Seen {
            window_begin: self.mark()?,
            ..Seen::default()
        };
        let (mut last, mut acked) = (Duration::ZERO, 0);
        let (mut warm, mut over) = (false, false);
        while !done.load(Ordering::Acquire) {
            for _ in 0..LOOKS {
                thread::sleep(self.pause());
                if let Some(server) = self.server {
                    seen.rss_anon_peak_bytes = seen.rss_anon_peak_bytes.max(server.usage()?.rss_anon_bytes);
                }
                let now = self.begin.elapsed();
                if !warm && now >= self.warmup {
                    seen.window_begin = self.mark()?;
                    warm = true;
                }
                if !over && now >= self.end {
                    seen.window_end = self.mark()?;
                    over = true;
                }
                if done.load(Ordering::Acquire) {
                    break;
                }
            }
            let (now, total) = (self.begin.elapsed(), self.progress.counts().acked);
            seen.intervals.push(Interval {
                end: now,
                length: now.saturating_sub(last),
                acked: total - acked,
                latency_us: latencies.interval()?,
            });
            (last, acked) = (now, total);
        }
        if !over {
            seen.window_end = self.mark()?;
        }
        let total = self.progress.counts().acked;
        let now = self.begin.elapsed();
        seen.intervals.push(Interval {
            end: now,
            length: now.saturating_sub(last),
            acked: total.saturating_sub(acked),
            latency_us: latencies.interval()?,
        });
        Ok(seen)
    }
}
