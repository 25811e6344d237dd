//! Starting and stopping.

use crate::asked::{Desk, DeskMetrics, QUESTION_BYTES_MAX, STREAM};
use crate::clock::MemberClock;
use crate::clock_error::ClockErrors;
use crate::config::{COMMIT_SPACING, CollectorConfig, DECODE_BYTES_MAX, SAMPLE_INTERVAL};
use crate::control_plane::{ClusterView, ControlPlane};
use crate::metrics::Metrics;
use crate::otlp::{OtlpServer, OtlpStartError};
use crate::replicas::{Adopted, Parts, Replicas, Unable};
use crate::session;
use crate::shards::Shards;
use crate::spans::{CountedSpans, SpanIntake};
use bytes::Bytes;
use event::Micros;
use host::{CancellationToken, Registry};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use store::{OpenError, Owner, Store, StoreError, StoreOptions};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use transport::{Connection, MessageReader, RecvStream, SendStream, ServerStats, Ways, close};

/// Why a collector does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Reading the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A metric's name is taken.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// An address of the OTLP doors.
    #[error(transparent)]
    Otlp(#[from] OtlpStartError),
    /// Replication: no thread, or the mark of the disk could not be kept.
    #[error("replication: {0}")]
    Replication(String),
    /// The run time is going down.
    #[error("interrupted at start")]
    Interrupted,
}

impl From<Unable> for StartError {
    fn from(unable: Unable) -> Self {
        match unable {
            Unable::Store(e) => Self::Store(e),
            Unable::Metrics(e) => Self::Metrics(e),
            Unable::Interrupted => Self::Interrupted,
            other @ (Unable::Thread(_) | Unable::Mark(_)) => Self::Replication(other.to_string()),
        }
    }
}

/// What all sessions share.
pub(crate) struct Context {
    pub(crate) store: Arc<Store>,
    pub(crate) control: Arc<dyn ControlPlane>,
    pub(crate) clock: MemberClock,
    pub(crate) clock_errors: Mutex<ClockErrors>,
    pub(crate) metrics: Metrics,
    pub(crate) replicas: Replicas,
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
    context: Arc<Context>,
    store: Arc<Store>,
    stop: CancellationToken,
    sessions: Mutex<JoinSet<()>>,
    /// The OTLP doors: gRPC, HTTP.
    otlp: Option<(SocketAddr, SocketAddr)>,
    counted: Option<CountedSpans>,
    desk: Desk,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Collector {
    /// Opens the store, and then serves the agents that it is given until [`CollectorHandle::shutdown`]. `now` is the physical clock.
    pub async fn start(
        config: CollectorConfig,
        control: Arc<dyn ControlPlane>,
        registry: Registry,
        now: fn() -> Micros,
    ) -> Result<CollectorHandle, StartError> {
        let settings = control.settings();
        // Before the store is open and has threads: what fails later must end them.
        let otlp_doors = match config.otlp {
            Some(mut doors) => {
                doors.limits = doors.limits.within(config.memory_bytes);
                Some(OtlpServer::bind(doors, config.access, &registry).await?)
            }
            None => None,
        };
        let metrics = Metrics::new(&registry)?;
        metrics.set_disk_max(config.disk_bytes_max);
        let options = StoreOptions {
            memory_bytes: config.memory_bytes,
            bucket_seconds: settings.bucket_seconds,
            shards: settings.shards,
            retention_seconds: config.retention.as_secs(),
            disk_bytes_max: config.disk_bytes_max,
            hold_all: config.hold_buckets,
            commit_spacing_us: COMMIT_SPACING.as_micros() as u64,
            format: control.cluster().borrow().store_format,
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
        let stop = CancellationToken::new();
        let mut tasks = Vec::new();
        let decode = Arc::new(Semaphore::new(DECODE_BYTES_MAX));
        let replicas = Replicas::start(Parts {
            store: Arc::clone(&store),
            control: Arc::clone(&control),
            settings,
            copying: config.copying,
            ways: config.ways,
            life: clock.tick().await?,
            decode: Arc::clone(&decode),
            registry: &registry,
            written: metrics.of_receipts(),
            stop: stop.clone(),
        })
        .await?;
        let desk_metrics = DeskMetrics::new(&registry)?;
        let standings = Arc::new(replicas.clone());
        let desk = Desk::new(Arc::clone(&store), settings, standings, desk_metrics);
        let mut otlp = None;
        // Random, of the standard library: whoever sends cannot know it.
        let seed = RandomState::new().hash_one(settings.member);
        let counted = config.span_metrics.map(|what| CountedSpans::new(what, seed, now));
        if let Some(doors) = otlp_doors {
            otlp = Some((doors.grpc_addr(), doors.http_addr()));
            let intake = SpanIntake::start(
                (Arc::clone(&store), replicas.clone()),
                clock.clone(),
                &settings,
                counted.clone(),
                &registry,
            )
            .await?;
            tasks.push(tokio::spawn(take_spans(doors, Arc::new(intake), stop.clone())));
        }
        let context = Arc::new(Context {
            store: Arc::clone(&store),
            control,
            clock,
            clock_errors: Mutex::default(),
            metrics,
            replicas,
            decode,
        });
        tasks.push(tokio::spawn(follow_format(
            Arc::clone(&store),
            context.control.cluster(),
            stop.clone(),
        )));
        tasks.push(tokio::spawn(sample(
            Arc::clone(&context),
            config.door,
            stop.clone(),
        )));
        Ok(CollectorHandle(Arc::new(Inner {
            context,
            store,
            stop,
            sessions: Mutex::default(),
            otlp,
            counted,
            desk,
            tasks: Mutex::new(tasks),
        })))
    }
}

impl CollectorHandle {
    /// Serves an agent's connection until it ends, or the collector does. Returns at once.
    pub fn serve_agent(&self, connection: Connection) {
        let mut sessions = self.0.sessions.lock();
        while let Some(ended) = sessions.try_join_next() {
            said_goodbye(&ended);
        }
        if self.0.stop.is_cancelled() {
            connection.close(close::SHUTTING_DOWN, "collector is stopping");
            return;
        }
        sessions.spawn(session::run(
            Arc::clone(&self.0.context),
            connection,
            self.0.stop.clone(),
        ));
    }
    /// First byte of the first message of a stream of another member that [`CollectorHandle::take_stream`] takes.
    pub const STREAM_FIRST_BYTE: u8 = replication::codec::STREAM;
    /// Bytes of a message on such a stream.
    pub const STREAM_BYTES_MAX: usize = crate::replicas::STREAM_BYTES_MAX;

    /// Takes a unidirectional stream of another member until it ends, or the collector does. `first` is its first message.
    pub async fn take_stream(&self, first: Bytes, reader: MessageReader<RecvStream>) {
        let stop = self.0.stop.clone();
        let replicas = self.0.context.replicas.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = replicas.take_stream(&first, reader) => {}
        }
    }
    /// How this member stands: its map, and what its disk is worth.
    pub fn adopted(&self) -> Arc<Adopted> {
        self.0.context.replicas.adopted()
    }
    /// The addresses of the OTLP doors, gRPC and HTTP, if they are open.
    pub fn otlp_addrs(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.0.otlp
    }
    /// What is counted of spans, unless that is switched off.
    pub fn counted_spans(&self) -> Option<CountedSpans> {
        self.0.counted.clone()
    }
    /// The store, for questions.
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.0.store)
    }
    /// Everything that the cluster keeps, for questions: this member's store, and those of the others by these ways. On a tokio runtime;
    /// once a registry, for its metrics.
    pub fn shards(&self, ways: Ways, registry: &Registry) -> prometheus::Result<Shards> {
        let control = self.0.context.control.as_ref();
        Shards::new(self.store(), control, self.0.desk.standings(), ways, registry)
    }
    /// Answers a question about shards. For the member's door: of a bidirectional stream on a connection of role `member` whose first message
    /// begins with the byte 2, that message, and the half of the stream on which to answer; the other half has no more to say. Ends when the
    /// answer was taken, or nobody wants it any more; to be run in a task of its own. Questions beyond what is answered at once wait here,
    /// beyond that they are refused: spawn freely.
    pub async fn take_question(&self, first: Bytes, send: SendStream) {
        self.0.desk.take(first, send).await;
    }
    /// Longest such message, in bytes.
    pub const QUESTION_BYTES_MAX: usize = QUESTION_BYTES_MAX;
    /// What it begins with.
    pub const QUESTION_FIRST_BYTE: u8 = STREAM;
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
        let mut sessions = {
            let mut sessions = self.0.sessions.lock();
            self.0.stop.cancel();
            std::mem::take(&mut *sessions)
        };
        while let Some(ended) = sessions.join_next().await {
            said_goodbye(&ended);
        }
        let tasks = std::mem::take(&mut *self.0.tasks.lock());
        for task in tasks {
            if task.await.is_err() {
                tracing::error!("collector task panicked");
            }
        }
        self.0.context.replicas.stop().await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Serves the OTLP doors; what was taken in is on disk and answered before it returns.
async fn take_spans(doors: OtlpServer, intake: Arc<SpanIntake>, stop: CancellationToken) {
    doors.serve(Arc::clone(&intake), stop).await;
    if tokio::task::spawn_blocking(move || intake.stop()).await.is_err() {
        tracing::error!("the intake of spans did not stop");
    }
}

fn said_goodbye(ended: &Result<(), tokio::task::JoinError>) {
    if ended.is_err() {
        tracing::error!("session panicked");
    }
}

/// Writes later formats of the store when the cluster says that all members read them.
async fn follow_format(
    store: Arc<Store>,
    mut cluster: watch::Receiver<Arc<ClusterView>>,
    stop: CancellationToken,
) {
    loop {
        let format = cluster.borrow_and_update().store_format;
        let of = Arc::clone(&store);
        match tokio::task::spawn_blocking(move || of.raise_format(format)).await {
            Ok(Ok(true)) => tracing::info!(format = store.format(), "the store is written in a later format"),
            Ok(Ok(false)) | Err(_) => {}
            // Writing has stopped, and a restart does this too.
            Ok(Err(error)) => tracing::error!(%error, "the store's format is not raised"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = cluster.changed() => if changed.is_err() { return },
        }
    }
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
        let read = move || (store.stats(), store.span_stats());
        if let Ok((events, spans)) = tokio::task::spawn_blocking(read).await {
            context.metrics.set_store(&events);
            context.metrics.set_spans(&spans);
        }
        context.metrics.set_refused(&stats);
        let errors = context.clock_errors.lock().errors(context.clock.now());
        context.metrics.set_clock_errors(&errors, &mut shown);
    }
}
