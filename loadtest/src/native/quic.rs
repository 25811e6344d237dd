//! A load of many producers: a thread that encodes and a connection of its own for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use event::{Epoch, Hlc, Micros, Producer};
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use transport::Client;

use super::acks::Acks;
use super::encoder::{Encoder, Frame};
use super::events::{Events, Shape};
use super::session::{Session, Target};
use crate::load::otlp::Ended;
use crate::load::schedule::Schedule;
use crate::load::{Pace, now_ns};
use crate::measure::latency::Latencies;
use crate::measure::process::Process;
use crate::measure::progress::Progress;
use crate::measure::watch::Watch;
use crate::random::Random;

/// Time between an agent's flushes (`AgentConfig::FLUSH`).
const FLUSH: Duration = Duration::from_millis(500);
/// Events that an agent flushes without waiting for that: 1 MiB as they come from nodes, 96 bytes each.
const FRAME_EVENTS_MAX: f64 = 10_920.0;
/// Frames that are encoded and wait to be sent, of each producer.
const QUEUE_FRAMES: usize = 4;
/// Threads for all connections.
const THREADS: usize = 2;
/// Random bytes of values in a frame, at most: a frame's body has a limit.
const FRAME_VALUE_BYTES_MAX: usize = 2 << 20;
/// How long a first session is looked for, and how often.
const GREET_WITHIN: Duration = Duration::from_secs(10);
const GREET_AGAIN: Duration = Duration::from_millis(200);
/// Between the last greeting and the first frame.
const START: Duration = Duration::from_millis(300);

/// Agents without nodes, who make up what they send.
#[derive(Debug)]
pub(crate) struct QuicLoad {
    /// Where to.
    pub(crate) target: Target,
    /// What.
    pub(crate) shape: Shape,
    /// Random bytes in each value.
    pub(crate) value_bytes: usize,
    /// How many.
    pub(crate) producers: usize,
    /// Tells the nodes of this run from others.
    pub(crate) run: u64,
    /// Number of the next producer: each load has new ones.
    pub(crate) next: AtomicUsize,
    /// Some of the traces that are on disk.
    pub(crate) stored: Arc<Mutex<Vec<event::TraceId>>>,
    /// Where acknowledgements are written down.
    pub(crate) acks: Option<Acks>,
}

/// Our time.
pub(crate) fn now() -> Micros {
    Micros::from_unix_us(now_ns() / 1_000)
}

/// The same as a hybrid time.
pub(crate) fn hlc_now() -> Hlc {
    Hlc::from_micros(now())
}

/// A producer that is greeted: its encoder, and the way to its session.
struct Ready {
    encoder: Encoder,
    frames: mpsc::Sender<(Frame, Instant)>,
}

impl QuicLoad {
    /// Events of a frame at this pace.
    fn frame_events(&self, pace: &Pace) -> usize {
        let trace = Events::trace_events(self.shape);
        let rate = pace.rate.unwrap_or(f64::MAX) / self.producers as f64;
        let fit = FRAME_VALUE_BYTES_MAX / self.value_bytes.max(1);
        let events = ((rate * FLUSH.as_secs_f64()).min(FRAME_EVENTS_MAX) as usize).min(fit);
        (events / trace).max(1) * trace
    }

    /// Makes the load and returns when everything is acknowledged or given up.
    pub(crate) fn run(&self, pace: &Pace, total: &Progress, server: Option<&Process>) -> Result<Ended> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()?;
        let mut latencies = Latencies::new()?;
        let progress = Arc::new(Progress::default());
        // Greeting a hundred producers takes a while; the first frame waits for the last of them.
        let (ready, sessions) = self.greet(&runtime, &latencies, &progress)?;
        let begin = Instant::now() + START;
        let sessions: Vec<_> = sessions
            .into_iter()
            .map(|session| {
                // A session that is gone already shows as frames that nobody takes.
                let _ = session.start.send(begin + pace.warmup);
                session.task
            })
            .collect();
        let done = AtomicBool::new(false);
        let frame_events = self.frame_events(pace);
        let (seen, behind) = thread::scope(|scope| {
            let encoding: Vec<_> = ready
                .into_iter()
                .enumerate()
                .map(|(number, ready)| {
                    let offset = number as f64 / self.producers as f64;
                    scope.spawn(move || self.encode(ready, pace, begin, offset, frame_events))
                })
                .collect();
            let watch = Watch {
                progress: &progress,
                server,
                begin,
                warmup: pace.warmup,
                end: pace.warmup + pace.length,
            };
            let (latencies, done) = (&mut latencies, &done);
            let watcher = scope.spawn(move || watch.run(latencies, done));
            let behind: Result<u64> = encoding
                .into_iter()
                .map(|thread| thread.join().map_err(|_| anyhow!("an encoding thread failed"))?)
                .sum();
            for session in sessions {
                let _ = runtime.block_on(session);
            }
            done.store(true, Ordering::Release);
            let seen = watcher
                .join()
                .map_err(|_| anyhow!("the watching thread failed"))??;
            Ok::<_, anyhow::Error>((seen, behind?))
        })?;
        total.add(&progress.counts());
        Ok(Ended { seen, behind })
    }

    fn greet(
        &self,
        runtime: &Runtime,
        latencies: &Latencies,
        progress: &Arc<Progress>,
    ) -> Result<(Vec<Ready>, Vec<Running>)> {
        let (mut ready, mut sessions) = (Vec::new(), Vec::new());
        let mut random = Random::new(now_ns());
        for _ in 0..self.producers {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let producer = Producer(u128::from(random.next()) << 64 | u128::from(random.next()));
            let epoch = Epoch(now().0);
            let mut session = Session {
                target: self.target.clone(),
                client: {
                    let _inside = runtime.enter();
                    Client::new(&self.target.identity)?
                },
                producer,
                epoch,
                progress: Arc::clone(progress),
                records: latencies.records(),
                warm: Instant::now(),
                stored: Arc::clone(&self.stored),
                turn: number,
                acks: self.acks.clone().map(|acks| (acks, number)),
            };
            // A member that has just started, or stops, says so: another one, or itself a moment later, will do.
            let until = Instant::now() + GREET_WITHIN.min(self.target.retry);
            let greeted = loop {
                match runtime.block_on(session.greet(hlc_now())) {
                    Ok(greeted) => break greeted,
                    Err(error) if Instant::now() >= until => {
                        let doors = &self.target.collectors;
                        return Err(error).with_context(|| format!("no session at any of {doors:?}"));
                    }
                    Err(_) => {
                        session.turn += 1;
                        std::thread::sleep(GREET_AGAIN);
                    }
                }
            };
            let events = Events::new(self.shape, self.run, number).with_value_bytes(self.value_bytes);
            let encoder = Encoder::new(producer, epoch, &greeted.hello, self.shape, events)?;
            let (frames, queue) = mpsc::channel(QUEUE_FRAMES);
            let (start, started) = tokio::sync::oneshot::channel();
            let task = runtime.spawn(async move {
                if let Ok(warm) = started.await {
                    session.warm = warm;
                    session.run(greeted, queue).await;
                }
            });
            ready.push(Ready { encoder, frames });
            sessions.push(Running { start, task });
        }
        Ok((ready, sessions))
    }

    /// Encodes until the load is over; events that were due and never begun.
    fn encode(
        &self,
        mut ready: Ready,
        pace: &Pace,
        begin: Instant,
        offset: f64,
        events: usize,
    ) -> Result<u64> {
        let own = Pace {
            rate: pace.rate.map(|rate| rate / self.producers as f64),
            count: pace.count.map(|count| count.div_ceil(self.producers as u64)),
            ..*pace
        };
        let interval = own.rate.map_or(0.0, |rate| events as f64 / rate);
        let schedule = Schedule::new(
            begin + Duration::from_secs_f64(interval * offset),
            &own,
            events as u64,
        );
        thread::sleep(begin.saturating_duration_since(Instant::now()));
        while let Some(due) = schedule.wait() {
            let frame = ready.encoder.frame(events, now())?;
            if ready.frames.blocking_send((frame, due)).is_err() {
                break;
            }
        }
        Ok(schedule.behind() * events as u64)
    }
}

/// A session's task, and how it learns when the load begins.
struct Running {
    start: tokio::sync::oneshot::Sender<Instant>,
    task: tokio::task::JoinHandle<()>,
}
