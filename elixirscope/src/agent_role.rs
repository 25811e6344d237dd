//! `elixirscope agent`: an agent alone, beside BEAM nodes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, AgentConfig, AgentHandle};
use anyhow::{Context, Result, bail};
use host::access::{Gate, Routes};
use host::{HttpServer, Readiness, Registry, Tasks};
use transport::{Identity, Role};

use crate::certificates::{Certificates, Shows};
use crate::config::ConfigArg;
use crate::doors::{HttpDoors, TokensArg};
use crate::{process, up};

/// Arguments of `agent`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Data folder: identity and spool.
    #[arg(long, env = "ELIXIRSCOPE_AGENT_DATA", default_value = "elixirscope-agent")]
    data: PathBuf,
    /// `host:port` of collectors (UDP), one or some that will do: the others are learned from them.
    #[arg(
        long,
        env = "ELIXIRSCOPE_COLLECTOR",
        default_value = "127.0.0.1:7481",
        value_delimiter = ','
    )]
    collector: Vec<String>,
    /// Name that the collector's certificate carries.
    #[arg(long, env = "ELIXIRSCOPE_SERVER_NAME", default_value = transport::tls::DEV_SERVER_NAME)]
    server_name: String,
    /// Folder with ca.pem, agent.pem and agent.key.
    #[arg(long, env = "ELIXIRSCOPE_TLS")]
    tls: PathBuf,
    /// Unix socket for BEAM nodes.
    #[arg(long, env = "ELIXIRSCOPE_SOCKET")]
    socket: Option<PathBuf>,
    /// HTTP door for /metrics, /live and /ready.
    #[arg(long, env = "ELIXIRSCOPE_AGENT_HTTP", default_value = "127.0.0.1:7482")]
    http: SocketAddr,
    /// Name of this agent, for people.
    #[arg(long, env = "ELIXIRSCOPE_NAME", default_value = "agent")]
    name: String,
    /// User ids of BEAM nodes that may connect, beside this process's own and root.
    #[arg(long, env = "ELIXIRSCOPE_ALLOWED_UIDS", value_delimiter = ',')]
    allowed_uids: Vec<u32>,
    /// Bytes of the spool beyond which nodes must wait.
    #[arg(long, env = "ELIXIRSCOPE_SPOOL_BYTES", default_value_t = AgentConfig::SPOOL_BYTES_MAX)]
    spool_bytes: u64,
    /// How far the agent steps back for the nodes that it runs beside: its nice value (0: not at all).
    #[arg(long, env = "ELIXIRSCOPE_NICE", default_value_t = 10, value_parser = clap::value_parser!(i32).range(0..=19))]
    nice: i32,
    #[command(flatten)]
    tokens: TokensArg,
    #[command(flatten)]
    log: up::LogArgs,
    #[command(flatten)]
    _config: ConfigArg,
}

/// How often the connection is looked at for readiness.
const LOOK: Duration = Duration::from_millis(200);

/// How often is looked for a certificate that is not there yet.
const AGAIN: Duration = Duration::from_secs(1);
/// What an agent needs.
const FILES: [&str; 3] = ["ca.pem", "agent.pem", "agent.key"];

/// Runs an agent until it is told to stop.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    args.log.init()?;
    // Before there are threads: those that are started later inherit it.
    if let Err(error) = agent::step_back(args.nice) {
        tracing::warn!(%error, nice = args.nice, "the priority stays as it is");
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> Result<ExitCode> {
    let registry = Registry::new();
    let tasks = Tasks::new(&registry)?;
    let readiness = Readiness::new();
    let access = args.tokens.access(&registry)?;
    access.follow(&tasks)?;
    let gate = Gate::new(access, HttpDoors);
    let http = HttpServer::behind(
        gate,
        args.http,
        Routes::default(),
        registry.clone(),
        readiness.clone(),
    )
    .await?;
    let mut http = Some(http);
    if !args.tls.is_dir() {
        bail!(
            "there is no folder {} with ca.pem, agent.pem and agent.key",
            args.tls.display()
        );
    }
    if missing(&args.tls).is_some() {
        // Whoever looks after it sees that it lives, and what it waits for.
        if let Some(http) = http.take() {
            process::serve_http(&tasks, http)?;
        }
        if !certificate_came(&args.tls, &readiness).await? {
            tasks.shutdown(up::STOP).await;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let identity = Identity::from_dir(&args.tls, Role::Agent)
        .with_context(|| format!("no agent certificate in {}", args.tls.display()))?;
    let certificates = Certificates::new(args.tls.clone(), false, &registry)?;
    let config = AgentConfig {
        name: args.name,
        socket_path: args.socket.unwrap_or_else(up::default_socket),
        data_dir: args.data,
        collectors: args.collector,
        server_name: args.server_name,
        identity,
        allowed_uids: args.allowed_uids,
        spool_bytes_max: args.spool_bytes,
        flush: AgentConfig::FLUSH,
    };
    let handle = Agent::start(config, &tasks, &registry, Arc::new(host::now))?;
    certificates.used_by(Role::Agent, Shows::Client(handle.client()))?;
    certificates.follow(&tasks)?;
    watch(&handle, &tasks, &readiness)?;
    if let Some(http) = http {
        process::serve_http(&tasks, http)?;
    }
    let signal = host::stop_signal().await?;
    tracing::info!(signal, "stopping");
    tasks.shutdown(up::STOP).await;
    Ok(ExitCode::SUCCESS)
}

/// The first file that is not there.
fn missing(tls: &Path) -> Option<PathBuf> {
    let mut files = FILES.into_iter().map(|file| tls.join(file));
    files.find(|file| !file.exists())
}

/// Waits for the agent's certificate: it is started beside an application, which files that come late must not hold up. `false`: it was told
/// to stop meanwhile.
async fn certificate_came(tls: &Path, readiness: &Readiness) -> Result<bool> {
    let check = readiness.check("certificate");
    let mut stop = std::pin::pin!(host::stop_signal());
    tracing::warn!(tls = %tls.display(), files = ?FILES, "waits for its certificate");
    while let Some(file) = missing(tls) {
        check.fail(format!("there is no {} yet", file.display()));
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            signal = stop.as_mut() => {
                tracing::info!(signal = signal?, "stopped before it had a certificate");
                return Ok(false);
            }
        }
    }
    check.pass();
    Ok(true)
}

/// Keeps the readiness check `collector` in step with the connection.
pub(crate) fn watch(handle: &AgentHandle, tasks: &Tasks, readiness: &Readiness) -> Result<()> {
    let check = readiness.check("agent_connected");
    let handle = handle.clone();
    process::look_every(tasks, LOOK, move || {
        if handle.is_connected() {
            check.pass();
        } else {
            check.fail("not connected to a collector");
        }
    })
}
