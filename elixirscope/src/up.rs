//! `elixirscope up`: coordinator, collector and agent in one process with one data folder; alone, or one of several.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, AgentConfig, AgentHandle};
use anyhow::{Context, Result};
use axum::Router;
use collector::{CollectorHandle, Shards};
use coordinator::Coordinator;
use host::access::{Access, Gate, Routes};
use host::metrics::Exposition;
use host::{HttpServer, LogFormat, Readiness, Registry, Tasks};
use query::CodeIndex;
use query::tempo::SpanSource;
use tokio::runtime::Handle;
use transport::{Client, Identity, Role, Ways};

use crate::agent_role;
use crate::all_spans::AllSpans;
use crate::api::{self, Api};
use crate::certificates::{Certificates, Shows};
use crate::checks::Checks;
use crate::code_blobs::CoordinatorBlobs;
use crate::collector_role::CollectingArgs;
use crate::doors::{self, HttpDoors};
use crate::export;
use crate::jaeger::{self, Jaeger};
use crate::member::Door;
use crate::member_args::{Kind, Member, MemberArgs, NewClusterArgs};
use crate::process;
use crate::tempo::{self, Tempo};
use crate::turns::Turns;

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    member: MemberArgs,
    #[command(flatten)]
    new: NewClusterArgs,
    #[command(flatten)]
    collecting: CollectingArgs,
    #[command(flatten)]
    agent: AgentArgs,
}

/// The agent in the same process.
#[derive(Debug, clap::Args)]
pub(crate) struct AgentArgs {
    /// Unix socket for the BEAM nodes of this machine.
    #[arg(long, env = "ELIXIRSCOPE_SOCKET")]
    socket: Option<PathBuf>,
    /// No agent in this process.
    #[arg(long)]
    no_agent: bool,
    /// User ids of BEAM nodes that may connect, beside this process's own and root.
    #[arg(long, env = "ELIXIRSCOPE_ALLOWED_UIDS", value_delimiter = ',')]
    allowed_uids: Vec<u32>,
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
    start(Parts {
        kind: Kind::Up,
        member: args.member,
        new: Some(args.new),
        collecting: args.collecting,
        agent: Some(args.agent).filter(|agent| !agent.no_agent),
    })
}

/// What a member that collects is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) kind: Kind,
    pub(crate) member: MemberArgs,
    pub(crate) new: Option<NewClusterArgs>,
    pub(crate) collecting: CollectingArgs,
    pub(crate) agent: Option<AgentArgs>,
}

/// Runs a member that collects until it is told to stop.
pub(crate) fn start(parts: Parts) -> Result<ExitCode> {
    parts.member.log.init()?;
    process::raise_files();
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serve(parts))
}

async fn serve(parts: Parts) -> Result<ExitCode> {
    let registry = Registry::new();
    let tasks = Tasks::new(&registry)?;
    let access = parts.member.tokens.access(&registry)?;
    // All addresses, before anything is opened, so that a wrong one is said at once.
    access.may_listen("HTTP", parts.member.http)?;
    parts.collecting.may_listen(&access)?;
    access.follow(&tasks)?;
    let readiness = Readiness::new();
    let Member {
        data,
        tls,
        name,
        door,
        ways,
        coordinator,
        certificates,
    } = parts.member.open(parts.kind, parts.new, &registry)?;
    certificates.follow(&tasks)?;
    let Some(coordinator) = process::start_coordinator(coordinator).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let collector = parts
        .collecting
        .start(&data, (&door, ways), &coordinator, &access, &registry)
        .await?;
    door.collects(collector.clone());
    let agent = match &parts.agent {
        None => None,
        Some(agent) => {
            let config = agent_config(agent, &parts.member.server_name, &name, &data, &tls, &door)?;
            let agent = Agent::start(config, &tasks, &registry, Arc::new(host::now))?;
            certificates.used_by(Role::Agent, Shows::Client(agent.client()))?;
            Some(agent)
        }
    };
    let exporter = export::start(
        &parts.collecting.export,
        &data,
        &coordinator,
        &collector,
        &registry,
    )?;
    let socket = parts.agent.as_ref().and_then(|a| a.socket.clone());
    // A pool of its own: answers that are long do not delay heartbeats.
    let client = Arc::new(Client::new(&Identity::from_dir(&tls, Role::Member)?)?);
    certificates.used_by(Role::Member, Shows::Client(Arc::clone(&client)))?;
    let ways = Ways::new(client, parts.member.server_name.clone());
    let shards = collector.shards(ways, &registry)?;
    let shown = (shards, certificates);
    let routes = routes(socket, &coordinator, &collector, shown, agent.clone(), &access);
    let mut shown = Exposition::from(registry.clone());
    if let Some(counted) = collector.counted_spans() {
        shown = shown.with(Arc::new(counted));
    }
    let gate = Gate::new(access, HttpDoors);
    let http = HttpServer::behind(gate, parts.member.http, routes, shown, readiness.clone()).await?;
    let otlp = collector
        .otlp_addrs()
        .map_or_else(String::new, |(grpc, http)| format!("{grpc} {http}"));
    tracing::info!(http = %http.local_addr(), quic = %door.local_addr(), otlp, "member started");
    // A collector works on its last copy of what the coordinators agreed.
    let agrees = parts.kind != Kind::Collector;
    watch((&coordinator, agrees), &collector, &tasks, &readiness)?;
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
    door.close().await;
    Ok(ExitCode::SUCCESS)
}

fn agent_config(
    args: &AgentArgs,
    server_name: &str,
    member: &str,
    data: &Path,
    tls: &Path,
    door: &Door,
) -> Result<AgentConfig> {
    let socket = args.socket.clone().unwrap_or_else(default_socket);
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the run-time folder {}", folder.display()))?;
    }
    let identity = Identity::from_dir(tls, Role::Agent)
        .context("the agent in this process needs agent.pem and agent.key in the folder of --tls (or start with --no-agent)")?;
    Ok(AgentConfig {
        name: format!("{member}-agent"),
        socket_path: socket,
        data_dir: data.join("agent"),
        collectors: vec![reachable(door.local_addr()).to_string()],
        server_name: server_name.to_owned(),
        identity,
        allowed_uids: args.allowed_uids.clone(),
        spool_bytes_max: AgentConfig::SPOOL_BYTES_MAX,
        flush: AgentConfig::FLUSH,
    })
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
    socket: Option<PathBuf>,
    coordinator: &Coordinator,
    collector: &CollectorHandle,
    (shards, certificates): (Shards, Certificates),
    agent: Option<AgentHandle>,
    access: &Access,
) -> Routes {
    let blobs = Arc::new(CoordinatorBlobs::new(coordinator.clone(), Handle::current()));
    let code = Arc::new(CodeIndex::new(blobs.clone()));
    let spans: Arc<dyn SpanSource> = Arc::new(AllSpans::new(shards.clone(), Arc::clone(&code)));
    let checks = Checks {
        store: collector.store(),
        coordinator: coordinator.clone(),
        code: Arc::clone(&code),
        agent,
        socket: socket.unwrap_or_else(default_socket),
        shards: shards.clone(),
        certificates,
        guarded: !access.is_open(),
    };
    let api = Api {
        shards,
        code,
        blobs,
        checks: Arc::new(checks),
        redacts: false,
    };
    let turns = Turns::new(spans);
    let routes = |api, turns: Turns| {
        let tempo = Tempo::new(turns.clone(), now_unix_ns);
        let jaeger = Jaeger::new(turns, now_unix_ns);
        let control = doors::control(coordinator.clone());
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

/// Keeps the readiness checks in step with the store, with replication and with the coordinator: without a quorum a member that agrees with
/// others is not ready; one that does not says so, and works on its last copy.
fn watch(
    (coordinator, agrees): (&Coordinator, bool),
    collector: &CollectorHandle,
    tasks: &Tasks,
    readiness: &Readiness,
) -> Result<()> {
    let (raft, coordinator) = (readiness.check("coordinator"), coordinator.clone());
    let (store, collector) = (readiness.check("store"), collector.clone());
    let (map, disk) = (readiness.check("map"), readiness.check("disk"));
    let look = move || {
        process::check_coordinator(&raft, &coordinator, agrees);
        match collector.store().check_writable() {
            Ok(()) => store.pass(),
            Err(error) => store.fail(error.to_string()),
        }
        let adopted = collector.adopted();
        if adopted.map.epoch == 0 {
            map.fail("the cluster has no map of shards that this member knows");
        } else {
            map.pass();
        }
        if adopted.whole {
            disk.pass();
        } else {
            disk.fail("the disk lost what this member confirmed: remove the member, and start it in an empty folder");
        }
    };
    look();
    process::look_every(tasks, LOOK, look)
}
