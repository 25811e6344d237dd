//! OTLP over HTTP or gRPC: a thread a connection, one request under way on each.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::schedule::Schedule;
use super::sent::{Batch, Content, Sent};
use super::spread::{PART_DELAY, Spread, Waiting};
use super::way::{Target, Way};
use super::{Pace, now_ns};
use crate::http::Answer;
use crate::measure::latency::{Latencies, Records};
use crate::measure::process::Process;
use crate::measure::progress::Progress;
use crate::measure::watch::{Seen, Watch};
use crate::otlp::proto::{Field, Fields};
use crate::random::Random;

use anyhow::Result;

/// First and longest pause before a request is tried again, where the server says none.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A load of OTLP.
#[derive(Debug)]
pub(crate) struct OtlpLoad {
    /// Where to, and how.
    pub(crate) target: Target,
    /// Connections; each carries one request at a time.
    pub(crate) connections: usize,
    /// What is sent.
    pub(crate) content: Content,
    /// What was acknowledged.
    pub(crate) sent: Sent,
    /// Number of the next batch.
    pub(crate) next_batch: AtomicU64,
    /// A request that is put off is given up after this time.
    pub(crate) retry: Duration,
}

/// What a load left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Second by second.
    pub(crate) seen: Seen,
    /// Items that were due and never begun.
    pub(crate) behind: u64,
}

/// What all threads of one load share.
struct Shared<'a> {
    load: &'a OtlpLoad,
    schedule: Schedule,
    progress: &'a Progress,
    spread: Spread,
}

impl OtlpLoad {
    /// Makes the load and returns when everything is answered or given up.
    pub(crate) fn run(&self, pace: &Pace, progress: &Progress, server: Option<&Process>) -> Result<Ended> {
        let mut latencies = Latencies::new()?;
        // Time to start the threads.
        let begin = Instant::now() + Duration::from_millis(300);
        let shared = Shared {
            load: self,
            schedule: Schedule::new(begin, pace, self.content.items()),
            progress,
            spread: Spread::new(self.connections),
        };
        let done = AtomicBool::new(false);
        let seen = thread::scope(|scope| {
            let workers: Vec<_> = (0..self.connections)
                .map(|number| {
                    let worker = Worker::new(&shared, number, latencies.records())?;
                    Ok(scope.spawn(move || worker.run(begin)))
                })
                .collect::<Result<_>>()?;
            let watch = Watch {
                progress,
                server,
                begin,
                warmup: pace.warmup,
                end: pace.warmup + pace.length,
            };
            let (latencies, done) = (&mut latencies, &done);
            let watcher = scope.spawn(move || watch.run(latencies, done));
            for worker in workers {
                // A panic in a worker is reported by the scope itself.
                let _ = worker.join();
            }
            done.store(true, Ordering::Release);
            watcher
                .join()
                .map_err(|_| anyhow::anyhow!("the watching thread failed"))?
        })?;
        let behind = shared.schedule.behind() * self.content.items();
        Ok(Ended { seen, behind })
    }
}

/// One connection.
struct Worker<'a> {
    shared: &'a Shared<'a>,
    number: usize,
    way: Way,
    /// The request that is under way.
    body: Vec<u8>,
    records: Records,
    random: Random,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>, number: usize, records: Records) -> Result<Self> {
        Ok(Self {
            shared,
            number,
            way: Way::new(&shared.load.target)?,
            body: Vec::new(),
            records,
            random: Random::new(number as u64),
        })
    }

    fn run(mut self, begin: Instant) {
        thread::sleep(begin.saturating_duration_since(Instant::now()));
        while let Some(due) = self.shared.schedule.wait() {
            if self.shared.spread.is_empty() || !self.send_waiting(due) {
                let number = self.shared.load.next_batch.fetch_add(1, Ordering::Relaxed);
                let base_ns = now_ns();
                self.send(Batch { number, base_ns }, 0, due);
            }
        }
        // What was begun is sent to its end, so that every trace is whole.
        while !self.shared.spread.is_empty() {
            if !self.send_waiting(Instant::now()) {
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    fn send_waiting(&mut self, due: Instant) -> bool {
        let Some(waiting) = self.shared.spread.due(self.number, Instant::now()) else {
            return false;
        };
        self.send(waiting.batch, waiting.part, due);
        self.shared.spread.done();
        true
    }

    fn send(&mut self, batch: Batch, part: usize, due: Instant) {
        let spans = self.shared.load.content.fill(batch, part, &mut self.body);
        let Some(taken) = self.deliver(spans) else {
            return;
        };
        if self.shared.schedule.counts(due) {
            self.records.since(due);
        }
        if part + 1 < self.shared.load.content.parts() {
            let waiting = Waiting {
                due: Instant::now() + PART_DELAY,
                batch,
                part: part + 1,
            };
            self.shared.spread.after(self.number, waiting);
        } else if taken {
            self.shared.load.sent.add(batch);
        }
    }

    /// Sends until there is an answer for good; `None` if there is none, else whether all spans were taken.
    fn deliver(&mut self, spans: u64) -> Option<bool> {
        let progress = self.shared.progress;
        progress.sent(spans);
        // Writing into memory does not fail.
        let bytes = self.way.load(&self.body).unwrap_or_default();
        let (first, mut backoff) = (Instant::now(), BACKOFF_MIN);
        loop {
            let mut pause = backoff;
            match self.way.send(&self.body) {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    let rejected = rejected_spans(&answer);
                    progress.acked(spans, rejected, bytes);
                    return Some(rejected == 0);
                }
                // The retryable codes of OTLP/HTTP; gRPC's are told as 503.
                Ok(answer) if matches!(answer.status, 429 | 502 | 503 | 504) => {
                    progress.throttled();
                    pause = answer.retry_after.unwrap_or(backoff);
                }
                Ok(_) => {
                    progress.refused(spans);
                    return None;
                }
                Err(_) => progress.broken(),
            }
            if first.elapsed() + pause > self.shared.load.retry {
                progress.given_up(spans);
                return None;
            }
            thread::sleep(pause.mul_f64(1.0 + self.random.below(100) as f64 / 1_000.0));
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }
}

/// `ExportTraceServiceResponse.partial_success.rejected_spans`.
fn rejected_spans(answer: &Answer) -> u64 {
    for field in Fields::new(&answer.body) {
        let Ok((1, Field::Bytes(partial))) = field else {
            continue;
        };
        for field in Fields::new(partial) {
            if let Ok((1, Field::Number(rejected))) = field {
                return rejected;
            }
        }
    }
    0
}
