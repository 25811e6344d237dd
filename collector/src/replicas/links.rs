//! Ways out: to each peer two lanes, a bounded queue and a task that writes it onto a unidirectional stream each, so that frames that
//! agents wait for do not stand behind copies. What does not fit, or finds no way, is dropped and counted: every message may be lost.

use super::STREAM_BYTES_MAX;
use super::counts::Counts;
use crate::control_plane::ClusterView;
use host::CancellationToken;
use parking_lot::{Mutex, RwLock};
use placement::MemberId;
use replication::Ticket;
use replication::codec::Hello;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::FrameToStore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use transport::{Connection, MessageWriter, SendStream, Ways};

/// Bytes that wait in one lane, frames included. Frames are shared with whoever else has them.
const QUEUE_BYTES_MAX: u64 = 64 << 20;
/// A connection is there within this time, or the attempt has failed.
const CONNECT: Duration = Duration::from_secs(5);
/// One message is written within this time, or the connection is given up. Copies may be large.
const WRITE: Duration = Duration::from_secs(10);
const WRITE_COPY: Duration = Duration::from_mins(1);
/// A peer that was asked something says anything within this time, or the connection is given up: it may be dead without knowing it.
const SILENCE: Duration = Duration::from_secs(5);
/// Between two attempts: at first, and at most.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// A frame to be sent.
#[derive(Clone, Debug)]
pub(super) enum FrameBytes {
    /// As it came from an agent.
    Shared(FrameToStore),
    /// Read from the store.
    Read(Vec<u8>),
}

impl FrameBytes {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Shared(frame) => frame.bytes(),
            Self::Read(bytes) => bytes,
        }
    }
}

/// A message to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) head: Vec<u8>,
    pub(super) frames: Vec<FrameBytes>,
    /// Is there an answer to wait for?
    pub(super) wants_answer: bool,
    /// Of which frame, under which map: while it waits, it is not put there again.
    pub(super) append: Option<(Ticket, u64)>,
}

impl Outgoing {
    fn bytes(&self) -> u64 {
        let frames: usize = self.frames.iter().map(|f| f.bytes().len()).sum();
        (self.head.len() + frames) as u64
    }
}

/// What a lane is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    /// What somebody waits for.
    Quick,
    /// Batches out of the store.
    Copies,
}

/// One lane to one peer.
#[derive(Debug)]
struct Link {
    address: String,
    queue: UnboundedSender<Outgoing>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    counts: Arc<Counts>,
    /// Bytes in the queue.
    bytes: AtomicU64,
    /// Frames in the queue.
    appends: Mutex<HashSet<(Ticket, u64)>>,
    started: Instant,
    /// When the peer said something last, microseconds from `started`; 0: never.
    heard: AtomicU64,
}

/// The links of this member. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Links(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ways: Ways,
    hello: Hello,
    counts: Arc<Counts>,
    runtime: tokio::runtime::Handle,
    stop: CancellationToken,
    links: RwLock<BTreeMap<(MemberId, Lane), Link>>,
}

impl Links {
    /// Without any peer.
    pub(super) fn new(ways: Ways, hello: Hello, counts: Arc<Counts>, stop: CancellationToken) -> Self {
        let runtime = tokio::runtime::Handle::current();
        Self(Arc::new(Inner {
            ways,
            hello,
            counts,
            runtime,
            stop,
            links: RwLock::default(),
        }))
    }

    /// Members came, went or moved: links to all that are there.
    pub(super) fn set_members(&self, view: &ClusterView) {
        let me = self.0.hello.member;
        let there = |id: &MemberId| {
            let member = view.members.get(id).filter(|m| !m.removed && *id != me);
            member.map_or("", |m| m.address.as_str())
        };
        let mut links = self.0.links.write();
        // Without its queue a link ends when what waits is sent or dropped.
        links.retain(|(id, _), link| there(id) == link.address);
        for id in view.members.keys() {
            let address = there(id);
            for lane in [Lane::Quick, Lane::Copies] {
                if !address.is_empty() && !links.contains_key(&(*id, lane)) {
                    links.insert((*id, lane), self.link(address.to_owned(), lane));
                }
            }
        }
    }

    fn link(&self, address: String, lane: Lane) -> Link {
        let (queue, waiting) = unbounded_channel();
        let state = Arc::new(State {
            counts: Arc::clone(&self.0.counts),
            bytes: AtomicU64::new(0),
            appends: Mutex::default(),
            started: Instant::now(),
            heard: AtomicU64::new(0),
        });
        let run = Running {
            ways: self.0.ways.clone(),
            hello: self.0.hello.encode(),
            address: address.clone(),
            within: match lane {
                Lane::Quick => WRITE,
                Lane::Copies => WRITE_COPY,
            },
            state: Arc::clone(&state),
        };
        let stop = self.0.stop.clone();
        self.0.runtime.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = run.run(waiting) => {}
            }
        });
        Link {
            address,
            queue,
            state,
        }
    }

    /// Sends, or drops and counts.
    pub(super) fn send(&self, to: MemberId, message: Outgoing) {
        let copies = message.frames.iter().any(|f| matches!(f, FrameBytes::Read(_)));
        let lane = if copies { Lane::Copies } else { Lane::Quick };
        let links = self.0.links.read();
        let Some(link) = links.get(&(to, lane)) else {
            self.0.counts.dropped("no_way");
            return;
        };
        let bytes = message.bytes();
        if let Some(append) = message.append
            && !link.state.appends.lock().insert(append)
        {
            // It waits there already: sent again, it would only wait behind itself.
            self.0.counts.dropped("waits");
            return;
        }
        let before = link.state.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before > 0 && before + bytes > QUEUE_BYTES_MAX {
            link.state.left(&message);
            self.0.counts.dropped("full");
        } else if let Err(refused) = link.queue.send(message) {
            link.state.left(&refused.0);
            self.0.counts.dropped("no_way");
        }
    }

    /// A member said something.
    pub(super) fn heard(&self, from: MemberId) {
        let links = self.0.links.read();
        for (_, link) in links.range((from, Lane::Quick)..=(from, Lane::Copies)) {
            let at = link.state.started.elapsed().as_micros() as u64;
            link.state.heard.store(at.max(1), Ordering::Relaxed);
        }
    }

    /// Peers, and bytes that wait for them.
    pub(super) fn waiting(&self) -> (u64, u64) {
        let links = self.0.links.read();
        let bytes = links
            .values()
            .map(|l| l.state.bytes.load(Ordering::Relaxed))
            .sum();
        let peers = links.keys().filter(|(_, lane)| *lane == Lane::Quick).count();
        (peers as u64, bytes)
    }
}

impl State {
    /// A message left the queue.
    fn left(&self, message: &Outgoing) {
        self.bytes.fetch_sub(message.bytes(), Ordering::Relaxed);
        if let Some(append) = message.append {
            self.appends.lock().remove(&append);
        }
    }
}

/// The task of a link.
struct Running {
    ways: Ways,
    hello: Vec<u8>,
    address: String,
    /// One message is written within this time.
    within: Duration,
    state: Arc<State>,
}

impl Running {
    /// Until the queue is closed.
    async fn run(self, mut queue: UnboundedReceiver<Outgoing>) {
        let mut wait = WAIT.0;
        while let Some(first) = queue.recv().await {
            let failed = match self.open().await {
                Ok((connection, writer)) => {
                    wait = WAIT.0;
                    self.state.counts.links_open.inc();
                    let ended = self.carry(&connection, writer, first, &mut queue).await;
                    self.state.counts.links_open.dec();
                    let Err(failed) = ended else { return };
                    self.ways.give_up(&self.address, &connection);
                    failed
                }
                Err(failed) => {
                    self.lose(&first);
                    failed
                }
            };
            self.state.counts.links_failed.inc();
            tracing::debug!(address = self.address, reason = failed, "no link to a member");
            self.lose_all(&mut queue);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT.1);
            self.lose_all(&mut queue);
        }
    }

    fn lose(&self, message: &Outgoing) {
        self.state.left(message);
        self.state.counts.dropped("no_way");
    }

    fn lose_all(&self, queue: &mut UnboundedReceiver<Outgoing>) {
        while let Ok(message) = queue.try_recv() {
            self.lose(&message);
        }
    }

    async fn open(&self) -> Result<(Connection, MessageWriter<SendStream>), String> {
        let connection = self.ways.connection(&self.address, CONNECT).await;
        let connection = connection.map_err(|e| e.to_string())?;
        let greet = async {
            let stream = connection.open_uni().await.map_err(|e| e.to_string())?;
            let mut writer = MessageWriter::new(stream, STREAM_BYTES_MAX);
            writer.write(&self.hello).await.map_err(|e| e.to_string())?;
            Ok::<_, String>(writer)
        };
        let greeted = tokio::time::timeout(CONNECT, greet).await;
        let greeted = greeted.unwrap_or_else(|_| Err("no stream in time".to_owned()));
        match greeted {
            Ok(writer) => Ok((connection, writer)),
            Err(failed) => {
                self.ways.give_up(&self.address, &connection);
                Err(failed)
            }
        }
    }

    /// Writes what comes. `Ok`: the queue is closed.
    async fn carry(
        &self,
        connection: &Connection,
        mut writer: MessageWriter<SendStream>,
        first: Outgoing,
        queue: &mut UnboundedReceiver<Outgoing>,
    ) -> Result<(), String> {
        let mut next = Some(first);
        let mut asked: Option<u64> = None;
        loop {
            if let Some(message) = next.take() {
                let now = self.now();
                let written = tokio::time::timeout(self.within, write(&mut writer, &message)).await;
                self.state.left(&message);
                if message.wants_answer {
                    asked.get_or_insert(now);
                }
                match written {
                    Ok(Ok(())) => self.state.counts.sent(message.bytes()),
                    Ok(Err(failed)) => return Err(failed),
                    Err(_) => return Err("a message was not taken in time".to_owned()),
                }
            }
            asked.take_if(|asked| self.state.heard.load(Ordering::Relaxed) >= *asked);
            let silence = match asked {
                Some(asked) => SILENCE.saturating_sub(Duration::from_micros(self.now() - asked)),
                None => Duration::MAX,
            };
            tokio::select! {
                message = queue.recv() => match message {
                    Some(message) => next = Some(message),
                    None => return Ok(()),
                },
                // Noticed while nothing is sent, so that the next message does not get lost in finding it out.
                _ = connection.closed() => return Err("the connection was closed".to_owned()),
                () = tokio::time::sleep(silence), if asked.is_some() => {
                    if asked.is_some_and(|asked| self.state.heard.load(Ordering::Relaxed) < asked) {
                        return Err("nothing is heard of it".to_owned());
                    }
                }
            }
        }
    }

    fn now(&self) -> u64 {
        (self.state.started.elapsed().as_micros() as u64).max(1)
    }
}

async fn write(writer: &mut MessageWriter<SendStream>, message: &Outgoing) -> Result<(), String> {
    writer.write(&message.head).await.map_err(|e| e.to_string())?;
    for frame in &message.frames {
        writer.write(frame.bytes()).await.map_err(|e| e.to_string())?;
    }
    Ok(())
}
