//! One producer's connection: HELLO, frames within the window granted, acknowledgements. What is not acknowledged when
//! the connection breaks is sent again on the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use event::{Epoch, Hlc, Producer, TraceId};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use transport::{Client, Connection, Identity, MessageReader, MessageWriter, RecvStream, SendStream, close};
use wire::control::{AgentHello, AgentMessage, CollectorMessage, HelloOk, MESSAGE_BYTES_MAX, RejectCode};
use wire::frame::FRAME_BYTES_MAX;

use super::encoder::Frame;
use super::flight::Flight;
use crate::measure::latency::Records;
use crate::measure::progress::Progress;

/// Time of a handshake and of the answer to HELLO.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a producer sends, and who it is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `127.0.0.1:7481`.
    pub(crate) collector: std::net::SocketAddr,
    /// Name in the collector's certificate.
    pub(crate) server_name: String,
    /// Certificate of role `agent`.
    pub(crate) identity: Identity,
    /// Time without an acknowledgement after which everything under way is given up.
    pub(crate) retry: Duration,
}

/// A greeted connection.
pub(crate) struct Greeted {
    connection: Connection,
    frames: MessageWriter<SendStream>,
    control: MessageReader<RecvStream>,
    /// Not written to after HELLO, but its end would be the session's end.
    _control_out: MessageWriter<SendStream>,
    /// The cluster's settings.
    pub(crate) hello: HelloOk,
}

/// One producer's side.
pub(crate) struct Session {
    pub(crate) target: Target,
    pub(crate) client: Client,
    pub(crate) producer: Producer,
    pub(crate) epoch: Epoch,
    pub(crate) progress: Arc<Progress>,
    pub(crate) records: Records,
    /// Due times from here on count.
    pub(crate) warm: Instant,
    /// Traces that are on disk.
    pub(crate) stored: Arc<Mutex<Vec<TraceId>>>,
}

/// What a message has changed.
enum Change {
    None,
    /// Nothing may be sent before.
    NotBefore(Instant),
}

impl Session {
    /// Connects and says HELLO.
    pub(crate) async fn greet(&self, now: Hlc) -> Result<Greeted> {
        tokio::time::timeout(HELLO_TIMEOUT, self.greet_once(now))
            .await
            .context("no answer to HELLO")?
    }

    async fn greet_once(&self, now: Hlc) -> Result<Greeted> {
        let target = &self.target;
        let connection = self.client.connect(target.collector, &target.server_name).await?;
        let (send, recv) = connection.open_bi().await?;
        let mut out = MessageWriter::new(send, MESSAGE_BYTES_MAX);
        let mut control = MessageReader::new(recv, MESSAGE_BYTES_MAX);
        let hello = AgentHello::new(self.producer, self.epoch, now, "loadtest");
        out.write(&AgentMessage::Hello(hello).encode()).await?;
        let answer = control.next().await?.context("the collector ended the stream")?;
        let hello = match CollectorMessage::decode(&answer)? {
            CollectorMessage::HelloOk(hello) => hello,
            other => bail!("HELLO was answered with {other:?}"),
        };
        let frames = MessageWriter::new(connection.open_uni().await?, FRAME_BYTES_MAX);
        Ok(Greeted {
            connection,
            frames,
            control,
            _control_out: out,
            hello,
        })
    }

    /// Sends what comes until nothing comes and nothing is under way.
    pub(crate) async fn run(mut self, first: Greeted, mut queue: mpsc::Receiver<(Frame, Instant)>) {
        let (mut flight, mut greeted, mut done) = (Flight::default(), Some(first), false);
        let mut progressed = Instant::now();
        while !(done && flight.is_empty()) {
            if progressed.elapsed() > self.target.retry {
                self.progress.given_up(flight.clear());
                progressed = Instant::now();
            }
            let connected = match greeted.take() {
                Some(greeted) => Ok(greeted),
                None => self.greet(crate::native::quic::hlc_now()).await,
            };
            let ended = match connected {
                Ok(mut greeted) => {
                    let ended = self
                        .converse(&mut greeted, &mut flight, &mut queue, &mut progressed)
                        .await;
                    greeted.connection.close(close::DONE, "load ends");
                    ended
                }
                Err(error) => Err(error),
            };
            if ended.is_ok() {
                done = true;
            } else {
                self.progress.broken();
                tokio::time::sleep(PAUSE).await;
            }
        }
        // Whoever encodes must not wait for a session that is over.
        queue.close();
        self.client.wait_idle().await;
    }

    /// `Ok` when all is sent and acknowledged, or given up.
    async fn converse(
        &mut self,
        greeted: &mut Greeted,
        flight: &mut Flight,
        queue: &mut mpsc::Receiver<(Frame, Instant)>,
        progressed: &mut Instant,
    ) -> Result<()> {
        let (mut again, mut done) = (flight.numbers().into_iter(), false);
        let (window, mut not_before) = (greeted.hello.window_bytes.max(1), Instant::now());
        loop {
            if flight.is_empty() {
                if done {
                    return Ok(());
                }
                *progressed = Instant::now();
            } else if progressed.elapsed() > self.target.retry {
                bail!("no acknowledgement in time");
            }
            let wait = not_before.saturating_duration_since(Instant::now());
            let room = flight.bytes() < window && wait.is_zero();
            if let Some(number) = again.as_slice().first().copied().filter(|_| wait.is_zero()) {
                again.next();
                if let Some(waiting) = flight.get(number) {
                    greeted.frames.write(&waiting.frame.bytes).await?;
                }
                continue;
            }
            tokio::select! {
                biased;
                message = greeted.control.next() => {
                    let message = message?.ok_or_else(|| anyhow!("the collector ended the stream"))?;
                    match self.take(&message, flight, progressed)? {
                        Change::None => {}
                        Change::NotBefore(time) => not_before = time,
                    }
                }
                frame = queue.recv(), if room && !done => match frame {
                    Some((frame, due)) => {
                        self.progress.sent(frame.events);
                        let number = flight.add(frame, due);
                        if let Some(waiting) = flight.get(number) {
                            greeted.frames.write(&waiting.frame.bytes).await?;
                        }
                    }
                    None => done = true,
                },
                () = tokio::time::sleep(wait.max(Duration::from_millis(100))) => {}
            }
        }
    }

    fn take(&mut self, message: &[u8], flight: &mut Flight, progressed: &mut Instant) -> Result<Change> {
        match CollectorMessage::decode(message)? {
            CollectorMessage::Ack { ranges, .. } => {
                *progressed = Instant::now();
                for range in &ranges {
                    for waiting in flight.close(range) {
                        let bytes = waiting.frame.bytes.len() as u64;
                        self.progress.acked(waiting.frame.events, 0, bytes);
                        if waiting.due >= self.warm {
                            self.records.since(waiting.due);
                        }
                        self.stored.lock().push(waiting.frame.trace);
                    }
                }
                Ok(Change::None)
            }
            CollectorMessage::Reject { range, code, reason } => {
                if range.first.0 == 0 || code == RejectCode::WrongProducer {
                    bail!("a frame was rejected: {code}: {reason}");
                }
                for waiting in flight.close(&range) {
                    self.progress.refused(waiting.frame.events);
                }
                Ok(Change::None)
            }
            CollectorMessage::Throttle { retry_after_ms, .. } => {
                self.progress.throttled();
                *progressed = Instant::now();
                let wait = Duration::from_millis(retry_after_ms.into());
                Ok(Change::NotBefore(Instant::now() + wait))
            }
            CollectorMessage::Error { code, reason } => bail!("closed: {code}: {reason}"),
            CollectorMessage::HelloOk(_) | CollectorMessage::Noted(_) => Ok(Change::None),
        }
    }
}
