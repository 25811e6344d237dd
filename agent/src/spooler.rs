//! What is taken from nodes becomes frames on disk: collected for a flush, committed together, then confirmed.

mod commit;
mod rhythm;
mod take;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event::{Event, Micros, NodeInfo, NodeKey};
use host::CancellationToken;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};
use tokio::time::Instant;
use wire::control::{AckRange, AgentMessage};
use wire::frame::GapReason;

use self::rhythm::Rhythm;
use crate::batch::Batcher;
use crate::clock::AgentClock;
use crate::cluster::Cluster;
use crate::loss::Reporter;
use crate::metrics::Metrics;
use crate::presence::Presence;
use crate::session::TakenChunk;
use crate::spool::{Marks, Shared, Spool};

/// Bytes as they came from nodes after which a flush does not wait for its time.
const FLUSH_BYTES: usize = 1 << 20;
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

    fn raise(&self, writer: u16, number: u64) {
        let mut numbers = self.numbers.lock();
        let stored = numbers.entry(writer).or_default();
        *stored = (*stored).max(number);
        drop(numbers);
        self.changed.notify_one();
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
    NodeGone(NodeKey),
}

/// A range that is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    pub(crate) range: AckRange,
    /// 0 = not known.
    pub(crate) events: u64,
    pub(crate) reason: GapReason,
    /// The segment that stays until the gap is on disk.
    pub(crate) held: Option<u64>,
}

/// From the uplink: what the next commit also records.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) noted: Vec<u64>,
    pub(crate) acks: Vec<AckRange>,
    pub(crate) gaps: Vec<Given>,
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
    /// Nodes that the events say are down.
    gone: Vec<NodeKey>,
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
    /// Least time between two flushes.
    pub(crate) flush: Duration,
    /// Damaged segments of an earlier life, to be left once their gaps are stored.
    pub(crate) damaged: Vec<u64>,
}

struct State {
    spooler: Spooler,
    shared: Arc<Shared>,
    pending: Pending,
    reporter: Reporter,
    presence: Presence,
    rhythm: Rhythm,
    was_full: bool,
    /// The last write failed, and that was said.
    failing: bool,
}

impl Spooler {
    /// Runs until `stop`; then stores what was taken.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let shared = self.spool.shared();
        let rhythm = Rhythm::new(self.flush);
        let mut state = State {
            spooler: self,
            shared,
            pending: Pending::default(),
            reporter: Reporter::default(),
            presence: Presence::default(),
            rhythm,
            was_full: false,
            failing: false,
        };
        loop {
            let ready = state.spooler.cluster.borrow().is_some();
            let takes = ready && !state.is_full() && state.pending.bytes < FLUSH_BYTES;
            let flush = state.pending.since.map(|since| state.rhythm.due(since));
            let idle = Instant::now() + MAINTENANCE;
            let due = [flush, state.presence.next(), Some(idle)]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(due.unwrap_or(idle)), if ready && state.pending.bytes < FLUSH_BYTES => {}
                () = state.spooler.exchange.to_spooler.notified(), if ready => {
                    // Outcomes are kept with the next flush: an acknowledgement must not cut the next frame. Where nodes wait for room
                    // they make it at once.
                    if !state.is_full() {
                        state.pending.since.get_or_insert_with(Instant::now);
                        continue;
                    }
                }
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
            state.note_down();
            if state.pending.since.is_some() {
                state.rhythm.flushed(Instant::now());
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
