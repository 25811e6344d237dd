//! An agent that does everything right.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Epoch, Hlc, Micros, NodeInfo, NodeKey, Seq, Shard, TraceId};
use std::sync::atomic::Ordering;
use support::{House, builder, event_at, frame, trace_in};
use wire::control::{AgentMessage, CollectorMessage, ErrorCode, ModulesOp, NodeDescription};
use wire::frame::Compression;

/// Scenario: frames of several shards; restart; the same frames again. Guarantee: each is acknowledged, what is acknowledged is in
/// the store, and nothing is there twice.
#[tokio::test(flavor = "multi_thread")]
async fn frames_are_acknowledged_and_there() {
    let house = House::start().await;
    let mut agent = house.agent().await;
    let ok = agent.ok.clone().unwrap();
    assert_eq!(
        (ok.cluster, ok.shards, ok.bucket_seconds, ok.max_offset_ms),
        (77, 8, 600, 500)
    );
    let frames: Vec<_> = (0..8)
        .flat_map(|shard| (1..=5).map(move |seq| frame(shard, seq)))
        .collect();
    for f in &frames {
        agent.send(f).await;
    }
    let acks = agent.acked(40).await;
    assert!(
        acks.iter()
            .all(|r| r.epoch == Epoch(3) && r.first.0 >= 1 && r.last.0 <= 5)
    );
    let dir = house.stop().await;
    let house = House::start_in(dir).await;
    let mut agent = house.agent().await;
    for f in &frames {
        agent.send(f).await;
    }
    agent.acked(40).await;
    let rows = house
        .collector
        .store()
        .trace_rows(TraceId(trace_in(3, 4)))
        .unwrap();
    assert_eq!(rows.events.len(), 2);
    assert_eq!((rows.events[0].0.seq, rows.events[0].0.shard), (Seq(4), Shard(3)));
    assert!(
        house
            .metrics()
            .contains("elixirscope_collector_batches_total{outcome=\"duplicate\"} 40")
    );
    house.stop().await;
}

/// Scenario: a site table, a node and modules, while the coordinator has no leader at first. Guarantee: each is recorded once, then NOTED.
#[tokio::test(flavor = "multi_thread")]
async fn descriptions_reach_the_control_plane() {
    let house = House::start().await;
    house.plane.unavailable.store(1, Ordering::SeqCst);
    let mut agent = house.agent().await;
    agent
        .say(&AgentMessage::Define {
            token: 11,
            table: b"table".to_vec(),
        })
        .await;
    let node = NodeInfo {
        key: NodeKey(5),
        creation: 2,
        name: "shop@host".into(),
    };
    let description = NodeDescription {
        node: node.clone(),
        vm_start: Micros(9),
        otp_release: "25".into(),
        elixir_version: "1.14.0".into(),
    };
    agent
        .say(&AgentMessage::Node {
            token: 12,
            description,
        })
        .await;
    let (op, time) = (ModulesOp::ALL[0], Micros(10));
    agent
        .say(&AgentMessage::Modules {
            token: 13,
            node: NodeKey(5),
            op,
            time,
            modules: vec![],
        })
        .await;
    for token in 11..=13 {
        assert_eq!(agent.hear().await, CollectorMessage::Noted(token));
    }
    assert_eq!(*house.plane.tables.lock().unwrap(), [b"table".to_vec()]);
    assert_eq!(house.plane.nodes.lock().unwrap()[0].node, node);
    assert_eq!(house.plane.modules.lock().unwrap()[0].node, NodeKey(5));
    house.stop().await;
}

/// Scenario: messages both ways between two nodes, one five minutes ahead. Guarantee: the clock error is in the metrics.
#[tokio::test(flavor = "multi_thread")]
async fn clock_errors_are_shown() {
    let house = House::start().await;
    let mut agent = house.agent().await;
    let (now, trace) = (host::now(), trace_in(0, 1));
    let five = 300_000_000;
    let caused = |to, from, at: u64, sent: u64| {
        let mut e = event_at(trace, Micros(at), to);
        (e.remote_node, e.remote_time) = (NodeKey(from), Micros(sent));
        e
    };
    let mut b = builder(now);
    let there = caused(2, 1, now.0 + five + 1000, now.0);
    let back = caused(1, 2, now.0 + 3000, now.0 + five + 2000);
    b.section(Shard(0), Seq(1), &[there, back]);
    agent.send(&b.finish(Compression::Zstd).unwrap()).await;
    agent.acked(1).await;
    let line = "elixirscope_clock_error_seconds{from=\"n1@host\",to=\"n2@host\"} 300";
    tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while !house.metrics().contains(line) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    house.stop().await;
}

/// Scenario: the collector is stopped while an agent is connected. Guarantee: the agent is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_said() {
    let house = House::start().await;
    let mut agent = house.agent().await;
    let collector = house.collector.clone();
    let stopping = tokio::spawn(async move { collector.shutdown().await });
    let CollectorMessage::Error { code, .. } = agent.hear().await else {
        panic!()
    };
    assert_eq!(code, ErrorCode::ShuttingDown);
    stopping.await.unwrap();
    assert!(house.collector.ready().is_err());
}

/// Scenario: the clock of an agent is a year ahead, in HELLO and in a frame. Guarantee: stored and counted; the collector's time is not dragged.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_year_ahead_drags_nothing() {
    let house = House::start().await;
    let year = Micros(host::now().0 + 31_536_000_000_000);
    let mut agent = house.agent().await;
    let trace = trace_in(0, 1);
    let mut b = builder(year);
    b.section(Shard(0), Seq(1), &[event_at(trace, year, 1)]);
    agent.send(&b.finish(Compression::Zstd).unwrap()).await;
    let CollectorMessage::Ack { hlc, .. } = agent.hear().await else {
        panic!()
    };
    assert!(hlc < Hlc::from_micros(Micros(host::now().0 + 2_000_000)));
    assert!(
        house
            .metrics()
            .contains("elixirscope_collector_hlc_ahead_total 1")
    );
    assert_eq!(
        house
            .collector
            .store()
            .trace_rows(TraceId(trace))
            .unwrap()
            .events
            .len(),
        1
    );
    house.stop().await;
}
