//! The connection to a collector: frames out in order within the window granted, acknowledgements in. Reconnects for
//! ever; what is not acknowledged is sent again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use event::{Epoch, Producer};
use host::CancellationToken;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use transport::{Client, Connection, MessageReader, MessageWriter, RecvStream, SendStream, close};
use wire::control::{
    AckRange, AgentHello, AgentMessage, CollectorMessage, HelloOk, MESSAGE_BYTES_MAX, RejectCode,
};
use wire::frame::{FRAME_BYTES_MAX, GapReason, verify_crc};

use crate::clock::AgentClock;
use crate::cluster::Cluster;
use crate::metrics::Metrics;
use crate::spool::{AgentDrop, GivenUp, Location, Shared, range_of};
use crate::spooler::Exchange;

/// First and longest pause between attempts; the real one is random between half of it and all of it.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// The collector answers HELLO within this time.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Our time is sent this often; the answer to a frame must not take longer than [`ACK_TIMEOUT`].
const PING: Duration = Duration::from_secs(5);
const ACK_TIMEOUT: Duration = Duration::from_secs(30);
/// Descriptions that may be sent and not noted.
const DESCRIPTIONS_AT_ONCE: usize = 32;
/// Bytes read from the spool at once.
const READ_BYTES: u64 = 1 << 20;
/// Bytes of frames that no collector accepts, kept for people to look at.
const DEAD_LETTER_BYTES_MAX: u64 = 64 << 20;

/// What the uplink needs.
pub(crate) struct Uplink {
    pub(crate) client: Client,
    pub(crate) collector: String,
    pub(crate) server_name: String,
    pub(crate) name: String,
    pub(crate) producer: Producer,
    pub(crate) epoch: Epoch,
    pub(crate) data_dir: PathBuf,
    pub(crate) shared: Arc<Shared>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) clock: Arc<AgentClock>,
    pub(crate) cluster: watch::Sender<Option<Cluster>>,
    pub(crate) metrics: Metrics,
}

/// What the collector allows on this connection.
#[derive(Debug)]
struct Window {
    state: Mutex<WindowState>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug)]
struct WindowState {
    granted: u64,
    bytes: u64,
    not_before: Instant,
    last_progress: Instant,
}

type Broken = String;

impl Uplink {
    /// Runs until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut pause = BACKOFF_MIN;
        loop {
            let connected = tokio::select! {
                () = stop.cancelled() => return,
                connected = self.connect() => connected,
            };
            match connected {
                Ok((connection, writer, reader, hello)) => {
                    self.metrics.connects.with_label_values(&["connected"]).inc();
                    self.metrics.connected.set(1);
                    pause = BACKOFF_MIN;
                    let end = tokio::select! {
                        () = stop.cancelled() => None,
                        end = self.converse(&connection, writer, reader, &hello) => Some(end),
                    };
                    self.metrics.connected.set(0);
                    self.shared.index.lock().unsend_all();
                    let Some(reason) = end else {
                        connection.close(close::DONE, "agent stops");
                        drop(connection);
                        self.client.wait_idle().await;
                        return;
                    };
                    connection.close(close::DONE, "reconnecting");
                    tracing::warn!(reason, "connection to the collector lost");
                }
                Err(reason) => {
                    self.metrics.connects.with_label_values(&["failed"]).inc();
                    tracing::info!(collector = self.collector, reason, "no collector");
                }
            }
            let jittered = pause.mul_f64(rand::random_range(0.5..=1.0));
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(jittered) => {}
            }
            pause = (pause * 2).min(BACKOFF_MAX);
        }
    }

    async fn connect(
        &self,
    ) -> Result<
        (
            Connection,
            MessageWriter<SendStream>,
            MessageReader<RecvStream>,
            HelloOk,
        ),
        Broken,
    > {
        let addresses = tokio::net::lookup_host(&self.collector)
            .await
            .map_err(|e| e.to_string())?;
        let mut last = format!("{} has no address", self.collector);
        for address in addresses.collect::<Vec<SocketAddr>>() {
            match self.client.connect(address, &self.server_name).await {
                Ok(connection) => {
                    let greeted = tokio::time::timeout(HELLO_TIMEOUT, self.greet(&connection)).await;
                    let (writer, reader, hello) = greeted.map_err(|_| "no answer to HELLO".to_owned())??;
                    return Ok((connection, writer, reader, hello));
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    }

    async fn greet(
        &self,
        connection: &Connection,
    ) -> Result<(MessageWriter<SendStream>, MessageReader<RecvStream>, HelloOk), Broken> {
        let (send, recv) = connection.open_bi().await.map_err(|e| e.to_string())?;
        let mut writer = MessageWriter::new(send, MESSAGE_BYTES_MAX);
        let mut reader = MessageReader::new(recv, MESSAGE_BYTES_MAX);
        let hello = AgentHello::new(self.producer, self.epoch, self.clock.tick(), self.name.as_str());
        writer
            .write(&AgentMessage::Hello(hello).encode())
            .await
            .map_err(|e| e.to_string())?;
        match self.read(&mut reader).await? {
            CollectorMessage::HelloOk(ok) => {
                let cluster = Cluster::of(&ok).ok_or("HELLO_OK without shards or bucket length")?;
                self.metrics.clock_offset_us.set(self.clock.merge(ok.hlc));
                if *self.cluster.borrow() != Some(cluster) {
                    if let Err(error) = cluster.store(&self.data_dir) {
                        tracing::warn!(%error, "settings of the cluster could not be kept");
                    }
                    self.cluster.send_replace(Some(cluster));
                }
                Ok((writer, reader, ok))
            }
            CollectorMessage::Error { code, reason } => Err(format!("refused: {code}: {reason}")),
            other => Err(format!("unexpected answer to HELLO: {other:?}")),
        }
    }

    async fn read(&self, reader: &mut MessageReader<RecvStream>) -> Result<CollectorMessage, Broken> {
        let message = reader.next().await.map_err(|e| e.to_string())?;
        let message = message.ok_or("the collector ended the control stream")?;
        CollectorMessage::decode(&message).map_err(|e| e.to_string())
    }

    /// Returns why it ended.
    async fn converse(
        &self,
        connection: &Connection,
        control: MessageWriter<SendStream>,
        reader: MessageReader<RecvStream>,
        hello: &HelloOk,
    ) -> Broken {
        let now = Instant::now();
        let granted = hello.window_bytes.max(1);
        let state = WindowState {
            granted,
            bytes: granted,
            not_before: now,
            last_progress: now,
        };
        let window = Window {
            state: Mutex::new(state),
            changed: Notify::new(),
        };
        let described = Notify::new();
        described.notify_one();
        let end = tokio::select! {
            end = self.listen(reader, &window, &described) => end,
            end = self.send_frames(connection, &window, &described) => end,
            end = self.send_descriptions(control, &described) => end,
            end = self.watch_progress(&window) => end,
        };
        end.err().unwrap_or_default()
    }

    async fn listen(
        &self,
        mut reader: MessageReader<RecvStream>,
        window: &Window,
        described: &Notify,
    ) -> Result<(), Broken> {
        loop {
            match self.read(&mut reader).await? {
                CollectorMessage::HelloOk(_) => return Err("HELLO_OK came twice".into()),
                CollectorMessage::Ack { hlc, ranges } => {
                    self.metrics.clock_offset_us.set(self.clock.merge(hlc));
                    {
                        let mut index = self.shared.index.lock();
                        for range in &ranges {
                            index.ack(*range);
                        }
                    }
                    self.exchange.outcomes.lock().acks.extend(ranges);
                    let mut state = window.state.lock();
                    state.bytes = state.granted;
                    state.last_progress = Instant::now();
                }
                CollectorMessage::Reject { range, code, reason } => {
                    tracing::error!(epoch = %range.epoch, shard = %range.shard, first = %range.first, %code, reason,
                        "batch rejected for ever");
                    self.rejected(range, code).await;
                }
                CollectorMessage::Throttle {
                    retry_after_ms,
                    credit_bytes,
                } => {
                    self.metrics.throttled.inc();
                    let mut state = window.state.lock();
                    state.not_before = Instant::now() + Duration::from_millis(retry_after_ms.into());
                    state.bytes = credit_bytes.min(state.granted);
                }
                CollectorMessage::Noted(token) => {
                    if self.shared.index.lock().noted(token) {
                        self.exchange.outcomes.lock().noted.push(token);
                    }
                    described.notify_one();
                }
                CollectorMessage::Error { code, reason } => return Err(format!("closed: {code}: {reason}")),
            }
            window.changed.notify_one();
            self.exchange.to_spooler.notify_one();
        }
    }

    async fn send_frames(
        &self,
        connection: &Connection,
        window: &Window,
        described: &Notify,
    ) -> Result<(), Broken> {
        let stream = connection.open_uni().await.map_err(|e| e.to_string())?;
        let mut writer = MessageWriter::new(stream, FRAME_BYTES_MAX);
        loop {
            let state = *window.state.lock();
            tokio::time::sleep_until(state.not_before).await;
            let places = {
                let mut index = self.shared.index.lock();
                let under_way = index.in_flight_bytes();
                let budget = state.bytes.saturating_sub(under_way).min(READ_BYTES);
                index.take_unsent(budget, under_way == 0)
            };
            if places.is_empty() {
                tokio::select! {
                    () = window.changed.notified() => {}
                    () = self.exchange.to_uplink.notified() => described.notify_one(),
                }
                continue;
            }
            for (place, frame) in self.fetch(places).await? {
                match frame {
                    Some(frame) => writer.write(&frame).await.map_err(|e| e.to_string())?,
                    None => self.unreadable(place),
                }
            }
        }
    }

    /// Frames from the spool; `None` where the file is damaged. A frame that has just been moved ends the connection:
    /// the next one sends it from its new place.
    async fn fetch(&self, places: Vec<Location>) -> Result<Vec<(Location, Option<Vec<u8>>)>, Broken> {
        let shared = Arc::clone(&self.shared);
        let read = move || {
            places
                .into_iter()
                .map(|at| match shared.read(at) {
                    Ok(bytes) if verify_crc(&bytes).is_ok() => Ok((at, Some(bytes))),
                    Ok(_) => Ok((at, None)),
                    Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok((at, None)),
                    Err(e) => Err(format!("spool: {e}")),
                })
                .collect()
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|e| e.to_string())?
    }

    async fn send_descriptions(
        &self,
        mut control: MessageWriter<SendStream>,
        described: &Notify,
    ) -> Result<(), Broken> {
        let mut ping = tokio::time::interval(PING);
        loop {
            tokio::select! {
                _ = ping.tick() => {
                    let message = AgentMessage::Ping(self.clock.tick()).encode();
                    control.write(&message).await.map_err(|e| e.to_string())?;
                }
                () = described.notified() => {}
            }
            let messages = self.shared.index.lock().take_undescribed(DESCRIPTIONS_AT_ONCE);
            for message in messages {
                control.write(&message).await.map_err(|e| e.to_string())?;
            }
        }
    }

    async fn watch_progress(&self, window: &Window) -> Result<(), Broken> {
        loop {
            tokio::time::sleep(PING).await;
            let mut state = window.state.lock();
            if self.shared.index.lock().in_flight_bytes() == 0 || state.not_before > Instant::now() {
                state.last_progress = Instant::now();
            } else if state.last_progress.elapsed() > ACK_TIMEOUT {
                return Err(format!("no acknowledgement within {ACK_TIMEOUT:?}"));
            }
        }
    }

    async fn rejected(&self, range: AckRange, code: RejectCode) {
        let given_up = self.shared.index.lock().give_up(range, AgentDrop::Rejected);
        // Where the seq is stored with other content, it is no gap.
        let gap = code != RejectCode::SeqReused;
        self.record_given_up(&given_up, gap.then_some(GapReason::Rejected));
        let places: Vec<Location> = given_up.iter().filter(|g| !g.part.gap).map(|g| g.at).collect();
        let Ok(frames) = self.fetch(places).await else {
            return;
        };
        let dir = self.data_dir.join("dead-letter");
        let kept = tokio::task::spawn_blocking(move || {
            for ((_, frame), given) in frames.into_iter().zip(given_up.iter().filter(|g| !g.part.gap)) {
                let Some(frame) = frame else { continue };
                let name = format!("{}-{}-{}.frame", given.epoch, given.part.shard, given.part.first);
                if folder_bytes(&dir) + (frame.len() as u64) <= DEAD_LETTER_BYTES_MAX {
                    std::fs::create_dir_all(&dir)?;
                    std::fs::write(dir.join(name), frame)?;
                }
            }
            Ok::<_, std::io::Error>(())
        });
        if let Ok(Err(error)) = kept.await {
            tracing::warn!(%error, "rejected frame could not be kept");
        }
    }

    fn unreadable(&self, place: Location) {
        tracing::error!(?place, "frame in the spool is damaged");
        let given_up = self
            .shared
            .index
            .lock()
            .give_up_frame(place, AgentDrop::SpoolCorrupt);
        self.record_given_up(&given_up, Some(GapReason::SpoolCorrupt));
        self.exchange.to_spooler.notify_one();
    }

    fn record_given_up(&self, given_up: &[GivenUp], reason: Option<GapReason>) {
        let mut outcomes = self.exchange.outcomes.lock();
        for given in given_up {
            let range = range_of(given.epoch, &given.part);
            match reason.filter(|_| !given.part.gap) {
                // Closed on disk when the gap is acknowledged: after a restart before that, all this happens again.
                Some(reason) => {
                    self.metrics.gaps.with_label_values(&[reason.name()]).inc();
                    outcomes.gaps.push((range, given.part.rows.into(), reason));
                }
                None => outcomes.acks.push(range),
            }
        }
    }
}

fn folder_bytes(dir: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|e| e.metadata().ok())
        .map(|m| m.len())
        .sum()
}
