//! A member that collects, from its start to its end: what it is made of, in which order that starts, and how it ends when a part of it fails.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent::{Agent, AgentConfig};
use anyhow::{Context, Result};
use collector::CollectorHandle;
use coordinator::Coordinator;
use host::access::{Access, Gate};
use host::metrics::Exposition;
use host::{HttpServer, Readiness, Registry, Tasks};
use transport::{Client, Identity, Role, Ways};

use crate::agent_role;
use crate::certificates::{Certificates, Shows};
use crate::doors::HttpDoors;
use crate::export;
use crate::member::Door;
use crate::member_args::{Kind, Member};
use crate::process;
use crate::routes::routes;
use crate::up::{AgentArgs, Parts, STOP, default_socket};

/// Runs a member that collects until it is told to stop.
pub(crate) async fn serve(parts: Parts) -> Result<ExitCode> {
    let registry = Registry::new();
    let tasks = Tasks::new(&registry)?;
    let access = parts.member.tokens.access(&registry)?;
    // All addresses, before anything is opened, so that a wrong one is said at once.
    access.may_listen("HTTP", parts.member.http)?;
    parts.collecting.may_listen(&access)?;
    access.follow(&tasks)?;
    let Member {
        data,
        tls,
        name,
        door,
        ways,
        coordinator,
        certificates,
    } = parts.member.open(parts.kind, parts.new.as_ref(), &registry)?;
    certificates.follow(&tasks)?;
    let Some(coordinator) = process::start_coordinator(coordinator).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    // Whatever fails from here on: threads of the stores end before the process does, or its exit may pull the ground from under them.
    let opened = Opened {
        data,
        tls,
        name,
        door: &door,
        ways,
        certificates,
        coordinator: &coordinator,
        tasks: &tasks,
        access,
        registry,
    };
    let served = collect(&parts, opened).await;
    tasks.shutdown(STOP).await;
    coordinator.shutdown().await;
    door.close().await;
    served.map(|()| ExitCode::SUCCESS)
}

/// What there is before the collector.
struct Opened<'o> {
    data: PathBuf,
    tls: PathBuf,
    name: String,
    door: &'o Door,
    ways: Ways,
    certificates: Certificates,
    coordinator: &'o Coordinator,
    tasks: &'o Tasks,
    access: Access,
    registry: Registry,
}

/// Collects until the process is told to stop, or something fails.
async fn collect(parts: &Parts, mut opened: Opened<'_>) -> Result<()> {
    let ways = std::mem::replace(&mut opened.ways, Ways::alone());
    let collector = parts
        .collecting
        .start(
            &opened.data,
            (opened.door, ways),
            opened.coordinator,
            &opened.access,
            &opened.registry,
        )
        .await?;
    opened.door.collects(collector.clone());
    let exporter = export::start(
        &parts.collecting.export,
        &opened.data,
        opened.coordinator,
        &collector,
        &opened.registry,
    );
    let tasks = opened.tasks;
    let served = match &exporter {
        Ok(_) => answer(parts, opened, &collector).await,
        Err(_) => Ok(()),
    };
    tasks.shutdown(STOP).await;
    let stopped = match exporter {
        Ok(Some(exporter)) => tokio::task::spawn_blocking(move || exporter.stop())
            .await
            .map_err(Into::into),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    collector.shutdown().await;
    served.and(stopped)
}

/// Opens the doors for questions, and waits for a signal.
async fn answer(parts: &Parts, opened: Opened<'_>, collector: &CollectorHandle) -> Result<()> {
    let Opened {
        data,
        tls,
        name,
        door,
        certificates,
        coordinator,
        tasks,
        access,
        registry,
        ..
    } = opened;
    let readiness = Readiness::new();
    let agent = match &parts.agent {
        None => None,
        Some(agent) => {
            let config = agent_config(agent, &parts.member.server_name, &name, &data, &tls, door)?;
            let agent = Agent::start(config, tasks, &registry, Arc::new(host::now))?;
            certificates.used_by(Role::Agent, Shows::Client(agent.client()))?;
            Some(agent)
        }
    };
    let socket = parts.agent.as_ref().and_then(|a| a.socket.clone());
    // A pool of its own: answers that are long do not delay heartbeats.
    let client = Arc::new(Client::new(&Identity::from_dir(&tls, Role::Member)?)?);
    certificates.used_by(Role::Member, Shows::Client(Arc::clone(&client)))?;
    let ways = Ways::new(client, parts.member.server_name.clone());
    let shards = collector.shards(ways, &registry)?;
    let shown = (shards, certificates, door.receive_buffer_bytes());
    let routes = routes(socket, coordinator, collector, shown, agent.clone(), &access);
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
    watch((coordinator, agrees), collector, tasks, &readiness)?;
    if let Some(agent) = &agent {
        agent_role::watch(agent, tasks, &readiness)?;
    }
    process::serve_http(tasks, http)?;
    let signal = host::stop_signal().await?;
    tracing::info!(signal, "stopping");
    Ok(())
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

/// A member that came back and could not compare what it holds with others for so long is ready all the same.
const CAUGHT_UP_WITHIN: Duration = Duration::from_mins(2);
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
    let (copies, started) = (readiness.check("copies"), Instant::now());
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
        let behind = format!(
            "{} shards were not compared with other members since this one started: it may lack what came while it was away",
            adopted.uncompared
        );
        match adopted.uncompared {
            0 => copies.pass(),
            // Nobody is there to compare with: that is no reason to be away as well.
            _ if started.elapsed() >= CAUGHT_UP_WITHIN => copies.remark(behind),
            _ => copies.fail(behind),
        }
    };
    look();
    process::look_every(tasks, LOOK, look)
}
