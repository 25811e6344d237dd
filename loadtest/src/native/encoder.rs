//! Cuts frames as an agent does: what came within a flush, one section a shard, compressed once.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};

use anyhow::{Context, Result};
use event::{Epoch, Event, Hlc, Micros, Producer, Seq, Shard, TraceId};
use placement::{bucket_of, shard_of_event};
use wire::control::HelloOk;
use wire::frame::{Compression, FrameBuilder};

use super::events::{Events, Shape};

/// A frame, and the batches that must be acknowledged.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Its batches.
    pub(crate) parts: Vec<(Shard, Seq)>,
    /// Events.
    pub(crate) events: u64,
    /// One of its traces, to be asked for.
    pub(crate) trace: TraceId,
}

/// One producer in one epoch.
#[derive(Debug)]
pub(crate) struct Encoder {
    producer: Producer,
    epoch: Epoch,
    shards: NonZeroU16,
    bucket_seconds: NonZeroU32,
    next: BTreeMap<Shard, u64>,
    events: Events,
    trace_events: usize,
    flat: Vec<Event>,
}

impl Encoder {
    /// With the cluster's settings.
    pub(crate) fn new(
        producer: Producer,
        epoch: Epoch,
        hello: &HelloOk,
        shape: Shape,
        events: Events,
    ) -> Result<Self> {
        Ok(Self {
            producer,
            epoch,
            shards: NonZeroU16::new(hello.shards).context("a cluster without shards")?,
            bucket_seconds: NonZeroU32::new(hello.bucket_seconds).context("buckets without length")?,
            next: BTreeMap::new(),
            events,
            trace_events: Events::trace_events(shape),
            flat: Vec::new(),
        })
    }

    /// A frame of about `count` events, in whole traces, at least one.
    pub(crate) fn frame(&mut self, count: usize, now: Micros) -> Result<Frame> {
        self.flat.clear();
        let mut trace = TraceId(0);
        for _ in 0..(count / self.trace_events).max(1) {
            trace = self.events.trace(now, &mut self.flat);
        }
        let events = self.flat.len() as u64;
        let mut by_shard: Vec<(Shard, &Event)> = Vec::with_capacity(self.flat.len());
        for run in self.flat.chunk_by(|a, b| a.trace == b.trace) {
            let Some(first) = run.first() else { continue };
            let shard = shard_of_event(first.trace, first.node, first.pid, self.shards);
            by_shard.extend(run.iter().map(|event| (shard, event)));
        }
        by_shard.sort_by_key(|(shard, _)| *shard);
        let hlc = Hlc::from_micros(now);
        let mut builder = FrameBuilder::new(
            self.producer,
            self.epoch,
            hlc,
            bucket_of(hlc, self.bucket_seconds),
        );
        for node in self.events.nodes() {
            builder.node(node.clone());
        }
        let mut parts = Vec::new();
        for events in by_shard.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((shard, _)) = events.first().copied() else {
                continue;
            };
            let next = self.next.entry(shard).or_insert(1);
            builder.section(shard, Seq(*next), events.iter().map(|(_, event)| *event));
            parts.push((shard, Seq(*next)));
            *next += 1;
        }
        Ok(Frame {
            bytes: builder.finish(Compression::Zstd)?,
            parts,
            events,
            trace,
        })
    }
}
