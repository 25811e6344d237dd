//! From what replication says to ACK, REJECT and THROTTLE. A frame that cannot be acknowledged now is kept and tried again: its agent is
//! stopped by its own window, and told so.

use crate::collector::Context;
use crate::config::RETRY_AFTER;
use crate::session::{Answers, End};
use event::{Epoch, Shard};
use placement::IntervalSet;
use replication::Section;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use store::FrameToStore;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use wire::control::{AckRange, CollectorMessage, RejectCode};

/// Answers that go into one ACK.
const ACK_FRAMES_MAX: usize = 256;

/// A frame between receipt and acknowledgement.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) frame: FrameToStore,
    pub(crate) received: Instant,
    /// Its part of an agent's window, and its slot.
    pub(crate) _permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

/// What became of a frame, or of a part of it.
#[derive(Debug)]
pub(crate) enum Answered {
    /// These are on enough disks. With the frame when all of it is answered.
    Acked {
        sections: Vec<Section>,
        whole: Option<InFlight>,
    },
    /// Its number is taken by other events, for ever.
    Conflict {
        section: Section,
        whole: Option<InFlight>,
    },
    /// This member's own disk does not take it now. It is tried again without being asked to.
    PutOff,
    /// Nothing more is heard of it.
    Back { in_flight: InFlight, why: Why },
    /// Nothing is taken any more.
    Stopped(String),
}

/// Why a frame comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Too much is under way.
    Busy,
    /// This member holds none of its shards, by the map of this epoch.
    Stale(u64),
    /// Too few confirmed in time: it may be stored or not.
    Unknown,
    /// This member writes nothing any more.
    Stopped,
}

/// Answers one agent's frames until its session ends.
pub(crate) async fn answer(
    context: Arc<Context>,
    answers: Answers,
    again: UnboundedSender<Answered>,
    mut done: UnboundedReceiver<Answered>,
) -> Result<(), End> {
    let mut waiting: Vec<InFlight> = Vec::new();
    let mut throttled = false;
    let mut answered = Vec::with_capacity(ACK_FRAMES_MAX);
    loop {
        tokio::select! {
            n = done.recv_many(&mut answered, ACK_FRAMES_MAX) => if n == 0 { return Ok(()) },
            () = tokio::time::sleep(RETRY_AFTER), if !waiting.is_empty() => {
                for in_flight in waiting.drain(..) {
                    context.replicas.front(in_flight, again.clone());
                }
                continue;
            }
        }
        let mut gathered = Gathered::default();
        let mut put_off = false;
        for answered in answered.drain(..) {
            match answered {
                Answered::Acked { sections, whole } => gathered.acked(&sections, whole.as_ref()),
                Answered::Conflict { section, whole } => {
                    gathered.conflicts.push(range(&section));
                    // With the last one the window is open again.
                    drop(whole);
                }
                Answered::PutOff => put_off = true,
                Answered::Back {
                    why: Why::Stopped, ..
                } => return Err(End::store("nothing is written until a restart")),
                Answered::Stopped(reason) => return Err(End::store(reason)),
                Answered::Back { in_flight, why } => {
                    tracing::debug!(?why, "a frame is tried again");
                    waiting.push(in_flight);
                }
            }
        }
        put_off |= !waiting.is_empty();
        if put_off && !throttled {
            context.metrics.throttles.inc();
            let retry_after_ms = RETRY_AFTER.as_millis() as u32;
            answers
                .send(CollectorMessage::Throttle {
                    retry_after_ms,
                    credit_bytes: 0,
                })
                .await?;
        }
        throttled = put_off || (throttled && gathered.acked.is_empty());
        gathered.send(&context, &answers).await?;
    }
}

fn range(section: &Section) -> AckRange {
    AckRange {
        epoch: section.source.epoch,
        shard: section.shard,
        first: section.first,
        last: section.last,
    }
}

/// What is known of some frames, by (epoch, shard).
#[derive(Default)]
struct Gathered {
    acked: BTreeMap<(Epoch, Shard), IntervalSet>,
    conflicts: Vec<AckRange>,
    received: Vec<Instant>,
}

impl Gathered {
    fn acked(&mut self, sections: &[Section], whole: Option<&InFlight>) {
        self.received.extend(whole.map(|in_flight| in_flight.received));
        for s in sections {
            let set = self.acked.entry((s.source.epoch, s.shard)).or_default();
            set.insert_range(s.first.0, s.last.0);
        }
    }

    async fn send(self, context: &Context, answers: &Answers) -> Result<(), End> {
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
