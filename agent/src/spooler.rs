//! What is taken from nodes becomes frames on disk: collected for a flush, committed together, then confirmed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use event::{Bucket, Epoch, Event, Hlc, Micros, NodeInfo, NodeKey};
use host::CancellationToken;
use parking_lot::Mutex;
use placement::bucket_of;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};
use tokio::time::Instant;
use wire::control::{AckRange, AgentMessage};
use wire::frame::GapReason;

use crate::batch::Batcher;
use crate::clock::AgentClock;
use crate::cluster::Cluster;
use crate::loss::Reporter;
use crate::metrics::Metrics;
use crate::session::TakenChunk;
use crate::spool::{Commit, Marks, Shared, Spool, superseded_by};

/// Bytes as they came from nodes after which a flush does not wait for its time.
const FLUSH_BYTES: usize = 256 << 10;
/// Pause after a failed write.
const RETRY: Duration = Duration::from_millis(200);
/// Dead segments are deleted at least this often.
const MAINTENANCE: Duration = Duration::from_secs(1);

/// What a session is told is stored; cumulative, so that it needs no queue.
#[derive(Debug, Default)]
pub(crate) struct StoredBoard {
    numbers: Mutex<BTreeMap<u16, u64>>,
    pub(crate) changed: Notify,
}

impl StoredBoard {
    pub(crate) fn take(&self) -> BTreeMap<u16, u64> {
        std::mem::take(&mut *self.numbers.lock())
    }
}

/// From sessions. The permits bound what is under way, in bytes.
#[derive(Debug)]
pub(crate) enum Input {
    Node(NodeInfo),
    Chunk {
        chunk: TakenChunk,
        board: Arc<StoredBoard>,
        bytes: usize,
        permit: OwnedSemaphorePermit,
    },
    Describe {
        message: AgentMessage,
        permit: OwnedSemaphorePermit,
    },
    Totals {
        node: NodeKey,
        at: Micros,
        dropped: [u64; 8],
    },
    NodeDown(NodeInfo),
}

/// From the uplink: what the next commit also records.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) noted: Vec<u64>,
    pub(crate) acks: Vec<AckRange>,
    /// Given up: range, events, why.
    pub(crate) gaps: Vec<(AckRange, u64, GapReason)>,
}

/// Where the uplink leaves outcomes and wakes the spooler; and where the spooler wakes the uplink.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) outcomes: Mutex<Outcomes>,
    pub(crate) to_spooler: Notify,
    pub(crate) to_uplink: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    events: Vec<Event>,
    marks: Marks,
    boards: Vec<(Arc<StoredBoard>, u16, u64)>,
    described: Vec<(u64, AgentMessage)>,
    permits: Vec<OwnedSemaphorePermit>,
    bytes: usize,
    since: Option<Instant>,
}

/// The parts that the task owns.
pub(crate) struct Spooler {
    pub(crate) spool: Spool,
    pub(crate) batcher: Batcher,
    pub(crate) clock: Arc<AgentClock>,
    pub(crate) cluster: watch::Receiver<Option<Cluster>>,
    pub(crate) input: mpsc::Receiver<Input>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) metrics: Metrics,
    pub(crate) bytes_max: u64,
    pub(crate) flush: Duration,
    /// Damaged segments of an earlier life, to be left once their gaps are stored.
    pub(crate) damaged: Vec<u64>,
}

struct State {
    spooler: Spooler,
    shared: Arc<Shared>,
    pending: Pending,
    reporter: Reporter,
    was_full: bool,
}

impl Spooler {
    /// Runs until `stop`; then stores what was taken.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let shared = self.spool.shared();
        let mut state = State {
            spooler: self,
            shared,
            pending: Pending::default(),
            reporter: Reporter::default(),
            was_full: false,
        };
        loop {
            let ready = state.spooler.cluster.borrow().is_some();
            let takes = ready && !state.is_full() && state.pending.bytes < FLUSH_BYTES;
            let due = state.pending.since.map(|since| since + state.spooler.flush);
            let idle = Instant::now() + MAINTENANCE;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(due.unwrap_or(idle)), if ready && state.pending.bytes < FLUSH_BYTES => {}
                () = state.spooler.exchange.to_spooler.notified(), if ready => {}
                () = std::future::ready(()), if ready && state.pending.bytes >= FLUSH_BYTES => {}
                changed = state.spooler.cluster.changed(), if !ready => {
                    if changed.is_err() { break; }
                    continue;
                }
                input = state.spooler.input.recv(), if takes => {
                    match input {
                        Some(input) => state.take(input),
                        None => break,
                    }
                    continue;
                }
            }
            state = match state.commit(&stop).await {
                Some(state) => state,
                None => return,
            };
        }
        while let Ok(input) = state.spooler.input.try_recv() {
            state.take(input);
        }
        if state.spooler.cluster.borrow().is_some() {
            state.commit(&stop).await;
        }
    }
}

impl State {
    fn is_full(&mut self) -> bool {
        let full = self.shared.index.lock().is_full(self.spooler.bytes_max);
        if full != self.was_full {
            self.was_full = full;
            self.spooler.metrics.backpressure.set(i64::from(full));
            if full {
                self.spooler.metrics.backpressures.inc();
                tracing::warn!("spool is full; nodes must wait");
            }
        }
        full
    }

    fn take(&mut self, input: Input) {
        self.pending.since.get_or_insert_with(Instant::now);
        match input {
            Input::Node(info) => self.spooler.batcher.name(info),
            Input::Chunk {
                chunk,
                board,
                bytes,
                permit,
            } => {
                self.pending.bytes += bytes;
                self.pending.permits.push(permit);
                self.chunk(chunk, board);
            }
            Input::Describe { message, permit } => {
                self.pending.permits.push(permit);
                self.describe(message);
            }
            Input::Totals { node, at, dropped } => self.losses(node, at, &dropped),
            Input::NodeDown(info) => {
                let (now, hlc) = (self.spooler.clock.physical(), self.spooler.clock.tick());
                self.pending
                    .events
                    .push(self.reporter.node_down(info.key, &info.name, now, hlc));
            }
        }
    }

    /// Highest number of a writer that is stored or about to be.
    fn number(&self, node: NodeKey, writer: u16) -> u64 {
        self.pending
            .marks
            .number(node, writer)
            .max(self.shared.marks.lock().number(node, writer))
    }

    fn chunk(&mut self, chunk: TakenChunk, board: Arc<StoredBoard>) {
        let (node, writer, last) = (chunk.node, chunk.writer, chunk.last());
        let known = self.number(node, writer);
        let skip = usize::try_from((known + 1).saturating_sub(chunk.first)).unwrap_or(usize::MAX);
        let outcome = if last <= known { "repeated" } else { "stored" };
        self.spooler.metrics.chunks.with_label_values(&[outcome]).inc();
        if last > known {
            self.pending.events.extend(chunk.events.into_iter().skip(skip));
            self.pending.marks.entry(node).writers.insert(writer, last);
        }
        self.losses(node, chunk.sent_at, &chunk.dropped);
        self.pending.boards.push((board, writer, last.max(known)));
    }

    fn losses(&mut self, node: NodeKey, at: Micros, dropped: &[u64; 8]) {
        let mut before = self
            .shared
            .marks
            .lock()
            .of(node)
            .map(|m| m.dropped)
            .unwrap_or_default();
        if let Some(pending) = self.pending.marks.of(node) {
            before
                .iter_mut()
                .zip(pending.dropped)
                .for_each(|(b, p)| *b = (*b).max(p));
        }
        if before.iter().zip(dropped).all(|(b, d)| d <= b) {
            return;
        }
        let from = Micros(at.0.saturating_sub(self.spooler.flush.as_micros() as u64));
        let clock = Arc::clone(&self.spooler.clock);
        let events = self
            .reporter
            .losses(node, &before, dropped, (from, at), || clock.tick());
        self.pending.events.extend(events);
        let marks = self.pending.marks.entry(node);
        marks.dropped = before;
        marks
            .dropped
            .iter_mut()
            .zip(dropped)
            .for_each(|(m, d)| *m = (*m).max(*d));
    }

    fn describe(&mut self, mut message: AgentMessage) {
        let new = self.spooler.spool.next_token();
        match &mut message {
            AgentMessage::Define { token, .. }
            | AgentMessage::Node { token, .. }
            | AgentMessage::Modules { token, .. } => *token = new,
            _ => return,
        }
        self.pending
            .described
            .retain(|(_, old)| !superseded_by(&message, old));
        self.pending.described.push((new, message));
    }

    /// Descriptions in the spool that newer ones replace: as good as noted.
    fn superseded(&self) -> Vec<u64> {
        if self.pending.described.is_empty() {
            return Vec::new();
        }
        let index = self.shared.index.lock();
        let is_old = |bytes: &Bytes| {
            AgentMessage::decode(bytes).is_ok_and(|old| {
                self.pending
                    .described
                    .iter()
                    .any(|(_, new)| superseded_by(new, &old))
            })
        };
        index
            .described()
            .filter(|(_, bytes)| is_old(bytes))
            .map(|(token, _)| token)
            .collect()
    }

    /// One commit of everything that waits, tried until it succeeds or `stop`.
    async fn commit(mut self, stop: &CancellationToken) -> Option<Self> {
        let cluster = (*self.spooler.cluster.borrow())?;
        let outcomes = std::mem::take(&mut *self.spooler.exchange.outcomes.lock());
        let mut pending = std::mem::take(&mut self.pending);
        let hlc = self.spooler.clock.tick();
        let bucket = bucket_of(hlc, cluster.bucket_seconds);
        let superseded = {
            self.pending.described = std::mem::take(&mut pending.described);
            let tokens = self.superseded();
            pending.described = std::mem::take(&mut self.pending.described);
            tokens
        };
        let mut work = Work {
            state: self,
            result: Ok(()),
        };
        let mut commit = None;
        loop {
            let (events, first) = (std::mem::take(&mut pending.events), commit.is_none());
            let mut next = commit.take().unwrap_or_else(|| Commit {
                marks: std::mem::take(&mut pending.marks),
                described: pending
                    .described
                    .iter()
                    .map(|(t, m)| (*t, Bytes::from(m.encode())))
                    .collect(),
                noted: [&outcomes.noted[..], &superseded[..]].concat(),
                acks: outcomes.acks.clone(),
                frames: Vec::new(),
            });
            let gaps = if first { outcomes.gaps.clone() } else { Vec::new() };
            let handle = tokio::task::spawn_blocking(move || {
                if first {
                    let batcher = &mut work.state.spooler.batcher;
                    match batcher.cut(&events, cluster.shards, hlc, bucket) {
                        Ok(frames) => next.frames = frames,
                        // Cannot happen: an event is far smaller than a frame may be.
                        Err(error) => tracing::error!(%error, "events do not fit a frame"),
                    }
                    gap_frames(batcher, &gaps, hlc, bucket, &mut next);
                }
                work.result = work.state.spooler.spool.commit(&next);
                if work.result.is_err() {
                    // Perhaps the disk is full: what is dead makes room.
                    let bytes_max = work.state.spooler.bytes_max;
                    let _ = work.state.spooler.spool.maintain(bytes_max);
                }
                (work, next)
            });
            let Ok((returned, tried)) = handle.await else {
                return None;
            };
            work = returned;
            let Err(error) = &work.result else { break };
            work.state.spooler.metrics.commit_errors.inc();
            tracing::error!(%error, "spool could not be written; nodes must wait");
            commit = Some(tried);
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
        let state = work.state;
        {
            let mut index = state.shared.index.lock();
            for token in superseded {
                index.noted(token);
            }
        }
        for (board, writer, number) in pending.boards {
            let mut numbers = board.numbers.lock();
            let stored = numbers.entry(writer).or_default();
            *stored = (*stored).max(number);
            drop(numbers);
            board.changed.notify_one();
        }
        state.spooler.exchange.to_uplink.notify_one();
        state.maintain().await
    }

    async fn maintain(mut self) -> Option<Self> {
        let handle = tokio::task::spawn_blocking(move || {
            let spooler = &mut self.spooler;
            for segment in std::mem::take(&mut spooler.damaged) {
                if let Err(error) = spooler.spool.evacuate(segment) {
                    tracing::error!(segment, %error, "damaged segment could not be left");
                }
            }
            if let Err(error) = spooler.spool.maintain(spooler.bytes_max) {
                spooler.metrics.commit_errors.inc();
                tracing::error!(%error, "spool could not be tidied");
            }
            self
        });
        handle.await.ok()
    }
}

struct Work {
    state: State,
    result: std::io::Result<()>,
}

/// Frames for gaps: one an epoch and reason.
fn gap_frames(
    batcher: &Batcher,
    gaps: &[(AckRange, u64, GapReason)],
    hlc: Hlc,
    bucket: Bucket,
    commit: &mut Commit,
) {
    let kinds: BTreeSet<(Epoch, GapReason)> = gaps.iter().map(|g| (g.0.epoch, g.2)).collect();
    for (epoch, reason) in kinds {
        let of_kind: Vec<(AckRange, u64)> = gaps
            .iter()
            .filter(|g| (g.0.epoch, g.2) == (epoch, reason))
            .map(|g| (g.0, g.1))
            .collect();
        for some in of_kind.chunks(1024) {
            match batcher.gaps(epoch, some, reason, hlc, bucket) {
                Ok(frame) => commit.frames.push(frame),
                Err(error) => tracing::error!(%error, "gaps do not fit a frame"),
            }
        }
    }
}
