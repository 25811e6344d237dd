//! Loads to frames, frames to enough disks, answers to those who wait.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use event::{Epoch, Hlc, Producer, Seq, Shard, TraceId};
use store::{Class, FrameToStore, Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::spans::{Cut, Packer};

use super::lane::{Lanes, Load, Outcome};
use super::metrics::SpanMetrics;
use super::shown::CountedSpans;
use crate::acks::{Answered, InFlight, Why};
use crate::clock::MemberClock;
use crate::otlp::Refusal;
use crate::replicas::Replicas;

/// A client that cannot be served now is told to wait this long.
pub(super) const RETRY_AFTER_MS: u32 = 500;

/// Frames that wait for their acknowledgement; beyond, requests gather in the lanes, and then are told to come again.
const UNDER_WAY_MAX: u32 = 16;

/// Runs on a thread of its own until the lanes are stopped and empty.
pub(super) struct Committer {
    pub(super) lanes: Arc<Lanes>,
    pub(super) store: Arc<Store>,
    pub(super) replicas: Replicas,
    pub(super) clock: MemberClock,
    pub(super) runtime: Handle,
    pub(super) producer: Producer,
    pub(super) epoch: Epoch,
    pub(super) shards: NonZeroU16,
    pub(super) metrics: Arc<SpanMetrics>,
    pub(super) counted: Option<CountedSpans>,
}

impl Committer {
    pub(super) fn run(mut self) {
        let mut packer = Packer::quick();
        let mut seqs = vec![0u64; usize::from(self.shards.get())];
        let turns = Arc::new(Semaphore::new(UNDER_WAY_MAX as usize));
        // A frame of this life was not acknowledged: its numbers may be holes for ever.
        let holes = Arc::new(AtomicBool::new(false));
        while let Some(loads) = self.lanes.next() {
            for load in loads {
                if load.builder.is_empty() {
                    answer(&self.lanes, self.counted.as_ref(), load, &Ok(()));
                    continue;
                }
                let turn = self.runtime.block_on(Arc::clone(&turns).acquire_owned()).ok();
                match self.cut(&load, &mut packer, &mut seqs, &holes) {
                    Ok(frame) => self.send(frame, load, (turn, Arc::clone(&holes))),
                    Err(refusal) => answer(&self.lanes, self.counted.as_ref(), load, &Err(refusal)),
                }
            }
        }
        // What is under way is answered before this ends.
        drop(self.runtime.block_on(turns.acquire_many(UNDER_WAY_MAX)));
    }

    fn cut(
        &mut self,
        load: &Load,
        packer: &mut Packer,
        seqs: &mut [u64],
        holes: &AtomicBool,
    ) -> Result<FrameToStore, Refusal> {
        let hlc = self
            .runtime
            .block_on(self.clock.tick())
            .map_err(|error| refusal(&error))?;
        if holes.swap(false, Ordering::Relaxed) {
            // Another life, in which numbers begin anew.
            self.epoch = Epoch(hlc.0);
            seqs.fill(0);
        }
        let began = Instant::now();
        let frame = self.frame(load, hlc, packer, seqs)?;
        self.metrics.encode_seconds.inc_by(began.elapsed().as_secs_f64());
        Ok(frame)
    }

    /// Has a frame acknowledged, then answers who waits.
    fn send(&self, frame: FrameToStore, load: Load, held: (Option<OwnedSemaphorePermit>, Arc<AtomicBool>)) {
        let began = Instant::now();
        let (spans, bytes) = (u64::from(frame.rows()), frame.byte_len() as u64);
        let (tell, told) = unbounded_channel();
        let in_flight = InFlight {
            frame,
            received: began,
            _permits: None,
        };
        self.replicas.front(in_flight, tell);
        let (lanes, counted, metrics) = (
            Arc::clone(&self.lanes),
            self.counted.clone(),
            Arc::clone(&self.metrics),
        );
        self.runtime.spawn(async move {
            let (turn, holes) = held;
            let outcome = acknowledged(told).await;
            match &outcome {
                Ok(()) => {
                    metrics.commit_seconds.observe(began.elapsed().as_secs_f64());
                    metrics.commit_spans.observe(spans as f64);
                    metrics.spans.inc_by(spans);
                    metrics.bytes.inc_by(bytes);
                }
                Err(_) => holes.store(true, Ordering::Relaxed),
            }
            answer(&lanes, counted.as_ref(), load, &outcome);
            drop(turn);
        });
    }

    fn frame(
        &self,
        load: &Load,
        hlc: Hlc,
        packer: &mut Packer,
        seqs: &mut [u64],
    ) -> Result<FrameToStore, Refusal> {
        let cut = Cut {
            producer: self.producer,
            epoch: self.epoch,
            hlc,
            bucket: self.store.bucket_at(hlc),
        };
        let shard_of = |trace: TraceId| placement::shard_of(trace, self.shards);
        let seq_of = |shard: Shard| {
            let seq = seqs.get_mut(usize::from(shard.0));
            seq.map_or(Seq(1), |seq| {
                *seq += 1;
                Seq(*seq)
            })
        };
        let bytes = load
            .builder
            .finish(cut, shard_of, seq_of, packer)
            .map_err(|error| {
                tracing::error!(%error, "spans do not fit in a frame");
                Refusal::Malformed(error.to_string())
            })?;
        FrameToStore::new(bytes).map_err(|error| {
            tracing::error!(%error, "a frame of spans does not read back");
            Refusal::Unavailable(error.to_string())
        })
    }
}

/// Tells those who wait, and gives the builder back.
fn answer(lanes: &Lanes, counted: Option<&CountedSpans>, mut load: Load, outcome: &Outcome) {
    for waiting in load.waiting.drain(..) {
        // Who went away has no answer and sends again.
        let _ = waiting.send(outcome.clone());
    }
    if let (Ok(()), Some(counted)) = (outcome, counted) {
        counted.take(&load.builder);
    }
    lanes.give_back(load);
}

/// Waits until all of a frame is on enough disks. Else the client sends again: its spans have other batches then, and are one again by
/// their ids.
pub(super) async fn acknowledged(mut told: UnboundedReceiver<Answered>) -> Outcome {
    let busy = Refusal::Busy {
        retry_after_ms: RETRY_AFTER_MS,
    };
    while let Some(answered) = told.recv().await {
        match answered {
            Answered::Acked { whole: Some(_), .. } => return Ok(()),
            Answered::Acked { whole: None, .. } => {}
            Answered::PutOff => return Err(busy),
            Answered::Back { why, .. } if why != Why::Stopped => return Err(busy),
            Answered::Back { .. } => {
                return Err(Refusal::Unavailable(
                    "nothing is written until a restart".to_owned(),
                ));
            }
            Answered::Stopped(reason) => return Err(Refusal::Unavailable(reason)),
            Answered::Conflict { section, .. } => {
                tracing::error!(shard = %section.shard, seq = section.first.0, "a batch of spans has a number that is taken");
                return Err(busy);
            }
        }
    }
    Err(Refusal::Unavailable("this member is shutting down".to_owned()))
}

pub(super) fn refusal(error: &StoreError) -> Refusal {
    match error.class() {
        Class::Busy => Refusal::Busy {
            retry_after_ms: RETRY_AFTER_MS,
        },
        Class::Invalid | Class::Fatal => Refusal::Unavailable(error.to_string()),
    }
}
