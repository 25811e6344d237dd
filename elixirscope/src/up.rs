//! `elixirscope up`: coordinator, collector and agent in one process with one data folder; a one-member cluster.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, AgentConfig, AgentHandle};
use anyhow::{Context, Result};
use axum::Router;
use collector::{Collector, CollectorConfig, CollectorHandle, OtlpConfig, OtlpLimits};
use coordinator::state::Role as MemberRole;
use coordinator::{Coordinator, CoordinatorConfig, NewMember};
use host::access::{Access, Gate, Routes};
use host::metrics::Exposition;
use host::{HttpServer, LogFormat, Readiness, Registry, Tasks};
use query::CodeIndex;
use query::span_metrics::Settings as SpanMetrics;
use query::tempo::SpanSource;
use tokio::runtime::Handle;
use transport::{Identity, Role};

use crate::agent_role;
use crate::all_spans::AllSpans;
use crate::api::{self, Api};
use crate::checks::Checks;
use crate::code_blobs::CoordinatorBlobs;
use crate::control_plane::InProcess;
use crate::doors::{HttpDoors, TokensArg};
use crate::export::{self, ExportArgs};
use crate::jaeger::{self, Jaeger};
use crate::process;
use crate::tempo::{self, Tempo};
use crate::turns::Turns;

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Data folder; made if missing.
    #[arg(long, env = "ELIXIRSCOPE_DATA", default_value = "elixirscope-data")]
    data: PathBuf,
    /// HTTP door: API, metrics, health (TCP).
    #[arg(long, env = "ELIXIRSCOPE_HTTP", default_value = "127.0.0.1:7480")]
    http: SocketAddr,
    /// QUIC door for agents (UDP).
    #[arg(long, env = "ELIXIRSCOPE_QUIC", default_value = "127.0.0.1:7481")]
    quic: SocketAddr,
    /// Unix socket for the BEAM nodes of this machine.
    #[arg(long, env = "ELIXIRSCOPE_SOCKET")]
    socket: Option<PathBuf>,
    /// No agent in this process.
    #[arg(long)]
    no_agent: bool,
    /// Name of this member, for people.
    #[arg(long, env = "ELIXIRSCOPE_NAME", default_value = "member")]
    name: String,
    /// User ids of BEAM nodes that may connect, beside this process's own and root.
    #[arg(long, env = "ELIXIRSCOPE_ALLOWED_UIDS", value_delimiter = ',')]
    allowed_uids: Vec<u32>,
    /// Hours that events are kept.
    #[arg(long, env = "ELIXIRSCOPE_RETENTION_HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=87_600))]
    retention_hours: u64,
    /// Memory of the store, MiB: block cache, memtables, open index, waiting frames.
    #[arg(long, env = "ELIXIRSCOPE_MEMORY_MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(32..=1_048_576))]
    memory_mib: u64,
    /// Disk for events and spans, MiB; above it the oldest are dropped. 0 = as much as the retention keeps.
    #[arg(long, env = "ELIXIRSCOPE_DISK_MIB", default_value_t = 0)]
    disk_mib: u64,
    #[command(flatten)]
    export: ExportArgs,
    /// OTLP over gRPC (TCP).
    #[arg(long, env = "ELIXIRSCOPE_OTLP_GRPC", default_value = "127.0.0.1:4317")]
    otlp_grpc: SocketAddr,
    /// OTLP over HTTP (TCP).
    #[arg(long, env = "ELIXIRSCOPE_OTLP_HTTP", default_value = "127.0.0.1:4318")]
    otlp_http: SocketAddr,
    /// No OTLP doors.
    #[arg(long)]
    no_otlp: bool,
    #[command(flatten)]
    tokens: TokensArg,
    #[command(flatten)]
    span_metrics: SpanMetricsArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// What is counted of spans that come over OTLP (`docs/span-metrics.md`).
#[derive(Debug, clap::Args)]
struct SpanMetricsArgs {
    /// No service graph and span metrics.
    #[arg(long, env = "ELIXIRSCOPE_NO_SPAN_METRICS")]
    no_span_metrics: bool,
    /// Attributes of resources that become labels of span metrics, such as `deployment.environment`.
    #[arg(long, env = "ELIXIRSCOPE_SPAN_METRICS_DIMENSIONS", value_delimiter = ',')]
    span_metrics_dimensions: Vec<String>,
    /// Make what was said of a status a label of span metrics.
    #[arg(long, env = "ELIXIRSCOPE_SPAN_METRICS_STATUS_MESSAGE")]
    span_metrics_status_message: bool,
    /// Series of span metrics at most; spans of more are counted in one.
    #[arg(long, env = "ELIXIRSCOPE_SPAN_METRICS_SERIES", default_value_t = SpanMetrics::default().series_max)]
    span_metrics_series: usize,
}

impl SpanMetricsArgs {
    fn settings(&self) -> Option<SpanMetrics> {
        (!self.no_span_metrics).then(|| SpanMetrics {
            dimensions: self.span_metrics_dimensions.clone(),
            status_message: self.span_metrics_status_message,
            series_max: self.span_metrics_series,
            ..SpanMetrics::default()
        })
    }
}

/// How to log.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// What to log, as in tracing's env filter: info, debug, collector=debug.
    #[arg(long, env = "ELIXIRSCOPE_LOG", default_value = "info,openraft=warn")]
    log: String,
    /// Log as JSON, one object a line.
    #[arg(long, env = "ELIXIRSCOPE_LOG_JSON")]
    log_json: bool,
}

impl LogArgs {
    /// Starts logging to standard error.
    pub(crate) fn init(&self) -> Result<()> {
        let format = if self.log_json {
            LogFormat::Json
        } else {
            LogFormat::Text
        };
        Ok(host::init_logging(format, &self.log)?)
    }
}

/// How long each task may take to stop.
pub(crate) const STOP: Duration = Duration::from_secs(5);

/// The socket's default path: the run-time folder of the user, else of the system.
pub(crate) fn default_socket() -> PathBuf {
    let name = "elixirscope-agent.sock";
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir).join(name),
        _ => PathBuf::from("/run/elixirscope").join(name),
    }
}

/// Runs a member until it is told to stop.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    args.log.init()?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> Result<ExitCode> {
    make_private(&args.data)
        .with_context(|| format!("cannot make the data folder {}", args.data.display()))?;
    let registry = Registry::new();
    let tasks = Tasks::new(&registry)?;
    let access = args.tokens.access(&registry)?;
    may_listen(&args, &access)?;
    access.follow(&tasks)?;
    let readiness = Readiness::new();
    let tls = args.data.join("tls");
    transport::tls::dev_ca(&tls)?;
    let coordinator = Coordinator::start(coordinator_config(&args, &registry)).await?;
    let collector = start_collector(&args, &coordinator, &access, &registry).await?;
    let agent = if args.no_agent {
        None
    } else {
        Some(start_agent(&args, &collector, &tasks, &registry)?)
    };
    let exporter = export::start(&args.export, &args.data, &coordinator, &collector, &registry)?;
    let routes = routes(&args, &coordinator, &collector, agent.clone(), &access);
    let mut shown = Exposition::from(registry.clone());
    if let Some(counted) = collector.counted_spans() {
        shown = shown.with(Arc::new(counted));
    }
    let gate = Gate::new(access, HttpDoors);
    let http = HttpServer::behind(gate, args.http, routes, shown, readiness.clone()).await?;
    let otlp = collector
        .otlp_addrs()
        .map_or_else(String::new, |(grpc, http)| format!("{grpc} {http}"));
    tracing::info!(http = %http.local_addr(), quic = %collector.local_addr(), otlp, "member started");
    watch(&coordinator, &collector, &tasks, &readiness)?;
    if let Some(agent) = &agent {
        agent_role::watch(agent, &tasks, &readiness)?;
    }
    process::serve_http(&tasks, http)?;
    let signal = host::stop_signal().await?;
    tracing::info!(signal, "stopping");
    tasks.shutdown(STOP).await;
    if let Some(exporter) = exporter {
        tokio::task::spawn_blocking(move || exporter.stop()).await?;
    }
    collector.shutdown().await;
    coordinator.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Looks at all addresses before anything is opened, so that a wrong one is said at once.
fn may_listen(args: &Args, access: &Access) -> Result<()> {
    access.may_listen("HTTP", args.http)?;
    if !args.no_otlp {
        access.may_listen("OTLP gRPC", args.otlp_grpc)?;
        access.may_listen("OTLP HTTP", args.otlp_http)?;
    }
    Ok(())
}

/// Makes a folder that only its owner may enter: it will hold captured values and keys.
pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

fn coordinator_config(args: &Args, registry: &Registry) -> CoordinatorConfig {
    let member = NewMember {
        name: args.name.clone(),
        addresses: vec![format!("http://{}", args.http), format!("quic://{}", args.quic)],
        roles: BTreeSet::from([MemberRole::Collector, MemberRole::Coordinator]),
        zone: String::new(),
    };
    CoordinatorConfig {
        registry: registry.clone(),
        ..CoordinatorConfig::new(args.data.join("coordinator"), member)
    }
}

async fn start_collector(
    args: &Args,
    coordinator: &Coordinator,
    access: &Access,
    registry: &Registry,
) -> Result<CollectorHandle> {
    let identity = Identity::from_dir(&args.data.join("tls"), Role::Member)?;
    let config = CollectorConfig {
        data_dir: args.data.join("collector"),
        listen: args.quic,
        identity,
        memory_bytes: args.memory_mib << 20,
        retention: Duration::from_secs(args.retention_hours * 3_600),
        disk_bytes_max: args.disk_mib << 20,
        hold_buckets: args.export.holds(),
        otlp: (!args.no_otlp).then(|| OtlpConfig {
            grpc: args.otlp_grpc,
            http: args.otlp_http,
            limits: OtlpLimits::default(),
        }),
        access: access.clone(),
        span_metrics: args.span_metrics.settings(),
    };
    let control = Arc::new(InProcess::new(coordinator.clone())?);
    Ok(Collector::start(config, control, registry.clone(), host::now).await?)
}

fn start_agent(
    args: &Args,
    collector: &CollectorHandle,
    tasks: &Tasks,
    registry: &Registry,
) -> Result<AgentHandle> {
    let socket = args.socket.clone().unwrap_or_else(default_socket);
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the run-time folder {}", folder.display()))?;
    }
    let config = AgentConfig {
        name: format!("{}-agent", args.name),
        socket_path: socket,
        data_dir: args.data.join("agent"),
        collectors: vec![reachable(collector.local_addr()).to_string()],
        server_name: transport::tls::DEV_SERVER_NAME.to_owned(),
        identity: Identity::from_dir(&args.data.join("tls"), Role::Agent)?,
        allowed_uids: args.allowed_uids.clone(),
        spool_bytes_max: AgentConfig::SPOOL_BYTES_MAX,
        flush: AgentConfig::FLUSH,
    };
    Ok(Agent::start(config, tasks, registry, Arc::new(host::now))?)
}

/// An address to connect to: the loopback if the listener has all addresses.
fn reachable(addr: SocketAddr) -> SocketAddr {
    if !addr.ip().is_unspecified() {
        return addr;
    }
    let ip = if addr.is_ipv4() {
        [127, 0, 0, 1].into()
    } else {
        std::net::Ipv6Addr::LOCALHOST.into()
    };
    SocketAddr::new(ip, addr.port())
}

fn routes(
    args: &Args,
    coordinator: &Coordinator,
    collector: &CollectorHandle,
    agent: Option<AgentHandle>,
    access: &Access,
) -> Routes {
    let blobs = Arc::new(CoordinatorBlobs::new(coordinator.clone(), Handle::current()));
    let code = Arc::new(CodeIndex::new(blobs.clone()));
    let spans: Arc<dyn SpanSource> = Arc::new(AllSpans::new(collector.store(), Arc::clone(&code)));
    let checks = Checks {
        store: collector.store(),
        coordinator: coordinator.clone(),
        code: Arc::clone(&code),
        agent,
        socket: args.socket.clone().unwrap_or_else(default_socket),
        guarded: !access.is_open(),
    };
    let api = Api {
        store: collector.store(),
        code,
        blobs,
        checks: Arc::new(checks),
        redacts: false,
    };
    let turns = Turns::new(spans);
    let routes = |api, turns: Turns| {
        let tempo = Tempo::new(turns.clone(), now_unix_ns);
        let jaeger = Jaeger::new(turns, now_unix_ns);
        let control = coordinator::http::router(coordinator.clone());
        Router::new()
            .nest("/api/v1", control.merge(api::router(api)))
            .nest(
                "/jaeger",
                jaeger::router(jaeger.clone()).merge(jaeger::v3::router(jaeger.clone())),
            )
            .merge(jaeger::v3::calls(jaeger))
            .nest("/tempo", tempo::router(tempo.clone()))
            .merge(tempo::streaming(tempo))
    };
    Routes {
        redacted: routes(api.redacted(), turns.redacted()),
        full: routes(api, turns),
    }
}

fn now_unix_ns() -> u64 {
    host::now().to_unix_ns()
}

/// How often readiness is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Keeps the readiness checks in step with coordinator and store.
fn watch(
    coordinator: &Coordinator,
    collector: &CollectorHandle,
    tasks: &Tasks,
    readiness: &Readiness,
) -> Result<()> {
    let (raft, store) = (readiness.check("coordinator"), readiness.check("store"));
    let (coordinator, collector) = (coordinator.clone(), collector.clone());
    let look = move || {
        process::check_coordinator(&raft, &coordinator);
        match collector.store().check_writable() {
            Ok(()) => store.pass(),
            Err(error) => store.fail(error.to_string()),
        }
    };
    look();
    process::look_every(tasks, LOOK, look)
}
