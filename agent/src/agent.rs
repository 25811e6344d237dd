//! Starting an agent: its parts, in the order in which they stop last.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use host::{Registry, TaskKind, Tasks, TooManyTasks};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;
use transport::{Client, TlsError};
use wire::frame::GapReason;

use crate::batch::Batcher;
use crate::clock::{AgentClock, PhysicalClock};
use crate::cluster::Cluster;
use crate::config::AgentConfig;
use crate::listener::{self, SocketError};
use crate::metrics::{Metrics, SpoolCollector};
use crate::serve::{BUDGET_BYTES, Door};
use crate::spool::{DataDirError, Ledger, Shared, Spool};
use crate::spooler::{Exchange, Given, Spooler};
use crate::targets::{self, Targets};
use crate::uplink::Uplink;

/// Inputs under way; what they hold is bounded in bytes apart.
const INPUTS_MAX: usize = 1024;

/// The agent could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Its data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Its socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Its certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Its metrics are registered already: two agents with one registry.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Its tasks.
    #[error(transparent)]
    Tasks(#[from] TooManyTasks),
}

/// Starts agents.
#[derive(Debug)]
pub struct Agent;

/// A running agent. It stops with the [`Tasks`] that it was started under.
#[derive(Clone, Debug)]
pub struct AgentHandle {
    shared: Arc<Shared>,
    client: Arc<Client>,
    connected: prometheus::IntGauge,
}

impl AgentHandle {
    /// Where the events are.
    pub fn ledger(&self) -> Ledger {
        self.shared.index.lock().ledger()
    }

    /// What makes its connections: for new certificates.
    pub fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Is a collector connected?
    pub fn is_connected(&self) -> bool {
        self.connected.get() == 1
    }

    /// Bytes of the spool's files.
    pub fn spool_bytes(&self) -> u64 {
        self.shared.index.lock().bytes()
    }
}

impl Agent {
    /// Opens the spool, takes the socket, and starts to serve nodes and to look for a collector.
    pub fn start(
        config: AgentConfig,
        tasks: &Tasks,
        registry: &Registry,
        clock: PhysicalClock,
    ) -> Result<AgentHandle, AgentError> {
        let client = Arc::new(Client::new(&config.identity)?);
        let metrics = Metrics::new(registry)?;
        let (spool, found) = Spool::open(&config.data_dir, config.spool_bytes_max)?;
        let listener = listener::bind(&config.socket_path, !config.allowed_uids.is_empty())?;
        let shared = spool.shared();
        SpoolCollector::register(registry, Arc::clone(&shared))?;
        metrics
            .damage_bytes
            .with_label_values(&["corrupt"])
            .inc_by(found.corrupt_bytes);
        metrics
            .damage_bytes
            .with_label_values(&["torn"])
            .inc_by(found.torn_bytes);
        metrics
            .gaps
            .with_label_values(&[GapReason::SpoolCorrupt.name()])
            .inc_by(found.lost.len() as u64);
        if !found.damaged.is_empty() {
            tracing::warn!(
                segments = found.damaged.len(),
                corrupt_bytes = found.corrupt_bytes,
                torn_bytes = found.torn_bytes,
                ranges_lost = found.lost.len(),
                "spool was damaged"
            );
        }
        let (producer, epoch) = (spool.producer(), spool.epoch());
        tracing::info!(%producer, %epoch, socket = %config.socket_path.display(), "agent started");
        let clock = Arc::new(AgentClock::new(clock));
        let exchange = Arc::<Exchange>::default();
        let gaps = found.lost.iter().map(|range| Given {
            range: *range,
            events: 0,
            reason: GapReason::SpoolCorrupt,
            held: None,
        });
        exchange.outcomes.lock().gaps.extend(gaps);
        exchange.to_spooler.notify_one();
        let (cluster, cluster_known) = watch::channel(Cluster::load(&config.data_dir));
        let (input, inputs) = mpsc::channel(INPUTS_MAX);
        let kept = targets::load(&config.data_dir);
        let targets = Targets::new(config.collectors, producer, kept);
        let uplink = Uplink {
            client: Arc::clone(&client),
            server_name: config.server_name,
            name: config.name,
            producer,
            epoch,
            targets: Mutex::new(targets),
            started: Instant::now(),
            data_dir: config.data_dir,
            shared: Arc::clone(&shared),
            exchange: Arc::clone(&exchange),
            clock: Arc::clone(&clock),
            cluster,
            metrics: metrics.clone(),
            suspects: AtomicU64::new(0),
        };
        let spooler = Spooler {
            spool,
            batcher: Batcher::new(producer, epoch),
            clock: Arc::clone(&clock),
            cluster: cluster_known,
            input: inputs,
            exchange,
            metrics: metrics.clone(),
            bytes_max: config.spool_bytes_max,
            flush: config.flush,
            damaged: found.damaged,
        };
        let mut allowed = config.allowed_uids;
        allowed.extend([0, rustix::process::geteuid().as_raw()]);
        let door = Door {
            shared: Arc::clone(&shared),
            input,
            budget: Arc::new(Semaphore::new(BUDGET_BYTES)),
            clock,
            metrics: metrics.clone(),
            allowed_uids: allowed.into(),
        };
        tasks.spawn(TaskKind::Uplink, |stop| uplink.run(stop))?;
        tasks.spawn(TaskKind::Spooler, |stop| spooler.run(stop))?;
        let sessions = tasks.clone();
        let path = config.socket_path;
        tasks.spawn(TaskKind::NodeListener, |stop| {
            listener::listen(listener, path, door, sessions, stop)
        })?;
        Ok(AgentHandle {
            shared,
            client,
            connected: metrics.connected,
        })
    }
}
