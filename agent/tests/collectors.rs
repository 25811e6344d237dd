//! An agent and several collectors: it finds them, leaves those that are gone or hold nothing, and loses nothing on the way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::collector::Memory;
use support::relay::Relay;
use support::running::start;
use support::{Collector, Node, config, socket, until};
use wire::control::{CollectorAt, CollectorMap};

/// Both collectors of a test fill one memory, as replicas would; each says a map of its own.
fn pair(dir: &Path) -> [Collector; 2] {
    [(), ()].map(|()| Collector::start(&dir.join("tls"), None, Arc::<Memory>::default()))
}

fn say(of: &Collector, epoch: u64, from: u64, addresses: [SocketAddr; 2], holders: &[u8]) {
    let at = |(member, address): (u64, SocketAddr)| CollectorAt {
        member,
        address: address.to_string(),
    };
    *of.memory.map.lock() = Some(CollectorMap {
        epoch,
        from,
        collectors: [1, 2].into_iter().zip(addresses).map(at).collect(),
        holders: vec![holders.to_vec(); 8],
    });
}

fn both(of: &[Collector; 2]) -> Vec<u64> {
    let mut ids: Vec<u64> = of.iter().flat_map(|c| c.memory.ids()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Scenario: an agent knows one address, learns two collectors, and the way to the one that it is connected to is cut without a word, then
/// the agent is started again with the address of the dead one alone. Guarantee: events are acknowledged by the other within three
/// seconds; the restarted agent finds it by the map that it kept; nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_falls_silent_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let collectors = pair(dir.path());
    let relays = [
        Relay::to(collectors[0].addr()).await,
        Relay::to(collectors[1].addr()).await,
    ];
    for (collector, id) in collectors.iter().zip([1, 2]) {
        say(collector, 1, id, [relays[0].addr, relays[1].addr], &[0, 1]);
    }
    let agent = start(config(dir.path(), relays[0].addr));
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    node.chunk(1..=50, &[]).await.unwrap();
    until("acknowledged", || agent.handle.ledger().acked >= 50).await;
    relays[0].cut();
    let began = Instant::now();
    node.chunk(51..=100, &[]).await.unwrap();
    until("acknowledged by the other", || agent.handle.ledger().acked >= 100).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(both(&collectors), (1..=100).collect::<Vec<_>>());
    assert!(agent.metric("elixirscope_agent_moves_total{why=\"silent\"} 1"));
    assert!(agent.handle.ledger().is_balanced());
    agent.stop().await;

    let agent = start(config(dir.path(), relays[0].addr));
    node = Node::connect(&socket(dir.path()), 1).await;
    node.chunk(101..=120, &[]).await.unwrap();
    until("found by the map that was kept", || {
        agent.handle.ledger().acked >= 20
    })
    .await;
    assert_eq!(both(&collectors), (1..=120).collect::<Vec<_>>());
    agent.stop().await;
}

/// Scenario: the map says that the collector that an agent is connected to holds nothing. Guarantee: the agent goes to the holder at once,
/// and does not come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_holds_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let collectors = pair(dir.path());
    let addresses = [collectors[0].addr(), collectors[1].addr()];
    say(&collectors[0], 4, 1, addresses, &[1]);
    say(&collectors[1], 4, 2, addresses, &[1]);
    let agent = start(config(dir.path(), collectors[0].addr()));
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    node.chunk(1..=50, &[]).await.unwrap();
    until("acknowledged", || agent.handle.ledger().acked >= 50).await;
    assert_eq!(collectors[1].memory.ids(), (1..=50).collect::<Vec<_>>());
    assert_eq!(collectors[0].memory.connections.lock().len(), 1);
    assert_eq!(collectors[1].memory.connections.lock().len(), 1);
    agent.stop().await;
}
