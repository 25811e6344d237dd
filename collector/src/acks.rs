//! From what the writer says to ACK, REJECT and THROTTLE. A frame that cannot be stored now is kept and tried again: its agent is
//! stopped by its own window, and told so.

use crate::collector::Context;
use crate::config::RETRY_AFTER;
use crate::ingest::submit;
use crate::session::{Answers, End};
use event::{Epoch, Shard};
use placement::IntervalSet;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use store::{Admission, Class, FrameOutcome, FrameToStore, Receipt, StoreError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use wire::control::{AckRange, CollectorMessage, RejectCode};

/// Frames whose outcomes go into one ACK.
const ACK_FRAMES_MAX: usize = 256;

/// A frame between receipt and acknowledgement.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) frame: FrameToStore,
    pub(crate) received: Instant,
    pub(crate) _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

type Outcome = (InFlight, Result<Receipt, StoreError>);

/// Answers one agent's frames until its session ends.
pub(crate) async fn answer(
    context: Arc<Context>,
    answers: Answers,
    again: mpsc::Sender<Outcome>,
    mut done: mpsc::Receiver<Outcome>,
) -> Result<(), End> {
    let mut waiting: Vec<InFlight> = Vec::new();
    let mut outcomes = Vec::with_capacity(ACK_FRAMES_MAX);
    loop {
        tokio::select! {
            n = done.recv_many(&mut outcomes, ACK_FRAMES_MAX) => if n == 0 { return Ok(()) },
            () = tokio::time::sleep(RETRY_AFTER), if !waiting.is_empty() => {
                waiting.drain(..).for_each(|f| submit(&context, &again, f));
                continue;
            }
        }
        let mut gathered = Gathered::default();
        let throttled = !waiting.is_empty();
        for (in_flight, result) in outcomes.drain(..) {
            match result {
                Ok(receipt) => gathered.add(&context, &in_flight, &receipt),
                Err(e) if e.class() == Class::Busy => waiting.push(in_flight),
                Err(e) => return Err(End::store(&e)),
            }
        }
        if !waiting.is_empty() && !throttled {
            context.metrics.throttles.inc();
            let retry_after_ms = RETRY_AFTER.as_millis() as u32;
            answers
                .send(CollectorMessage::Throttle {
                    retry_after_ms,
                    credit_bytes: 0,
                })
                .await?;
        }
        gathered.send(&context, &answers).await?;
    }
}

/// What is known of some frames, by (epoch, shard).
#[derive(Default)]
struct Gathered {
    acked: BTreeMap<(Epoch, Shard), IntervalSet>,
    conflicts: Vec<AckRange>,
    received: Vec<Instant>,
    /// How many batches came to what.
    outcomes: Vec<(Admission, u64)>,
}

impl Gathered {
    fn add(&mut self, context: &Context, in_flight: &InFlight, receipt: &Receipt) {
        if let Some(commit) = receipt.commit {
            context.metrics.commit_frames.observe(commit.frames as f64);
            context.metrics.commit_seconds.observe(commit.took.as_secs_f64());
        }
        self.received.push(in_flight.received);
        for frame in &receipt.frames {
            self.add_frame(frame);
        }
    }

    fn add_frame(&mut self, frame: &FrameOutcome) {
        for s in &frame.sections {
            if let Some((_, count)) = self.outcomes.iter_mut().find(|(known, _)| *known == s.admission) {
                *count += 1;
            } else {
                self.outcomes.push((s.admission, 1));
            }
            match s.admission {
                Admission::Stored | Admission::Duplicate | Admission::Expired => {
                    let set = self.acked.entry((frame.epoch, s.shard)).or_default();
                    set.insert_range(s.first.0, s.last.0);
                }
                Admission::Conflict => self.conflicts.push(AckRange {
                    epoch: frame.epoch,
                    shard: s.shard,
                    first: s.first,
                    last: s.last,
                }),
                Admission::Later => {}
            }
        }
    }

    async fn send(self, context: &Context, answers: &Answers) -> Result<(), End> {
        for (admission, count) in self.outcomes {
            let batches = context.metrics.batches.with_label_values(&[name(admission)]);
            batches.inc_by(count);
        }
        for range in self.conflicts {
            let code = RejectCode::SeqReused;
            context.metrics.rejects.with_label_values(&[code.name()]).inc();
            let reason = "stored with other content".to_owned();
            answers
                .send(CollectorMessage::Reject { range, code, reason })
                .await?;
        }
        if self.acked.is_empty() {
            return Ok(());
        }
        let hlc = context.clock.tick().await.map_err(|e| End::store(&e))?;
        let ranges = self.acked.iter().flat_map(|((epoch, shard), set)| {
            set.iter().map(|p| AckRange {
                epoch: *epoch,
                shard: *shard,
                first: event::Seq(p.first),
                last: event::Seq(p.last),
            })
        });
        answers
            .send(CollectorMessage::Ack {
                hlc,
                ranges: ranges.collect(),
            })
            .await?;
        for received in self.received {
            context
                .metrics
                .ack_seconds
                .observe(received.elapsed().as_secs_f64());
        }
        Ok(())
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
