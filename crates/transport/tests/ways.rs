//! The pool of connections: one an address, made when needed, made anew when it broke.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod world;

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use transport::tls::DEV_SERVER_NAME;
use transport::{Limits, Role, WayError, Ways};
use world::{World, echoes, until};

const SOON: Duration = Duration::from_secs(20);

fn ways(world: &World) -> Ways {
    Ways::new(Arc::new(world.client(Role::Member)), DEV_SERVER_NAME)
}

/// Scenario: fifty callers at once; then the connection is given up by one of them, twice. Guarantee: one connection for all, and one new
/// one; giving up the old one again does not touch the new one.
#[tokio::test]
async fn one_connection_an_address() {
    let world = World::new(Limits::default());
    world.echo();
    let (ways, addr) = (ways(&world), world.addr().to_string());
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (ways, addr) = (ways.clone(), addr.clone());
            tokio::spawn(async move { ways.connection(&addr, SOON).await.unwrap() })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.push(caller.await.unwrap());
    }
    let first = all.first().unwrap().clone();
    assert!(all.iter().all(|c| c.same_as(&first)));
    echoes(&first).await;
    assert_eq!(world.server.stats().connections(), 1);
    ways.give_up(&addr, &first);
    assert!(!first.is_open());
    let second = ways.connection(&addr, SOON).await.unwrap();
    assert!(!second.same_as(&first));
    ways.give_up(&addr, &first);
    assert!(ways.connection(&addr, SOON).await.unwrap().same_as(&second));
    echoes(&second).await;
}

/// Scenario: the other end closes the connection. Guarantee: the next caller has a new one, unasked.
#[tokio::test]
async fn what_broke_is_made_anew() {
    let world = World::new(Limits::default());
    let (ways, addr) = (ways(&world), world.addr().to_string());
    let first = ways.connection(&addr, SOON).await.unwrap();
    world.server.accept().await.unwrap().close(0, "restarted");
    until(|| !first.is_open()).await;
    world.echo();
    let second = ways.connection(&addr, SOON).await.unwrap();
    assert!(second.is_open() && !second.same_as(&first));
    echoes(&second).await;
}

/// Scenario: nobody answers; a name that is none; no client. Guarantee: an error in words in the caller's time, the others wait no longer
/// than their own, and a later attempt succeeds when somebody answers.
#[tokio::test]
async fn nobody_there() {
    let world = World::new(Limits::default());
    let ways = ways(&world);
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let began = Instant::now();
    let short = Duration::from_millis(100);
    let late = ways.connection(&addr, short).await;
    assert_eq!(late.err(), Some(WayError::Late(short)));
    assert!(began.elapsed() < Duration::from_secs(3));
    let failed = ways.connection(&addr, SOON).await.err().unwrap();
    assert!(failed.to_string().contains("within 5s"), "{failed}");
    assert!(began.elapsed() < Duration::from_secs(9), "one attempt, not two");
    let nameless = ways.connection("no-such-name.invalid:1", SOON).await;
    assert!(matches!(nameless, Err(WayError::Failed(_))));
    let alone = Ways::alone().connection(&addr, SOON).await;
    assert_eq!(alone.err(), Some(WayError::Alone));
    ways.connection(&world.addr().to_string(), SOON).await.unwrap();
}

/// Scenario: a member opens more streams at once than an agent may. Guarantee: all are open at once between members.
#[tokio::test]
async fn members_may_have_many_streams() {
    let world = World::new(Limits::default());
    world.echo();
    let connection = ways(&world)
        .connection(&world.addr().to_string(), SOON)
        .await
        .unwrap();
    let open = async {
        let mut streams = Vec::new();
        for _ in 0..transport::limits::MEMBER_BIDI_STREAMS_MAX {
            streams.push(connection.open_bi().await.unwrap());
        }
    };
    tokio::time::timeout(SOON, open).await.expect("all open");
}
