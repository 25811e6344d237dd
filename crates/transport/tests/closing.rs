//! Ending over a path whose answers take long.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use transport::limits::CLOSING_TIMEOUT;
use transport::tls::DEV_SERVER_NAME;
use transport::{Client, Connection, Limits, Role, close};
use world::{LOOPBACK, World};

/// Of each datagram, each way.
const DELAY: Duration = Duration::from_millis(400);
/// More than the bound, less than what QUIC would wait: three times the longest answer expected, which is more than twice the way there and back.
const SOON: Duration = CLOSING_TIMEOUT.saturating_add(DELAY);

/// An address behind which is the server, and the way to it takes [`DELAY`].
async fn far(server: SocketAddr) -> SocketAddr {
    let front = Arc::new(UdpSocket::bind(LOOPBACK).await.unwrap());
    let back = Arc::new(UdpSocket::bind(LOOPBACK).await.unwrap());
    let addr = front.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut there, mut here) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut client = None;
        loop {
            let (socket, datagram, to) = tokio::select! {
                Ok((bytes, peer)) = front.recv_from(&mut there) => {
                    client = Some(peer);
                    (&back, there[..bytes].to_vec(), server)
                }
                Ok((bytes, _)) = back.recv_from(&mut here) => {
                    let Some(client) = client else { continue };
                    (&front, here[..bytes].to_vec(), client)
                }
            };
            let socket = Arc::clone(socket);
            tokio::spawn(async move {
                tokio::time::sleep(DELAY).await;
                let _ = socket.send_to(&datagram, to).await;
            });
        }
    });
    addr
}

/// A client that is connected over that way.
async fn connected() -> (World, Client, Connection) {
    let world = World::new(Limits::default());
    let client = world.client(Role::Agent);
    let connection = client
        .connect(far(world.addr()).await, DEV_SERVER_NAME)
        .await
        .unwrap();
    (world, client, connection)
}

/// Scenario: the path is slow; the server ends. Guarantee: it waits no longer than the bound, and the client is told why.
#[tokio::test]
async fn a_server_ends_soon() {
    let (world, _client, connection) = connected().await;
    let _accepted = world.server.accept().await.unwrap();
    let began = Instant::now();
    world.server.close(close::SHUTTING_DOWN, "bye").await;
    let took = began.elapsed();
    assert!(took < SOON, "{took:?}");
    assert_eq!(
        connection.closed().await.code,
        Some(u64::from(close::SHUTTING_DOWN))
    );
}

/// Scenario: the path is slow; the client ends. Guarantee: it waits no longer than the bound, and the server is told why.
#[tokio::test]
async fn a_client_ends_soon() {
    let (world, client, connection) = connected().await;
    let accepted = world.server.accept().await.unwrap();
    connection.close(close::DONE, "bye");
    drop(connection);
    let began = Instant::now();
    client.wait_idle().await;
    let took = began.elapsed();
    assert!(took < SOON, "{took:?}");
    assert_eq!(accepted.closed().await.code, Some(u64::from(close::DONE)));
}
