//! The connection to a collector: frames out in order within the window granted, acknowledgements in. Reconnects for
//! ever; what is not acknowledged is sent again.

mod converse;
mod giving_up;
mod sending;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use event::{Epoch, Producer};
use host::CancellationToken;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use transport::{Client, Connection, MessageReader, MessageWriter, RecvStream, SendStream, close};
use wire::control::{AgentHello, AgentMessage, CollectorMessage, HelloOk, MESSAGE_BYTES_MAX};

use crate::clock::AgentClock;
use crate::cluster::Cluster;
use crate::metrics::Metrics;
use crate::spool::Shared;
use crate::spooler::Exchange;
use crate::targets::{Target, Targets};

/// First and longest pause between attempts; the real one is random between half of it and all of it.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// The collector answers HELLO within this time.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// What the uplink needs.
pub(crate) struct Uplink {
    pub(crate) client: Arc<Client>,
    pub(crate) server_name: String,
    pub(crate) name: String,
    pub(crate) producer: Producer,
    pub(crate) epoch: Epoch,
    pub(crate) targets: Mutex<Targets>,
    /// The clock of `targets` begins here.
    pub(crate) started: Instant,
    pub(crate) data_dir: PathBuf,
    pub(crate) shared: Arc<Shared>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) clock: Arc<AgentClock>,
    pub(crate) cluster: watch::Sender<Option<Cluster>>,
    pub(crate) metrics: Metrics,
    /// Frames before this number are sent one at a time: one of them is not readable to the collector. 0 = none.
    pub(crate) suspects: AtomicU64,
}

/// A connection on which HELLO was answered.
struct Greeted {
    connection: Connection,
    writer: MessageWriter<SendStream>,
    reader: MessageReader<RecvStream>,
    hello: HelloOk,
}

type Broken = String;

/// Why a conversation ended.
#[derive(Debug)]
enum End {
    /// The collector, or the way to it, failed.
    Broken(Broken),
    /// It answers, and another one is to be connected to.
    Leave(&'static str),
}

impl From<Broken> for End {
    fn from(reason: Broken) -> Self {
        Self::Broken(reason)
    }
}

impl Uplink {
    /// Runs until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut pause = BACKOFF_MIN;
        loop {
            let Some(target) = self.targets.lock().choose(self.now()) else {
                tracing::error!("no collector was named");
                return;
            };
            let connected = tokio::select! {
                () = stop.cancelled() => return,
                connected = self.connect(&target) => connected,
            };
            match connected {
                Ok(greeted) => {
                    let (since, before) = (Instant::now(), self.closed_events());
                    let Some(end) = self.converse_until(greeted, &target, &stop).await else {
                        return;
                    };
                    // A collector that greets and then only fails is not asked without pause.
                    if self.closed_events() > before || since.elapsed() > BACKOFF_MAX {
                        pause = BACKOFF_MIN;
                    }
                    match end {
                        End::Leave(why) => {
                            self.targets.lock().leaving();
                            self.metrics.moves.with_label_values(&[why]).inc();
                            tracing::info!(collector = target.address, why, "going to another collector");
                            continue;
                        }
                        End::Broken(reason) => {
                            self.targets.lock().failed(self.now(), &target);
                            tracing::warn!(
                                collector = target.address,
                                reason,
                                "connection to the collector lost"
                            );
                        }
                    }
                }
                Err(reason) => {
                    self.targets.lock().failed(self.now(), &target);
                    self.metrics.connects.with_label_values(&["failed"]).inc();
                    tracing::info!(collector = target.address, reason, "no collector");
                }
            }
            // There is another to be tried: many agents at once, so not all in the same moment.
            let round = self.targets.lock().all_failed();
            let wait = if round { pause } else { BACKOFF_MIN };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..=1.0))) => {}
            }
            if round {
                pause = (pause * 2).min(BACKOFF_MAX);
            }
        }
    }

    /// Why it ended; `None`: the agent stops.
    async fn converse_until(
        &self,
        greeted: Greeted,
        target: &Target,
        stop: &CancellationToken,
    ) -> Option<End> {
        self.metrics.connects.with_label_values(&["connected"]).inc();
        self.metrics.connected.set(1);
        self.targets.lock().connected(self.now(), target);
        let connection = greeted.connection.clone();
        let end = tokio::select! {
            () = stop.cancelled() => None,
            end = self.converse(greeted) => Some(end),
        };
        self.metrics.connected.set(0);
        self.shared.index.lock().unsend_all();
        let Some(end) = end else {
            connection.close(close::DONE, "agent stops");
            drop(connection);
            self.client.wait_idle().await;
            return None;
        };
        connection.close(close::DONE, "reconnecting");
        Some(end)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Events that left the spool so far.
    fn closed_events(&self) -> u64 {
        let ledger = self.shared.index.lock().ledger();
        ledger.acked + ledger.dropped.iter().sum::<u64>()
    }

    async fn connect(&self, target: &Target) -> Result<Greeted, Broken> {
        let addresses = tokio::net::lookup_host(&target.address)
            .await
            .map_err(|e| e.to_string())?;
        let mut last = format!("{} has no address", target.address);
        for address in addresses.collect::<Vec<SocketAddr>>() {
            let greeted = match self.client.connect(address, &self.server_name).await {
                Ok(connection) => tokio::time::timeout(HELLO_TIMEOUT, self.greet(connection))
                    .await
                    .unwrap_or_else(|_| Err("no answer to HELLO".to_owned())),
                Err(error) => Err(error.to_string()),
            };
            match greeted {
                Ok(greeted) => return Ok(greeted),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }

    async fn greet(&self, connection: Connection) -> Result<Greeted, Broken> {
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
                Ok(Greeted {
                    connection,
                    writer,
                    reader,
                    hello: ok,
                })
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
}
