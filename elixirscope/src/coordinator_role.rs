//! `elixirscope coordinator`: a coordinator alone, one of three or five.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use coordinator::state::Role as MemberRole;
use coordinator::{Coordinator, CoordinatorConfig, Neighbours, NewMember};
use host::access::{Gate, Routes};
use host::{HttpServer, Readiness, Registry, Tasks};
use transport::{Identity, Role};

use crate::doors::{HttpDoors, TokensArg};
use crate::{process, up};

/// Arguments of `coordinator`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Data folder; made if missing. A wiped one is another member.
    #[arg(long, env = "ELIXIRSCOPE_DATA", default_value = "elixirscope-coordinator")]
    data: PathBuf,
    /// HTTP door: API, metrics, health (TCP).
    #[arg(long, env = "ELIXIRSCOPE_HTTP", default_value = "127.0.0.1:7480")]
    http: SocketAddr,
    /// QUIC door for other members (UDP).
    #[arg(long, env = "ELIXIRSCOPE_QUIC", default_value = "127.0.0.1:7481")]
    quic: SocketAddr,
    /// `host:port` under which other members reach the QUIC door; without it, the door's own address.
    #[arg(long, env = "ELIXIRSCOPE_ADVERTISE")]
    advertise: Option<String>,
    /// `host:port` of members of the cluster to join. Without it an empty data folder founds a cluster.
    #[arg(long, env = "ELIXIRSCOPE_JOIN", value_delimiter = ',')]
    join: Vec<String>,
    /// Folder with ca.pem, member.pem and member.key, of one authority in the whole cluster. Without it `tls` in the data folder, with an
    /// authority made for development: members on other machines need a copy of that folder.
    #[arg(long, env = "ELIXIRSCOPE_TLS")]
    tls: Option<PathBuf>,
    /// Name that the certificates of all members carry.
    #[arg(long, env = "ELIXIRSCOPE_SERVER_NAME", default_value = transport::tls::DEV_SERVER_NAME)]
    server_name: String,
    /// Name of this member, for people.
    #[arg(long, env = "ELIXIRSCOPE_NAME", default_value = "coordinator")]
    name: String,
    /// Failure domain of this member.
    #[arg(long, env = "ELIXIRSCOPE_ZONE", default_value = "")]
    zone: String,
    /// Virtual shards of a new cluster; fixed for ever.
    #[arg(long, env = "ELIXIRSCOPE_SHARDS", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    shards: u16,
    #[command(flatten)]
    tokens: TokensArg,
    #[command(flatten)]
    log: up::LogArgs,
}

/// How often the group is looked at for readiness.
const LOOK: Duration = Duration::from_millis(200);

/// Runs a coordinator until it is told to stop.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    args.log.init()?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> Result<ExitCode> {
    up::make_private(&args.data)
        .with_context(|| format!("cannot make the data folder {}", args.data.display()))?;
    let registry = Registry::new();
    let tasks = Tasks::new(&registry)?;
    let readiness = Readiness::new();
    let access = args.tokens.access(&registry)?;
    access.may_listen("HTTP", args.http)?;
    access.follow(&tasks)?;
    let config = config(&args, &registry)?;
    let coordinator = tokio::select! {
        started = Coordinator::start(config) => started?,
        signal = host::stop_signal() => {
            tracing::info!(signal = signal?, "stopped before it had a cluster");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let routes = Router::new().nest("/api/v1", coordinator::http::router(coordinator.clone()));
    // What it tells are names, addresses and versions: nothing that was captured.
    let routes = Routes {
        full: routes.clone(),
        redacted: routes,
    };
    let gate = Gate::new(access, HttpDoors);
    let http = HttpServer::behind(gate, args.http, routes, registry, readiness.clone()).await?;
    tracing::info!(http = %http.local_addr(), quic = ?coordinator.local_addr(), "coordinator serves");
    let check = readiness.check("coordinator");
    let looked_at = coordinator.clone();
    process::look_every(&tasks, LOOK, move || {
        process::check_coordinator(&check, &looked_at);
    })?;
    process::serve_http(&tasks, http)?;
    let signal = host::stop_signal().await?;
    tracing::info!(signal, "stopping");
    tasks.shutdown(up::STOP).await;
    coordinator.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn config(args: &Args, registry: &Registry) -> Result<CoordinatorConfig> {
    let tls = if let Some(tls) = &args.tls {
        tls.clone()
    } else {
        let tls = args.data.join("tls");
        transport::tls::dev_ca(&tls)?;
        tls
    };
    let identity = Identity::from_dir(&tls, Role::Member)
        .context("--tls must name a folder with ca.pem, member.pem and member.key")?;
    let advertise = args.advertise.clone().unwrap_or_else(|| args.quic.to_string());
    if args.advertise.is_none() && args.quic.ip().is_unspecified() {
        anyhow::bail!(
            "--quic {} says on which address to listen, not under which others reach it: add --advertise HOST:PORT",
            args.quic
        );
    }
    let member = NewMember {
        name: args.name.clone(),
        addresses: vec![format!("http://{}", args.http), format!("quic://{advertise}")],
        roles: BTreeSet::from([MemberRole::Coordinator]),
        zone: args.zone.clone(),
    };
    Ok(CoordinatorConfig {
        registry: registry.clone(),
        shards: args.shards,
        neighbours: Some(Neighbours {
            listen: args.quic,
            advertise,
            identity,
            server_name: args.server_name.clone(),
            join: args.join.clone(),
        }),
        ..CoordinatorConfig::new(args.data.join("coordinator"), member)
    })
}
