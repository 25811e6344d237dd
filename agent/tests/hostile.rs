//! Nodes, collectors and disks that do what they should not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use agent::{Agent, AgentConfig, AgentDrop, AgentError, DataDirError};
use host::{Registry, Tasks, metrics};
use support::running::start;
use support::{Collector, Node, config, socket, until};
use testbed::Disk;

/// Scenario: garbage, an oversized length, a chunk before HELLO. Guarantee: these connections are closed and counted;
/// another node is not disturbed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_nodes() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let agent = start(config(dir.path(), collector.addr()));
    let mut good = Node::connect(&socket(dir.path()), 1).await;
    for bytes in [
        &[0xff_u8; 40][..],
        &[0, 0, 0, 0],
        &[0, 0, 0, 5, 1, 2, 3, 4, 5],
        &[0, 0, 0, 1, 99],
    ] {
        let mut stream = tokio::net::UnixStream::connect(socket(dir.path())).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
    }
    until("counted", || {
        agent.metric("elixirscope_agent_refused_total{reason=\"framing\"} 2")
    })
    .await;
    until("counted", || {
        agent.metric("elixirscope_agent_refused_total{reason=\"decode\"} 2")
    })
    .await;
    good.chunk(1..=10, &[]).await.unwrap();
    good.until_stored(10).await;
    agent.stop().await;
}

/// Guarantee: two agents share neither a data folder nor a socket, and the errors say so.
#[tokio::test]
async fn two_agents() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(config(dir.path(), ([127, 0, 0, 1], 1).into()));
    let registry = Registry::new();
    let tasks = Tasks::new(&registry).unwrap();
    let again = config(dir.path(), ([127, 0, 0, 1], 1).into());
    let error = Agent::start(again.clone(), &tasks, &registry, Arc::new(host::now)).unwrap_err();
    assert!(
        matches!(error, AgentError::DataDir(DataDirError::InUse(_))),
        "{error}"
    );
    let other = AgentConfig {
        data_dir: dir.path().join("other"),
        ..again
    };
    let error = Agent::start(other, &tasks, &Registry::new(), Arc::new(host::now)).unwrap_err();
    assert!(error.to_string().contains("another agent listens"), "{error}");
    first.stop().await;
}

/// Scenario: one frame of many under way is not readable to the collector, which cannot say which one it is.
/// Guarantee: that one is given up, counted and reported; the others are stored once; nothing goes on for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_without_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let memory = Arc::clone(&collector.memory);
    memory.silent.store(true, Ordering::SeqCst);
    let agent = start(config(dir.path(), collector.addr()));
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    // Each is a frame of its own, and all are under way when the bad one comes.
    for n in 1..=9_u64 {
        node.chunk(n..=n, if n == 5 { b"unreadable" } else { b"good" })
            .await
            .unwrap();
        node.until_stored(n).await;
    }
    until("rejected", || memory.unreadable.load(Ordering::SeqCst) > 0).await;
    memory.silent.store(false, Ordering::SeqCst);
    for connection in memory.connections.lock().drain(..) {
        connection.close(0, "again");
    }
    until("closed", || {
        let ledger = agent.handle.ledger();
        ledger.received == 9 && ledger.spooled + ledger.in_flight == 0
    })
    .await;
    until("gap", || memory.gaps.lock().len() == 1).await;
    let ledger = agent.handle.ledger();
    assert_eq!(ledger.dropped[AgentDrop::Rejected as usize], 1);
    assert!(ledger.is_balanced());
    assert_eq!(memory.ids(), vec![1, 2, 3, 4, 6, 7, 8, 9]);
    assert_eq!(memory.gaps.lock().values().sum::<u64>(), 1);
    node.chunk(10..=10, &[]).await.unwrap();
    node.until_stored(10).await;
    until("goes on", || memory.ids().len() == 9).await;
    agent.stop().await;
}

/// Scenario: the disk of the spool gets full while a collector is silent; the agent restarts; then the collector
/// acknowledges. Guarantee: the agent lives and says why, confirms nothing that is not stored, and at the end each
/// event is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_memory(&dir.path().join("agent"), 2 << 10);
    let Ok(_disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let memory = Arc::clone(&collector.memory);
    memory.silent.store(true, Ordering::SeqCst);
    let config = config(dir.path(), collector.addr());
    let agent = start(config.clone());
    let noise: Vec<u8> = (0..50_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 ^ (i >> 7) as u8)
        .collect();
    let full = |agent: &support::running::Running| {
        let text = metrics::text(&agent.registry);
        let line = "elixirscope_agent_spool_errors_total{reason=\"full\"}";
        text.lines().any(|l| l.starts_with(line))
    };
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    let mut next = 1;
    while !full(&agent) {
        // With a full spool the agent takes no more: the chunk waits.
        tokio::select! {
            sent = node.chunk(next..=next, &noise) => assert!(sent.is_some(), "the agent lives"),
            () = until("full", || full(&agent)) => break,
        }
        next += 1;
        while let Ok(answer) = tokio::time::timeout(Duration::from_millis(1), node.answer()).await {
            answer.expect("the agent lives");
        }
    }
    until("full", || full(&agent)).await;
    let confirmed = node.stored();
    assert!(confirmed > 5 && confirmed < next, "{confirmed} of {next}");
    drop(node);
    agent.stop().await;

    let agent = start(config);
    assert!(agent.handle.ledger().recovered >= confirmed);
    memory.silent.store(false, Ordering::SeqCst);
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    assert!(node.stored() >= confirmed);
    for n in node.stored() + 1..=next + 40 {
        node.chunk(n..=n, &noise).await.unwrap();
    }
    node.until_stored(next + 40).await;
    until("all", || memory.ids().len() as u64 >= next + 40).await;
    assert_eq!(memory.ids(), (1..=next + 40).collect::<Vec<_>>());
    assert!(agent.handle.ledger().is_balanced());
    agent.stop().await;
}

/// Scenario: what was confirmed is damaged on the disk, then the file of the rest is deleted, while a collector is
/// silent. Guarantee: both are given up, counted and reported with their number; the agent goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_damaged_under_the_agent() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let memory = Arc::clone(&collector.memory);
    memory.silent.store(true, Ordering::SeqCst);
    let agent = start(config(dir.path(), collector.addr()));
    let lost = |wanted: u64| agent.handle.ledger().dropped[AgentDrop::SpoolCorrupt as usize] == wanted;
    let again = || {
        for connection in memory.connections.lock().drain(..) {
            connection.close(0, "again");
        }
    };
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    for round in 0..2_u64 {
        let (first, last) = (round * 10 + 1, round * 10 + 10);
        node.chunk(first..=last, &[]).await.unwrap();
        node.until_stored(last).await;
        until("sent", || agent.handle.ledger().in_flight >= 10).await;
        for file in std::fs::read_dir(dir.path().join("agent/spool")).unwrap() {
            let path = file.unwrap().path();
            if round == 0 {
                let mut bytes = std::fs::read(&path).unwrap();
                for byte in &mut bytes {
                    *byte ^= 0x55;
                }
                std::fs::write(path, bytes).unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
        }
        again();
        until("given up", || lost(last)).await;
    }
    assert!(agent.handle.ledger().is_balanced());
    agent.stop().await;
}
