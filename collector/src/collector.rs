//! Starting and stopping.

use crate::clock::MemberClock;
use crate::clock_error::ClockErrors;
use crate::config::{CollectorConfig, DECODE_BYTES_MAX, SAMPLE_INTERVAL};
use crate::control_plane::ControlPlane;
use crate::metrics::Metrics;
use crate::session;
use event::Micros;
use host::{CancellationToken, Registry};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use store::{OpenError, Owner, Store, StoreError, StoreOptions};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use transport::{BindError, Limits, Server, ServerStats, close};

/// Why a collector does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Reading the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A metric's name is taken.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The run time is going down.
    #[error("interrupted at start")]
    Interrupted,
}

/// What all sessions share.
pub(crate) struct Context {
    pub(crate) store: Arc<Store>,
    pub(crate) control: Arc<dyn ControlPlane>,
    pub(crate) clock: MemberClock,
    pub(crate) clock_errors: Mutex<ClockErrors>,
    pub(crate) metrics: Metrics,
    /// Bytes that may be decompressed at once.
    pub(crate) decode: Arc<Semaphore>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// The role.
#[derive(Debug)]
pub struct Collector;

/// A running collector. Clones share it.
#[derive(Clone, Debug)]
pub struct CollectorHandle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    local_addr: SocketAddr,
    store: Arc<Store>,
    stop: CancellationToken,
    tasks: Mutex<Option<[JoinHandle<()>; 2]>>,
}

impl Collector {
    /// Opens the store, takes the address and serves agents until [`CollectorHandle::shutdown`]. `now` is the physical clock.
    pub async fn start(
        config: CollectorConfig,
        control: Arc<dyn ControlPlane>,
        registry: Registry,
        now: fn() -> Micros,
    ) -> Result<CollectorHandle, StartError> {
        let settings = control.settings();
        let metrics = Metrics::new(&registry)?;
        let options = StoreOptions {
            memory_bytes: config.memory_bytes,
            bucket_seconds: settings.bucket_seconds,
            retention_seconds: config.retention.as_secs(),
            owner: Some(Owner {
                cluster: settings.cluster,
                member: settings.member,
            }),
            ..StoreOptions::new(Arc::new(now))
        };
        let dir = config.data_dir.clone();
        let opened = tokio::task::spawn_blocking(move || Store::open(&dir, options));
        let store = Arc::new(opened.await.map_err(|_| StartError::Interrupted)??);
        let clock = MemberClock::new(Arc::clone(&store), settings.max_offset_ms, now)?;
        let server = Server::bind(config.listen, &config.identity, Limits::default())?;
        let local_addr = server.local_addr();
        let stats = Arc::clone(server.stats());
        let context = Arc::new(Context {
            store: Arc::clone(&store),
            control,
            clock,
            clock_errors: Mutex::default(),
            metrics,
            decode: Arc::new(Semaphore::new(DECODE_BYTES_MAX)),
        });
        let stop = CancellationToken::new();
        let tasks = [
            tokio::spawn(accept(Arc::clone(&context), server, stop.clone())),
            tokio::spawn(sample(context, stats, stop.clone())),
        ];
        Ok(CollectorHandle(Arc::new(Inner {
            local_addr,
            store,
            stop,
            tasks: Mutex::new(Some(tasks)),
        })))
    }
}

impl CollectorHandle {
    /// The address on which agents connect.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.local_addr
    }
    /// The store, for questions.
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.0.store)
    }
    /// Can frames be accepted? The error says why not.
    pub fn ready(&self) -> Result<(), StoreError> {
        if self.0.stop.is_cancelled() {
            Err(StoreError::ShutDown)
        } else {
            self.0.store.check_writable()
        }
    }
    /// Ends all sessions, telling the agents, and waits for that. Frames without acknowledgement are the agents' again.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        let tasks = self.0.tasks.lock().take();
        for task in tasks.into_iter().flatten() {
            if task.await.is_err() {
                tracing::error!("collector task panicked");
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(context: Arc<Context>, server: Server, stop: CancellationToken) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = sessions.join_next() => if ended.is_err() {
                tracing::error!("session panicked");
            },
            connection = server.accept() => match connection {
                Some(c) => {
                    sessions.spawn(session::run(Arc::clone(&context), c, stop.clone()));
                }
                None => break,
            },
        }
    }
    while sessions.join_next().await.is_some() {}
    server.close(close::SHUTTING_DOWN, "collector is stopping").await;
}

/// Copies numbers that are counted elsewhere.
async fn sample(context: Arc<Context>, stats: Arc<ServerStats>, stop: CancellationToken) {
    let mut shown = HashSet::new();
    let mut tick = tokio::time::interval(SAMPLE_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let store = Arc::clone(&context.store);
        if let Ok(s) = tokio::task::spawn_blocking(move || store.stats()).await {
            context.metrics.set_store(&s);
        }
        context.metrics.set_refused(&stats);
        let errors = context.clock_errors.lock().errors(context.clock.now());
        context.metrics.set_clock_errors(&errors, &mut shown);
    }
}
