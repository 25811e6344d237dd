//! Caps over real connections: of an identity, of an address, of all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod world;

use transport::tls::DEV_SERVER_NAME;
use transport::{Limits, Refusal, Role, close};
use world::{World, echoes, until};

/// Scenario: two connections an identity. Guarantee: the third is told to come back, and may when one has gone.
#[tokio::test]
async fn of_an_identity() {
    let world = World::new(Limits {
        connections_per_identity_max: 2,
        ..Limits::default()
    });
    world.echo();
    let client = world.client(Role::Agent);
    let first = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    let second = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    echoes(&first).await;
    echoes(&second).await;
    let third = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    assert_eq!(third.closed().await.code, Some(u64::from(close::BUSY)));
    world.refused(Refusal::IdentityMax, 1).await;
    let asker = world
        .client(Role::Client)
        .connect(world.addr(), DEV_SERVER_NAME)
        .await
        .unwrap();
    echoes(&asker).await;
    first.close(close::DONE, "");
    until(|| world.server.stats().connections() == 2).await;
    echoes(&client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap()).await;
}

/// Scenario: a cap of two connections, an address's or all in all. Guarantee: the third is refused before its
/// handshake costs anything, the two are not disturbed, and a freed place is given to the next.
#[tokio::test]
async fn of_an_address_and_of_all() {
    let of_address = Limits {
        connections_per_address_max: 2,
        ..Limits::default()
    };
    let of_all = Limits {
        connections_max: 2,
        ..Limits::default()
    };
    for (limits, reason) in [
        (of_address, Refusal::AddressMax),
        (of_all, Refusal::ConnectionsMax),
    ] {
        let world = World::new(limits);
        world.echo();
        // Another identity is another peer, but not another address.
        let (agents, asker) = (world.client(Role::Agent), world.client(Role::Client));
        let first = agents.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
        echoes(&first).await;
        let second = asker.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
        echoes(&second).await;
        let error = agents.connect(world.addr(), DEV_SERVER_NAME).await.unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
        world.refused(reason, 1).await;
        assert_eq!(world.server.stats().accepted(), 2);
        echoes(&first).await;
        echoes(&second).await;
        first.close(close::DONE, "");
        until(|| world.server.stats().connections() == 1).await;
        echoes(&agents.connect(world.addr(), DEV_SERVER_NAME).await.unwrap()).await;
    }
}
