//! Frames of one agent on their way to the store: read within the window, checked, handed to replication.

use crate::acks::{Answered, InFlight};
use crate::collector::Context;
use crate::config::{CHECK_HERE_BYTES, CHECK_HERE_EVENTS, NAME_BYTES_MAX};
use crate::session::{Answers, End};
use event::{Epoch, Producer, Seq, Shard, TraceId};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Instant;
use store::{FrameDigest, FrameToStore};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use transport::{MessageReader, RecvStream};
use wire::control::{AckRange, CollectorMessage, RejectCode};
use wire::events::{EventFrame, EventSection, upgrade};
use wire::frame::{FRAME_BYTES_MAX, FrameError, HEADER_BYTES, peek_header};

/// What the frames of a session must agree with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) producer: Producer,
    pub(crate) epoch: Epoch,
    pub(crate) shards: NonZeroU16,
}

/// Where the frames of a session go.
#[derive(Debug)]
pub(crate) struct Ingest {
    pub(crate) context: Arc<Context>,
    pub(crate) expected: Expected,
    pub(crate) answers: Answers,
    pub(crate) done: UnboundedSender<Answered>,
    /// Bytes that may be in flight, and how many those are.
    pub(crate) window: Arc<Semaphore>,
    pub(crate) window_bytes: u32,
    /// Frames that may be in flight.
    pub(crate) slots: Arc<Semaphore>,
}

/// A frame that will never be accepted.
#[derive(Debug)]
pub(crate) struct Rejection {
    code: RejectCode,
    reason: String,
    /// Its batches, as far as they can be read.
    ranges: Vec<AckRange>,
}

impl Ingest {
    /// Reads frames until the stream ends. The window is taken before a frame is looked at: an agent that sends more than it may is
    /// not read.
    pub(crate) async fn read(&self, stream: RecvStream) -> Result<(), End> {
        let mut reader = MessageReader::new(stream, FRAME_BYTES_MAX);
        while let Some(bytes) = reader.next().await.map_err(|e| End::from_message(&e))? {
            let received = Instant::now();
            let take = u32::try_from(bytes.len())
                .unwrap_or(u32::MAX)
                .min(self.window_bytes);
            let window = Arc::clone(&self.window)
                .acquire_many_owned(take)
                .await
                .map_err(|_| End::stopping())?;
            let slot = Arc::clone(&self.slots)
                .acquire_owned()
                .await
                .map_err(|_| End::stopping())?;
            match self.check(bytes.to_vec()).await? {
                Ok(frame) => {
                    self.accepted(frame.digest(), frame.byte_len()).await?;
                    let in_flight = InFlight {
                        frame,
                        received,
                        _permits: Some((window, slot)),
                    };
                    self.context.replicas.front(in_flight, self.done.clone());
                }
                Err(rejection) => self.reject(rejection).await?,
            }
        }
        Ok(())
    }

    async fn check(&self, bytes: Vec<u8>) -> Result<Result<FrameToStore, Rejection>, End> {
        let header = match peek_header(&bytes) {
            Ok(header) => header,
            Err(e) => return Ok(Err(Rejection::of(&e, self.expected, &bytes))),
        };
        let expected = self.expected;
        if header.payload_len <= CHECK_HERE_BYTES && header.events <= CHECK_HERE_EVENTS {
            return Ok(check_frame(bytes, expected));
        }
        let decode = Arc::clone(&self.context.decode)
            .acquire_many_owned(header.payload_len.saturating_add(HEADER_BYTES as u32))
            .await
            .map_err(|_| End::stopping())?;
        let checked = tokio::task::spawn_blocking(move || {
            let _held = decode;
            check_frame(bytes, expected)
        });
        checked.await.map_err(|_| End::stopping())
    }

    async fn accepted(&self, digest: &FrameDigest, bytes: usize) -> Result<(), End> {
        let metrics = &self.context.metrics;
        metrics.frames.inc();
        metrics.events.inc_by(digest.events());
        metrics.bytes.inc_by(bytes as u64);
        let (_, ahead) = self
            .context
            .clock
            .merge(digest.hlc)
            .await
            .map_err(|e| End::store(&e))?;
        if let Some(ahead) = ahead {
            metrics.hlc_ahead.inc();
            tracing::debug!(producer = %digest.producer, ahead_us = ahead.ahead_us, "producer's clock is ahead");
        }
        let mut errors = self.context.clock_errors.lock();
        errors.name(&digest.nodes);
        errors.note(&digest.delays, self.context.clock.now());
        Ok(())
    }

    async fn reject(&self, rejection: Rejection) -> Result<(), End> {
        self.context
            .metrics
            .rejects
            .with_label_values(&[rejection.code.name()])
            .inc();
        tracing::warn!(producer = %self.expected.producer, code = rejection.code.name(), reason = rejection.reason,
            "frame rejected");
        for range in rejection.ranges {
            let reason = rejection.reason.clone();
            self.answers
                .send(CollectorMessage::Reject {
                    range,
                    code: rejection.code,
                    reason,
                })
                .await?;
        }
        Ok(())
    }
}

fn check_frame(bytes: Vec<u8>, expected: Expected) -> Result<FrameToStore, Rejection> {
    let refuse = |code, reason: String, bytes: &[u8]| Rejection {
        code,
        reason,
        ranges: ranges(bytes, expected),
    };
    let bytes = Arc::new(bytes);
    let frame =
        FrameToStore::from_shared(Arc::clone(&bytes)).map_err(|e| Rejection::of(&e, expected, &bytes))?;
    if !frame.is_events() {
        let reason = "a frame without events; agents send events".to_owned();
        return Err(refuse(RejectCode::Malformed, reason, frame.bytes()));
    }
    let d = frame.digest();
    let wrong = if d.producer == expected.producer {
        malformed(d, expected.shards).map(|reason| (RejectCode::Malformed, reason))
    } else {
        let reason = format!(
            "frame of producer {} in a session of {}",
            d.producer, expected.producer
        );
        Some((RejectCode::WrongProducer, reason))
    };
    match wrong {
        Some((code, reason)) => Err(refuse(code, reason, frame.bytes())),
        None => Ok(frame),
    }
}

fn malformed(d: &FrameDigest, shards: NonZeroU16) -> Option<String> {
    for n in &d.nodes {
        if n.name.is_empty() || n.name.len() > NAME_BYTES_MAX || n.name.chars().any(char::is_control) {
            return Some(format!(
                "node name of {} bytes is empty, too long or not printable",
                n.name.len()
            ));
        }
    }
    for s in &d.sections {
        if s.shard.0 >= shards.get() {
            return Some(format!("shard {} of {shards}", s.shard));
        }
        let wrong = |t: &&TraceId| **t != TraceId(0) && placement::shard_of(**t, shards) != s.shard;
        if let Some(t) = d.traces_of(s).iter().find(wrong) {
            return Some(format!("trace {t} is not of shard {}", s.shard));
        }
    }
    None
}

impl Rejection {
    fn of(e: &FrameError, expected: Expected, bytes: &[u8]) -> Self {
        Self {
            code: e.reject_code(),
            reason: e.to_string(),
            ranges: ranges(bytes, expected),
        }
    }
}

/// The batches of a frame; if they cannot be read, one range of seq 0, which names none.
fn ranges(bytes: &[u8], expected: Expected) -> Vec<AckRange> {
    let none = || {
        vec![AckRange {
            epoch: expected.epoch,
            shard: Shard(0),
            first: Seq(0),
            last: Seq(0),
        }]
    };
    let Ok(bytes) = upgrade(bytes) else {
        return none();
    };
    let Ok(frame) = EventFrame::open(&bytes) else {
        return none();
    };
    let epoch = frame.header().epoch;
    let range = |s: &EventSection| AckRange {
        epoch,
        shard: s.shard,
        first: s.seq,
        last: s.gap.map_or(s.seq, |gap| gap.last_seq),
    };
    frame.sections().iter().map(range).collect()
}
