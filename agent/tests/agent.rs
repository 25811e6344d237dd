//! An agent between real sockets: nodes on one side, a collector on the other.

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

use agent::{AgentConfig, AgentDrop};
use event::{DropReason, EventKind};
use support::collector::Memory;
use support::running::start;
use support::{Collector, Node, config, socket, until};
use wire::control::AgentMessage;
use wire::node_socket::{Module, ModulesOp, NodeMessage};

/// Scenario: two nodes, shapes, definitions, modules. Guarantee: everything reaches the collector once, is
/// acknowledged, and the conservation law holds in the numbers that are scraped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_node_to_collector() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let memory = Arc::clone(&collector.memory);
    let agent = start(config(dir.path(), collector.addr()));
    let mut one = Node::connect(&socket(dir.path()), 1).await;
    let mut two = Node::connect(&socket(dir.path()), 2).await;
    one.send(&NodeMessage::Define(&[1, 2, 3])).await.unwrap();
    let modules = vec![Module {
        version: event::ModuleVersion(7),
        name: "Elixir.A".into(),
    }];
    one.send(&NodeMessage::Modules {
        op: ModulesOp::Snapshot,
        time: event::Micros(1),
        modules,
    })
    .await
    .unwrap();
    for n in 0..10 {
        one.chunk(n * 100 + 1..=n * 100 + 100, &[]).await.unwrap();
        two.chunk(n * 100 + 5001..=n * 100 + 5100, b"payload")
            .await
            .unwrap();
    }
    one.until_stored(1000).await;
    two.until_stored(6000).await;
    until("all acknowledged", || agent.handle.ledger().acked >= 2000).await;
    let expected: Vec<u64> = (1..=1000).chain(5001..=6000).collect();
    assert_eq!(memory.ids(), expected);
    assert!(memory.events().iter().any(|e| e.payload == b"payload"));
    until("described", || memory.described.lock().len() >= 4).await;
    let described = memory.described.lock().clone();
    let of = |f: fn(&AgentMessage) -> bool| described.iter().filter(|m| f(m)).count();
    assert_eq!(of(|m| matches!(m, AgentMessage::Node { .. })), 2);
    assert_eq!(
        of(|m| matches!(m, AgentMessage::Define { table, .. } if table == &[1, 2, 3])),
        1
    );
    assert_eq!(of(|m| matches!(m, AgentMessage::Modules { .. })), 1);
    let ledger = agent.handle.ledger();
    assert!(ledger.is_balanced());
    assert_eq!(
        (ledger.received, ledger.acked, ledger.spooled, ledger.in_flight),
        (2000, 2000, 0, 0)
    );
    assert!(agent.metric("elixirscope_agent_events_total{state=\"acked\"} 2000"));
    assert!(agent.metric("elixirscope_agent_node_events{node=\"n1@h\",state=\"emitted\"} 1000"));
    agent.stop().await;
}

/// Scenario: no collector; events stored; the agent restarts twice; then a collector appears.
/// Guarantee: the node's numbers are remembered, and each event arrives once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restart_and_resend() {
    let dir = tempfile::tempdir().unwrap();
    let tls = dir.path().join("tls");
    let memory = Arc::<Memory>::default();
    memory.silent.store(true, Ordering::SeqCst);
    let collector = Collector::start(&tls, None, Arc::clone(&memory));
    let addr = collector.addr();
    let agent = start(config(dir.path(), addr));
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    node.chunk(1..=50, &[]).await.unwrap();
    node.until_stored(50).await;
    until("sent once", || agent.handle.ledger().in_flight > 0).await;
    collector.stop().await;
    agent.stop().await;
    assert!(!socket(dir.path()).exists(), "a stopped agent removes its socket");

    let agent = start(config(dir.path(), addr));
    assert!(agent.handle.ledger().recovered >= 50);
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    assert_eq!(node.stored(), 50);
    node.chunk(1..=50, &[]).await.unwrap();
    node.chunk(51..=60, &[]).await.unwrap();
    node.until_stored(60).await;
    memory.silent.store(false, Ordering::SeqCst);
    let collector = Collector::start(&tls, Some(addr), Arc::clone(&memory));
    until("all acknowledged", || {
        agent.handle.ledger().spooled + agent.handle.ledger().in_flight == 0
    })
    .await;
    assert_eq!(memory.ids(), (1..=60).collect::<Vec<_>>());
    assert!(agent.handle.ledger().is_balanced());
    agent.stop().await;
    collector.stop().await;
}

/// Scenario: a collector that never acknowledges, and little space. Guarantee: the node is made to wait, nothing is
/// dropped, and everything goes on when the collector works again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_pressure() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let memory = Arc::clone(&collector.memory);
    memory.silent.store(true, Ordering::SeqCst);
    let agent = start(AgentConfig {
        spool_bytes_max: 1 << 20,
        ..config(dir.path(), collector.addr())
    });
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    let noise: Vec<u8> = (0..60_000_u32)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(60_000)
        .collect();
    let sender = tokio::spawn(async move {
        for n in 0..40_u64 {
            node.chunk(n * 10 + 1..=n * 10 + 10, &noise).await.unwrap();
        }
        node.until_stored(400).await;
    });
    until("full", || agent.metric("elixirscope_agent_backpressure 1")).await;
    assert!(!sender.is_finished());
    assert!(
        agent.handle.spool_bytes() < 4 << 20,
        "{}",
        agent.handle.spool_bytes()
    );
    memory.silent.store(false, Ordering::SeqCst);
    for connection in memory.connections.lock().drain(..) {
        connection.close(0, "again");
    }
    tokio::time::timeout(Duration::from_mins(1), sender)
        .await
        .expect("within 60 s")
        .unwrap();
    until("all acknowledged", || agent.handle.ledger().acked >= 400).await;
    assert_eq!(memory.ids(), (1..=400).collect::<Vec<_>>());
    assert!(agent.handle.ledger().is_balanced());
    agent.stop().await;
}

/// Scenario: a batch is rejected for ever, another throttled. Guarantee: a gap is reported with the count, the frame
/// is kept aside, the ledger says so, the rest goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_and_throttled() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let memory = Arc::clone(&collector.memory);
    let agent = start(config(dir.path(), collector.addr()));
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    memory.reject_next.store(true, Ordering::SeqCst);
    memory.throttle_next.store(true, Ordering::SeqCst);
    node.chunk(1..=40, &[]).await.unwrap();
    node.until_stored(40).await;
    until("gap", || memory.gaps.lock().len() == 1).await;
    node.chunk(41..=80, &[]).await.unwrap();
    until("closed", || {
        let l = agent.handle.ledger();
        l.received >= 80 && l.spooled + l.in_flight == 0
    })
    .await;
    let ledger = agent.handle.ledger();
    let dropped = ledger.dropped[AgentDrop::Rejected as usize];
    assert!(ledger.is_balanced() && dropped > 0);
    assert_eq!(memory.gaps.lock().values().sum::<u64>(), dropped);
    assert_eq!(memory.ids().len() as u64, 80 - dropped);
    until("kept", || {
        std::fs::read_dir(dir.path().join("agent/dead-letter")).is_ok_and(|d| d.count() == 1)
    })
    .await;
    agent.stop().await;
}

/// Scenario: a node reports drops, twice, and goes. Guarantee: loss events with the differences; its end is recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_are_events() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let memory = Arc::clone(&collector.memory);
    let agent = start(config(dir.path(), collector.addr()));
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    node.chunk_with(1..=2, &[], [3, 0, 0, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    node.chunk_with(6..=7, &[], [5, 0, 0, 1, 0, 0, 0, 0])
        .await
        .unwrap();
    node.until_stored(7).await;
    drop(node);
    let count = |kind: EventKind| memory.events().iter().filter(|e| e.kind == kind).count();
    until("node down", || count(EventKind::NodeDown) == 1).await;
    until("losses", || count(EventKind::Loss) >= 2).await;
    let mut lost = [0; 9];
    for event in memory.events().iter().filter(|e| e.kind == EventKind::Loss) {
        lost[usize::from(event.payload[0])] += u64::from_le_bytes(event.payload[1..9].try_into().unwrap());
    }
    assert_eq!(lost[usize::from(DropReason::RingFull.code())], 5);
    assert_eq!(lost[usize::from(DropReason::AgentAbsent.code())], 1);
    assert_eq!(lost.iter().sum::<u64>(), 6);
    agent.stop().await;
}

/// Scenario: a node connects again at once, twice; then it goes. Guarantee: it is down once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_back_is_no_end() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let memory = Arc::clone(&collector.memory);
    let agent = start(config(dir.path(), collector.addr()));
    for n in 1..=3 {
        let mut node = Node::connect(&socket(dir.path()), 1).await;
        node.chunk(n..=n, &[]).await.unwrap();
        node.until_stored(n).await;
    }
    let mut other = Node::connect(&socket(dir.path()), 2).await;
    let downs = || {
        let events = memory.events();
        events.iter().filter(|e| e.kind == EventKind::NodeDown).count()
    };
    until("node down", || downs() > 0).await;
    other.chunk(4..=4, &[]).await.unwrap();
    other.until_stored(4).await;
    until("the rest", || memory.ids().len() == 4).await;
    assert_eq!(downs(), 1);
    agent.stop().await;
}
