//! Loads to frames, frames to the disk, answers to those who wait.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Instant;

use event::{Epoch, Hlc, Producer, Seq, Shard, TraceId};
use store::{Class, SpanFrameToStore, Store, StoreError};
use tokio::runtime::Handle;
use wire::spans::{Cut, Packer};

use super::lane::{Lanes, Load, Outcome};
use super::metrics::SpanMetrics;
use super::shown::CountedSpans;
use crate::clock::MemberClock;
use crate::otlp::Refusal;

/// A client that cannot be served now is told to wait this long.
pub(super) const RETRY_AFTER_MS: u32 = 500;

/// Runs on a thread of its own until the lanes are stopped and empty.
pub(super) struct Committer {
    pub(super) lanes: Arc<Lanes>,
    pub(super) store: Arc<Store>,
    pub(super) clock: MemberClock,
    pub(super) runtime: Handle,
    pub(super) producer: Producer,
    pub(super) epoch: Epoch,
    pub(super) shards: NonZeroU16,
    pub(super) metrics: Arc<SpanMetrics>,
    pub(super) counted: Option<CountedSpans>,
}

impl Committer {
    pub(super) fn run(self) {
        let mut packer = Packer::quick();
        let mut seqs = vec![0u64; usize::from(self.shards.get())];
        while let Some(loads) = self.lanes.next() {
            if loads.is_empty() {
                continue;
            }
            let outcome = self.commit(&loads, &mut packer, &mut seqs);
            for mut load in loads {
                for waiting in load.waiting.drain(..) {
                    // Who went away has no answer and sends again.
                    let _ = waiting.send(outcome.clone());
                }
                if let (Ok(()), Some(counted)) = (&outcome, &self.counted) {
                    counted.take(&load.builder);
                }
                self.lanes.give_back(load);
            }
        }
    }

    fn commit(&self, loads: &[Load], packer: &mut Packer, seqs: &mut [u64]) -> Outcome {
        let hlc = self
            .runtime
            .block_on(self.clock.tick())
            .map_err(|error| refusal(&error))?;
        let began = Instant::now();
        let mut frames = Vec::with_capacity(loads.len());
        for load in loads.iter().filter(|load| !load.builder.is_empty()) {
            frames.push(self.frame(load, hlc, packer, seqs)?);
        }
        self.metrics.encode_seconds.inc_by(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let spans: u64 = frames.iter().map(|frame| u64::from(frame.rows())).sum();
        let bytes: u64 = frames.iter().map(|frame| frame.byte_len() as u64).sum();
        self.store.append_spans(frames).map_err(|error| refusal(&error))?;
        self.metrics.commit_seconds.observe(began.elapsed().as_secs_f64());
        self.metrics.commit_spans.observe(spans as f64);
        self.metrics.spans.inc_by(spans);
        self.metrics.bytes.inc_by(bytes);
        Ok(())
    }

    fn frame(
        &self,
        load: &Load,
        hlc: Hlc,
        packer: &mut Packer,
        seqs: &mut [u64],
    ) -> Result<SpanFrameToStore, Refusal> {
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
        SpanFrameToStore::new(bytes).map_err(|error| {
            tracing::error!(%error, "a frame of spans does not read back");
            Refusal::Unavailable(error.to_string())
        })
    }
}

pub(super) fn refusal(error: &StoreError) -> Refusal {
    match error.class() {
        Class::Busy => Refusal::Busy {
            retry_after_ms: RETRY_AFTER_MS,
        },
        Class::Invalid | Class::Fatal => Refusal::Unavailable(error.to_string()),
    }
}
