//! Where other members' questions are answered: a few at once, off the async threads, until the deadline or until the asker is gone.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use event::Shard;
use placement::{ShardMap, Standing};
use store::Store;
use tokio::sync::{Semaphore, mpsc};
use transport::{MessageWriter, SendStream};

use super::answer::Answer;
use super::codec::{Asked, End, MESSAGE_BYTES_MAX, Outcome, Part, Parts, Question};
use super::metrics::DeskMetrics;
use crate::control_plane::ClusterSettings;
use crate::replicas::Replicas;

/// Questions that are answered at once; others wait.
const AT_ONCE: usize = 4;
/// Questions that wait; more are told to come again.
const WAITING_MAX: usize = 60;
/// Messages of one answer that wait to be sent.
const UNSENT_MAX: usize = 4;
/// No question may take longer, whatever its asker says.
const WITHIN_MAX: Duration = Duration::from_mins(1);
/// Of a list that comes bit by bit, what is there is sent after this time, so that first rows come early.
const EARLY: Duration = Duration::from_millis(20);

/// What this member says of itself with each answer.
pub(crate) trait Standings: Send + Sync + 'static {
    /// The map that it has durably adopted.
    fn map(&self) -> Arc<ShardMap>;
    /// Has its disk never lost what it held?
    fn whole(&self) -> bool;
}

impl Standings for Replicas {
    fn map(&self) -> Arc<ShardMap> {
        Arc::clone(&self.adopted().map)
    }
    fn whole(&self) -> bool {
        self.adopted().whole
    }
}

/// Answers questions. Clones share it.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    settings: ClusterSettings,
    standings: Arc<dyn Standings>,
    at_once: Arc<Semaphore>,
    places: Arc<Semaphore>,
    metrics: DeskMetrics,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}

impl Desk {
    pub(crate) fn new(
        store: Arc<Store>,
        settings: ClusterSettings,
        standings: Arc<dyn Standings>,
        metrics: DeskMetrics,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            settings,
            standings,
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING_MAX)),
            metrics,
        }))
    }

    /// What this member says of itself.
    pub(crate) fn standings(&self) -> Arc<dyn Standings> {
        Arc::clone(&self.0.standings)
    }

    /// Answers the question that is a stream's first message. Ends when the answer was taken, or nobody wants it any more.
    pub(crate) async fn take(&self, first: Bytes, mut send: SendStream) {
        let began = Instant::now();
        let asked = match Asked::decode(&first) {
            Ok(asked) => asked,
            Err(error) => {
                self.0.metrics.answered("unknown", "malformed", began);
                return self.refuse(send, Outcome::Failed(error.to_string())).await;
            }
        };
        let name = asked.question.name();
        if asked.cluster != self.0.settings.cluster {
            self.0.metrics.answered(name, "other_cluster", began);
            let why = "the question is of another cluster".to_owned();
            return self.refuse(send, Outcome::Failed(why)).await;
        }
        let deadline = began + Duration::from_millis(asked.within_ms.into()).min(WITHIN_MAX);
        let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() else {
            self.0.metrics.answered(name, "busy", began);
            let why = "too many questions wait".to_owned();
            return self.refuse(send, Outcome::Busy(why)).await;
        };
        let turn = Arc::clone(&self.0.at_once).acquire_owned();
        let turn = tokio::time::timeout_at(deadline.into(), turn);
        let turn = tokio::select! {
            turn = turn => turn,
            () = send.delivered() => return self.0.metrics.answered(name, "gone", began),
        };
        let Ok(Ok(turn)) = turn else {
            self.0.metrics.answered(name, "busy", began);
            let why = "other questions took all the time".to_owned();
            return self.refuse(send, Outcome::Busy(why)).await;
        };
        let (out, mut messages) = mpsc::channel(UNSENT_MAX);
        let gone = Arc::new(AtomicBool::new(false));
        let desk = self.clone();
        let left = Arc::clone(&gone);
        let reading = tokio::task::spawn_blocking(move || {
            let _held = (turn, place);
            desk.read(&asked, deadline, &left, &out);
        });
        let sent = tokio::time::timeout_at(deadline.into(), write(&mut messages, &mut send)).await;
        gone.store(true, Ordering::Relaxed);
        drop(messages);
        let outcome = match sent {
            Ok(true) => "answered",
            Ok(false) => "gone",
            Err(_) => "late",
        };
        self.0.metrics.answered(name, outcome, began);
        if reading.await.is_err() {
            tracing::error!(
                question = name,
                "a question of another member could not be answered"
            );
        }
    }

    async fn refuse(&self, mut send: SendStream, outcome: Outcome) {
        let end = End {
            outcome,
            epoch: self.0.standings.map().epoch,
            ..End::default()
        };
        let mut writer = MessageWriter::new(&mut send, MESSAGE_BYTES_MAX);
        if writer.write(&end.encode()).await.is_ok() && writer.finish().await.is_ok() {
            send.delivered().await;
        }
    }

    /// Reads the store; blocks.
    fn read(&self, asked: &Asked, deadline: Instant, gone: &AtomicBool, out: &mpsc::Sender<Vec<u8>>) {
        let map = self.0.standings.map();
        let is_stale = |shard: &&Shard| matches!(map.standing(**shard, asked.epoch), Standing::Stale(_));
        let stale: Vec<Shard> = asked.shards.iter().filter(is_stale).copied().collect();
        let said = End {
            epoch: map.epoch,
            whole: self.0.standings.whole(),
            floor: self.0.store.floor(),
            stale,
            ..End::default()
        };
        let streams = matches!(asked.question, Question::Candidates { .. });
        if streams && out.blocking_send(said.encode_head()).is_err() {
            return;
        }
        let mut end = End::default();
        // What is read by a map that is old for all of it counts nothing.
        if asked.shards.is_empty() || said.stale.len() < asked.shards.len() {
            let stop = || gone.load(Ordering::Relaxed) || Instant::now() >= deadline;
            let answer = Answer {
                store: &self.0.store,
                of: self.0.settings.shards,
                shards: &asked.shards,
                stop: &stop,
            };
            let mut send = |message| match out.blocking_send(message) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            let mut parts = Parts::new(&mut send);
            let mut flushed = None;
            end = answer.give(&asked.question, &mut |part| {
                let early = matches!(part, Part::Spans(_));
                parts.part(&part)?;
                if early && flushed.is_none_or(|at: Instant| at.elapsed() >= EARLY) {
                    flushed = Some(Instant::now());
                    parts.flush()?;
                }
                ControlFlow::Continue(())
            });
            if parts.flush().is_break() {
                return;
            }
            if parts.too_long > 0 {
                let n = parts.too_long;
                end.missing
                    .push(format!("{n} items are longer than a message may be"));
            }
        }
        let end = End {
            outcome: end.outcome,
            traces: end.traces,
            bytes: end.bytes,
            damaged: end.damaged,
            cut: end.cut,
            missing: end.missing,
            ..said
        };
        let _ = out.blocking_send(end.encode());
    }
}

/// Sends what comes until there is no more; `false` if the asker wants no more.
async fn write(messages: &mut mpsc::Receiver<Vec<u8>>, send: &mut SendStream) -> bool {
    loop {
        let message = tokio::select! {
            message = messages.recv() => message,
            () = send.delivered() => return false,
        };
        let mut writer = MessageWriter::new(&mut *send, MESSAGE_BYTES_MAX);
        if let Some(message) = message {
            if writer.write(&message).await.is_err() {
                return false;
            }
        } else {
            let finished = writer.finish().await.is_ok();
            send.delivered().await;
            return finished;
        }
    }
}
