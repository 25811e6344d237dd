//! One producer's connection: HELLO, frames within the window granted, acknowledgements. What is not acknowledged when
//! the connection breaks is sent again on the next one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use event::{Epoch, Hlc, Producer, TraceId};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use transport::{Client, Connection, Identity, MessageReader, MessageWriter, RecvStream, SendStream, close};
use wire::control::{AgentHello, AgentMessage, CollectorMessage, HelloOk, MESSAGE_BYTES_MAX, RejectCode};
use wire::frame::FRAME_BYTES_MAX;

use super::acks::Acks;
use super::encoder::Frame;
use super::flight::Flight;
use crate::measure::latency::Records;
use crate::measure::progress::Progress;

/// Time of a handshake and of the answer to HELLO.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// Longest wait for a message before the time is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Without a datagram for so long although something is under way, a collector is left for the next one, if there is one.
const SILENCE: Duration = Duration::from_secs(1);
/// Waits without a message, and connections that broke, before anything is given up: a generator that was itself not run for a minute
/// has not been patient.
const WAITS_MIN: u32 = 20;

/// When what is under way is given up.
#[derive(Debug)]
struct Patience {
    retry: Duration,
    since: Instant,
    waits: u32,
}

impl Patience {
    fn new(retry: Duration) -> Self {
        Self {
            retry,
            since: Instant::now(),
            waits: 0,
        }
    }

    /// Something was heard.
    fn renew(&mut self) {
        (self.since, self.waits) = (Instant::now(), 0);
    }

    /// A wait, or an attempt to connect, brought nothing.
    fn in_vain(&mut self) {
        self.waits = self.waits.saturating_add(1);
    }

    /// Both the time and the attempts are used up.
    fn is_over(&self) -> bool {
        self.waits >= WAITS_MIN && self.since.elapsed() > self.retry
    }
}

/// Where a producer sends, and who it is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `127.0.0.1:7481`; one or several that pass on to each other what they do not hold.
    pub(crate) collectors: Vec<SocketAddr>,
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
    /// Which collector is connected to, counted on.
    pub(crate) turn: usize,
    /// Where acknowledgements are written down, and under which number.
    pub(crate) acks: Option<(Acks, usize)>,
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
        let all = &target.collectors;
        let collector = all
            .get(self.turn % all.len().max(1))
            .context("no collector is named")?;
        let connection = self.client.connect(*collector, &target.server_name).await?;
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
        let mut patience = Patience::new(self.target.retry);
        while !(done && flight.is_empty()) {
            if patience.is_over() {
                self.progress.given_up(flight.clear());
                patience.renew();
            }
            let connected = match greeted.take() {
                Some(greeted) => Ok(greeted),
                None => self.greet(crate::native::quic::hlc_now()).await,
            };
            let ended = match connected {
                Ok(mut greeted) => {
                    let ended = self
                        .converse(&mut greeted, &mut flight, &mut queue, &mut patience)
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
                self.turn = self.turn.wrapping_add(1);
                patience.in_vain();
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
        patience: &mut Patience,
    ) -> Result<()> {
        let (mut again, mut done) = (flight.numbers().into_iter().peekable(), false);
        let (window, mut not_before) = (greeted.hello.window_bytes.max(1), Instant::now());
        let mut heard = (greeted.connection.datagrams_received(), Instant::now());
        loop {
            if flight.is_empty() {
                if done {
                    return Ok(());
                }
                patience.renew();
            }
            let wait = not_before.saturating_duration_since(Instant::now());
            let repeats = again.peek().is_some();
            let room = flight.bytes() < window && wait.is_zero() && !repeats;
            tokio::select! {
                biased;
                // First what is here already: who was stopped for a while must not give up what is answered.
                message = greeted.control.next() => {
                    let message = message?.ok_or_else(|| anyhow!("the collector ended the stream"))?;
                    match self.take(&message, flight, patience)? {
                        Change::None => {}
                        Change::NotBefore(time) => not_before = time,
                    }
                }
                () = std::future::ready(()), if repeats && wait.is_zero() => {
                    if let Some(waiting) = again.next().and_then(|number| flight.get(number)) {
                        greeted.frames.write(&waiting.frame.bytes).await?;
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
                () = tokio::time::sleep(wait.max(LOOK)) => {
                    patience.in_vain();
                    if patience.is_over() {
                        bail!("no acknowledgement in time");
                    }
                    let received = greeted.connection.datagrams_received();
                    if received != heard.0 || flight.is_empty() {
                        heard = (received, Instant::now());
                    } else if heard.1.elapsed() > SILENCE && self.target.collectors.len() > 1 {
                        bail!("nothing was heard of the collector");
                    }
                }
            }
        }
    }

    fn take(&mut self, message: &[u8], flight: &mut Flight, patience: &mut Patience) -> Result<Change> {
        match CollectorMessage::decode(message)? {
            CollectorMessage::Ack { ranges, .. } => {
                patience.renew();
                for range in &ranges {
                    for waiting in flight.close(range) {
                        let bytes = waiting.frame.bytes.len() as u64;
                        self.progress.acked(waiting.frame.events, 0, bytes);
                        if let Some((acks, producer)) = &self.acks {
                            acks.note(waiting.due, waiting.frame.events, *producer)?;
                        }
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
                patience.renew();
                let wait = Duration::from_millis(retry_after_ms.into());
                Ok(Change::NotBefore(Instant::now() + wait))
            }
            CollectorMessage::Error { code, reason } => bail!("closed: {code}: {reason}"),
            CollectorMessage::HelloOk(_) | CollectorMessage::Noted(_) | CollectorMessage::Map(_) => {
                Ok(Change::None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a process that was stopped for longer than the time to wait; then one that waited in vain for long enough.
    /// Guarantee: only the second gives up; hearing something begins anew.
    #[test]
    fn who_was_stopped_does_not_give_up() {
        let mut patience = Patience::new(Duration::from_millis(1));
        std::thread::sleep(Duration::from_millis(5));
        assert!(!patience.is_over());
        for _ in 0..WAITS_MIN {
            patience.in_vain();
        }
        assert!(patience.is_over());
        patience.renew();
        assert!(!patience.is_over());
    }
}
