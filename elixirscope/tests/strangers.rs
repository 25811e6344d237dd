//! Those who only knock, by the thousand, at all doors of a member; and a member whose disk is full beside two that have room.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    clippy::too_many_lines,
    unreachable_pub,
    dead_code,
    reason = "tests"
)]

#[path = "../../agent/tests/support/node.rs"]
mod node;

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use node::Node;
use serde_json::Value;
use testbed::{AgentOptions, Bed, Child, Disk, wait_for};

const SOON: Duration = Duration::from_mins(1);

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_elixirscope"))
}

/// File descriptors of a process, and its resident memory in KiB.
fn holds(child: &Child) -> Result<(usize, u64)> {
    let proc = format!("/proc/{}", child.pid());
    let files = std::fs::read_dir(format!("{proc}/fd"))?.count();
    let status = std::fs::read_to_string(format!("{proc}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = kib
        .and_then(|text| text.trim().strip_suffix(" kB"))
        .context("no VmRSS")?;
    Ok((files, kib.trim().parse()?))
}

/// Scenario: at a member's QUIC door two thousand handshakes whose answers nobody hears; at its HTTP door and both OTLP doors 1,500 connections
/// each that say nothing. Guarantee: handshakes beyond the threshold are told to prove their address, connections beyond the places are closed, all
/// counted; file descriptors and memory stay within their bounds; meanwhile an agent's certificate gets in, and the HTTP door answers.
#[test]
fn those_who_only_knock() -> Result<()> {
    let bed = Bed::new(program())?;
    let member = bed.up(false, &[])?;
    let output = member.output();
    let otlp = output
        .split("otlp=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let otlp: Vec<&str> = otlp.context("no OTLP addresses in the log")?.split(' ').collect();
    let http = bed.door().url.trim_start_matches("http://").to_owned();
    let (files, kib) = holds(&member)?;
    let tls = bed.path().join("data/tls");
    let agent = transport::Identity::from_dir(&tls, transport::Role::Agent)?;
    let (name, quic) = (transport::tls::DEV_SERVER_NAME, bed.quic_address());
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let relay = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
        let (deaf, target) = (relay.local_addr()?, quic.parse::<std::net::SocketAddr>()?);
        // Whoever gives up says so, which would end the member's side of the handshake: that goes astray too.
        let silent_from = std::time::Instant::now() + Duration::from_secs(3);
        let relays = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((n, from)) = relay.recv_from(&mut buffer).await {
                if from != target && std::time::Instant::now() < silent_from {
                    let _ = relay.send_to(&buffer[..n], target).await;
                }
            }
        });
        let client = Arc::new(transport::Client::new(&agent)?);
        let attempts: Vec<_> = (0..2_000)
            .map(|_| {
                let client = Arc::clone(&client);
                tokio::spawn(async move { client.connect(deaf, name).await.map(drop) })
            })
            .collect();
        let refused = |reason: &str| {
            let door = bed.door();
            let label = format!("reason=\"{reason}\"");
            move || {
                Ok(
                    (door.metric("elixirscope_collector_connections_refused", &[&label])? >= 1.0)
                        .then_some(()),
                )
            }
        };
        let unproven = refused("address_unproven");
        tokio::task::block_in_place(|| wait_for("addresses must prove themselves", SOON, unproven))?;
        let connection = transport::Client::new(&agent)?.connect(target, name).await?;
        assert!(connection.is_open());
        let given_up = refused("handshake_timeout");
        tokio::task::block_in_place(|| wait_for("handshakes are given up", SOON, given_up))?;
        for attempt in attempts {
            assert!(attempt.await?.is_err(), "nobody heard the answers");
        }
        relays.abort();
        anyhow::Ok(())
    })?;
    let mut silent = Vec::new();
    for address in [http.as_str(), otlp[0], otlp[1]] {
        for _ in 0..1_500 {
            silent.push(TcpStream::connect(address)?);
        }
    }
    let full = || Ok(bed.door().ready().then_some(()));
    wait_for("the HTTP door answers again", SOON, full)?;
    let refused = bed
        .door()
        .metric("elixirscope_http_connections_refused_total", &["reason=\"full\""])?;
    assert!(refused >= 400.0, "{refused} of 1,500 were refused");
    let (files_then, kib_then) = holds(&member)?;
    assert!(
        files_then < files + 4_096 + 1_024 + 64,
        "{files_then} file descriptors, {files} before"
    );
    assert!(kib_then < kib + (256 << 10), "{kib_then} KiB, {kib} before");
    drop(silent);
    wait_for("the file descriptors are free again", SOON, || {
        Ok((holds(&member)?.0 < files + 64).then_some(()))
    })?;
    Ok(())
}

/// Scenario: three members with three copies of each shard, one of them on a small disk that something else fills; events come through an agent;
/// then there is room again. Guarantee: events are acknowledged by the two others all the time; the full one says on `/ready` why it writes
/// nothing; with room again it gets what it missed: all three have all events, once.
#[test]
#[ignore = "takes a minute"]
fn one_disk_is_full() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let disk = Disk::in_memory(&folder.path().join("disk"), 700 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return Ok(());
    };
    let port = || -> Result<u16> { Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
    let beds = [
        Bed::new(program())?,
        Bed::new(program())?,
        Bed::kept(program(), &disk.path().join("bed"), port()?, port()?)?,
    ];
    let tls = beds[0].path().join("data/tls");
    let first = beds[0].up(false, &["--no-otlp", "--replicas", "3"])?;
    let through = beds[0].quic_address();
    let join = ["--no-otlp", "--join", &through, "--tls", tls.to_str().unwrap()];
    let others = [beds[1].up(false, &join)?, beds[2].up(false, &join)?];
    wait_for("three copies of each shard", SOON, || {
        let map = beds[0].door().json("/api/v1/cluster/map")?;
        let shards = map["shards"].as_array().context("no shards")?.clone();
        let three =
            |s: &Value| s["holders"].as_array().is_some_and(|of| of.len() == 3) && s["moves_to"].is_null();
        Ok((!shards.is_empty() && shards.iter().all(three)).then_some(()))
    })?;
    let _agent = beds[0].agent(&AgentOptions::default())?;
    let socket = beds[0].socket();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut node = runtime.block_on(Node::connect(&socket, 1));
    let mut next = 1;
    let mut send = |chunks: u64| {
        runtime.block_on(async {
            for _ in 0..chunks {
                node.chunk(next..=next + 49, &[7; 64]).await.unwrap();
                next += 50;
                node.until_stored(next - 1).await;
            }
        });
        next - 1
    };
    send(20);
    let filler = disk.path().join("filler");
    let mut room = vec![0_u8; 1 << 20];
    room.fill(1);
    {
        use std::io::Write as _;
        let mut file = std::fs::File::create(&filler)?;
        while file.write_all(&room).is_ok() {}
    }
    let acked = |at_least: u64| {
        wait_for("everything is acknowledged", SOON, || {
            let held = |state: &str| {
                let label = format!("state=\"{state}\"");
                beds[0]
                    .agent_door()
                    .metric("elixirscope_agent_events_total", &[&label])
            };
            let pending = held("spooled")? + held("in_flight")?;
            let stored = beds[0]
                .door()
                .metric("elixirscope_store_totals", &["what=\"events\""])?;
            Ok((pending == 0.0 && stored >= at_least as f64).then_some(()))
        })
    };
    let sent = send(60);
    acked(sent)?;
    wait_for("the full one says so", SOON, || {
        Ok((!beds[2].door().ready()).then_some(()))
    })?;
    let sent = send(20);
    acked(sent)?;
    std::fs::remove_file(&filler)?;
    wait_for("the full one is ready again", SOON, || {
        Ok(beds[2].door().ready().then_some(()))
    })?;
    let healed = wait_for("all three have all", Duration::from_mins(2), || {
        let audit = beds[0].door().json("/api/v1/audit")?;
        let whole = |of: &Value| of["events"] == sent && of["duplicates"] == 0 && of["missing_batches"] == 0;
        let others = audit["others"].as_array().context("no others")?;
        Ok((whole(&audit) && others.len() == 2 && others.iter().all(whole)).then_some(()))
    });
    healed.with_context(|| {
        format!(
            "{sent} events were sent: {:?}",
            beds[0].door().json("/api/v1/audit")
        )
    })?;
    drop((first, others));
    Ok(())
}
