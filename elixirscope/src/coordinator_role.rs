//! `elixirscope coordinator`: a coordinator alone, one of three or five.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use host::access::{Gate, Routes};
use host::{HttpServer, Readiness, Registry, Tasks};

use crate::doors::{self, HttpDoors};
use crate::member_args::{Kind, Member, MemberArgs, NewClusterArgs};
use crate::{process, up};

/// Arguments of `coordinator`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    member: MemberArgs,
    #[command(flatten)]
    new: NewClusterArgs,
}

/// How often the group is looked at for readiness.
const LOOK: Duration = Duration::from_millis(200);

/// Runs a coordinator until it is told to stop.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    args.member.log.init()?;
    process::raise_files();
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> Result<ExitCode> {
    let registry = Registry::new();
    let tasks = Tasks::new(&registry)?;
    let readiness = Readiness::new();
    let access = args.member.tokens.access(&registry)?;
    access.may_listen("HTTP", args.member.http)?;
    access.follow(&tasks)?;
    let Member {
        door,
        coordinator,
        certificates,
        ..
    } = args.member.open(Kind::Coordinator, Some(&args.new), &registry)?;
    certificates.follow(&tasks)?;
    let Some(coordinator) = process::start_coordinator(coordinator).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let routes = Router::new().nest("/api/v1", doors::control(coordinator.clone()));
    // What it tells are names, addresses and versions: nothing that was captured.
    let routes = Routes {
        full: routes.clone(),
        redacted: routes,
    };
    let gate = Gate::new(access, HttpDoors);
    let http = HttpServer::behind(gate, args.member.http, routes, registry, readiness.clone()).await?;
    tracing::info!(http = %http.local_addr(), quic = %door.local_addr(), "coordinator serves");
    let check = readiness.check("coordinator");
    let looked_at = coordinator.clone();
    process::look_every(&tasks, LOOK, move || {
        process::check_coordinator(&check, &looked_at, true);
    })?;
    process::serve_http(&tasks, http)?;
    let signal = host::stop_signal().await?;
    tracing::info!(signal, "stopping");
    tasks.shutdown(up::STOP).await;
    coordinator.shutdown().await;
    door.close().await;
    Ok(ExitCode::SUCCESS)
}
