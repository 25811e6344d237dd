//! A real server on loopback against peers that are right, wrong, absent and malicious.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod world;

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use transport::limits::DATAGRAM_BYTES_MAX;
use transport::tls::DEV_SERVER_NAME;
use transport::{
    BindError, Client, ConnectError, Identity, Limits, MessageError, MessageReader, Refusal, Role, Server,
    close,
};
use world::{LOOPBACK, MESSAGE_MAX, World, echoes, identity, until};

/// Guarantee: both sides know each other's role, and messages larger than a window pass.
#[tokio::test]
async fn members_and_agents_meet() {
    let world = World::new(Limits::default());
    let client = world.client(Role::Agent);
    let connection = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    assert_eq!(connection.peer().role, Role::Member);
    let accepted = world.server.accept().await.unwrap();
    assert_eq!(
        (accepted.peer().role, accepted.peer().name.as_str()),
        (Role::Agent, "dev")
    );
    assert_eq!(world.server.stats().connections(), 1);
    connection.close(close::DONE, "bye");
    assert_eq!(accepted.closed().await.code, Some(u64::from(close::DONE)));
    drop(accepted);
    assert_eq!(world.server.stats().connections(), 0);
    world.echo();
    let connection = client.connect(world.addr(), "localhost").await.unwrap();
    for _ in 0..6 {
        echoes(&connection).await;
    }
}

/// Scenario: a path that takes datagrams of 64 KiB, the loopback. Guarantee: both sides soon use as long ones as we allow, not those of
/// Ethernet, and messages pass.
#[tokio::test]
async fn datagrams_are_as_long_as_the_path_takes() {
    let world = World::new(Limits::default());
    let client = world.client(Role::Agent);
    let connection = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    let accepted = world.server.accept().await.unwrap();
    // Less than the bound: probing stops where little is left to win.
    let enough = DATAGRAM_BYTES_MAX - 64;
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(b"begin").await.unwrap();
    let (mut back, mut there) = accepted.accept_bi().await.unwrap();
    let mut buffer = [0; 5];
    there.read_exact(&mut buffer).await.unwrap();
    let exchange = async {
        while connection.datagram_bytes() < enough || accepted.datagram_bytes() < enough {
            back.write_all(b"again").await.unwrap();
            recv.read_exact(&mut buffer).await.unwrap();
            send.write_all(b"again").await.unwrap();
            there.read_exact(&mut buffer).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), exchange)
        .await
        .expect("long datagrams within 30 s");
}

/// Scenario: another authority's certificate; another name; a server that shows an agent's certificate.
/// Guarantee: each is refused with words, and a good peer's connection lives on.
#[tokio::test]
async fn wrong_certificates() {
    let world = World::new(Limits::default());
    world.echo();
    let good = world
        .client(Role::Agent)
        .connect(world.addr(), DEV_SERVER_NAME)
        .await
        .unwrap();
    let other = World::new(Limits::default());
    let error = other
        .client(Role::Agent)
        .connect(world.addr(), DEV_SERVER_NAME)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    world.refused(Refusal::BadCertificate, 1).await;

    // A client that trusts the server, with a certificate that the server does not trust.
    let mixed = other.dir.path();
    let path = |file: &str| mixed.join(file);
    let stranger = Identity::load(
        &world.dir.path().join("ca.pem"),
        &path("agent.pem"),
        &path("agent.key"),
    )
    .unwrap();
    let connection = Client::new(&stranger)
        .unwrap()
        .connect(world.addr(), DEV_SERVER_NAME)
        .await
        .unwrap();
    connection.closed().await;
    world.refused(Refusal::BadCertificate, 2).await;

    let error = world
        .client(Role::Agent)
        .connect(world.addr(), "example.org")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");

    let false_member = Server::bind(
        LOOPBACK,
        &identity(world.dir.path(), Role::Agent),
        Limits::default(),
    )
    .unwrap();
    let error = world
        .client(Role::Agent)
        .connect(false_member.local_addr(), DEV_SERVER_NAME)
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Handshake { .. }), "{error}");
    echoes(&good).await;
}

/// Scenario: the port is taken. Guarantee: the error names the address.
#[tokio::test]
async fn address_in_use() {
    let world = World::new(Limits::default());
    let error = Server::bind(
        world.addr(),
        &identity(world.dir.path(), Role::Member),
        Limits::default(),
    )
    .unwrap_err();
    assert!(matches!(error, BindError::AddressInUse(_)));
    assert!(error.to_string().contains(&world.addr().to_string()), "{error}");
}

/// Scenario: garbage datagrams before any handshake, garbage, an oversized and an empty length on streams.
/// Guarantee: only the connection concerned is closed.
#[tokio::test]
async fn garbage() {
    let world = World::new(Limits::default());
    world.echo();
    let client = world.client(Role::Agent);
    let good = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    let socket = UdpSocket::bind(LOOPBACK).unwrap();
    let mut byte = 1_u8;
    for length in 1..1200_usize {
        let datagram: Vec<u8> = (0..length)
            .map(|i| {
                byte = byte.wrapping_mul(31).wrapping_add(i as u8 | 1);
                byte
            })
            .collect();
        let _ = socket.send_to(&datagram, world.addr());
    }
    for bytes in [
        [0xff_u8; 64].as_slice(),
        &[0; 64],
        &(MESSAGE_MAX as u32 + 1).to_le_bytes(),
    ] {
        let bad = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
        let (mut send, mut recv) = bad.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        assert!(recv.read_u8().await.is_err());
        assert_eq!(bad.closed().await.code, Some(u64::from(close::PROTOCOL)));
    }
    echoes(&good).await;
}

/// Scenario: the stream ends inside a message. Guarantee: a typed error, not a short message.
#[tokio::test]
async fn truncated_message() {
    let world = World::new(Limits::default());
    let connection = world
        .client(Role::Agent)
        .connect(world.addr(), DEV_SERVER_NAME)
        .await
        .unwrap();
    let accepted = world.server.accept().await.unwrap();
    let mut send = connection.open_uni().await.unwrap();
    send.write_all(&[9, 0, 0, 0, 1]).await.unwrap();
    send.shutdown().await.unwrap();
    let mut reader = MessageReader::new(accepted.accept_uni().await.unwrap(), MESSAGE_MAX);
    assert!(matches!(
        reader.next().await,
        Err(MessageError::Truncated { have: 5 })
    ));
}

/// Scenario: peers whose datagrams arrive and who never hear the answers (a relay that drops one direction).
/// Guarantee: their handshakes are given up, beyond the threshold addresses must prove themselves, and a real peer
/// connects meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open() {
    let limits = Limits {
        retry_above: 2,
        handshake_timeout: Duration::from_secs(2),
        ..Limits::default()
    };
    let world = World::new(limits);
    world.echo();
    let relay = tokio::net::UdpSocket::bind(LOOPBACK).await.unwrap();
    let (relay_addr, target) = (relay.local_addr().unwrap(), world.addr());
    let deaf = tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((n, from)) = relay.recv_from(&mut buffer).await {
            if from != target {
                let _ = relay.send_to(&buffer[..n], target).await;
            }
        }
    });
    let client = Arc::new(world.client(Role::Agent));
    let attempts: Vec<_> = (0..12)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.connect(relay_addr, DEV_SERVER_NAME).await.map(drop) })
        })
        .collect();
    world.refused(Refusal::AddressUnproven, 1).await;
    assert!(world.server.stats().handshakes() <= 4);
    echoes(
        &world
            .client(Role::Agent)
            .connect(world.addr(), DEV_SERVER_NAME)
            .await
            .unwrap(),
    )
    .await;
    world.refused(Refusal::HandshakeTimeout, 2).await;
    deaf.abort();
    for attempt in attempts {
        assert!(attempt.await.unwrap().is_err());
    }
    until(|| world.server.stats().handshakes() == 0).await;
}

/// Hands datagrams on between one client and the server that `to` names at the moment.
fn relay(to: Arc<std::sync::Mutex<std::net::SocketAddr>>) -> std::net::SocketAddr {
    let (outer, inner) = (
        UdpSocket::bind(LOOPBACK).unwrap(),
        UdpSocket::bind(LOOPBACK).unwrap(),
    );
    let address = outer.local_addr().unwrap();
    let client = Arc::new(std::sync::Mutex::new(None));
    let (back_from, back_to, back_client) = (
        inner.try_clone().unwrap(),
        outer.try_clone().unwrap(),
        Arc::clone(&client),
    );
    std::thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((n, from)) = outer.recv_from(&mut bytes) {
            *client.lock().unwrap() = Some(from);
            let _ = inner.send_to(&bytes[..n], *to.lock().unwrap());
        }
    });
    std::thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((n, _)) = back_from.recv_from(&mut bytes) {
            if let Some(client) = *back_client.lock().unwrap() {
                let _ = back_to.send_to(&bytes[..n], client);
            }
        }
    });
    address
}

/// Scenario: packets of a living connection reach another process with the same identity, as after a SIGKILL and a restart, while the
/// idle timeout is 30 s. Guarantee: the peer learns at once that its connection is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_noticed_before_the_idle_timeout() {
    let world = World::new(Limits::default());
    world.echo();
    let to = Arc::new(std::sync::Mutex::new(world.addr()));
    let client = world.client(Role::Agent);
    let connection = client
        .connect(relay(Arc::clone(&to)), DEV_SERVER_NAME)
        .await
        .unwrap();
    echoes(&connection).await;
    let next = Server::bind(
        LOOPBACK,
        &identity(world.dir.path(), Role::Member),
        Limits::default(),
    )
    .unwrap();
    *to.lock().unwrap() = next.local_addr();
    let sending = connection.clone();
    let talk = tokio::spawn(async move {
        while let Ok((mut send, _)) = sending.open_bi().await {
            if send.write_all(&[7; 300]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    tokio::time::timeout(Duration::from_secs(10), connection.closed())
        .await
        .expect("the peer is told");
    talk.abort();
}

/// Scenario: 64 MiB over the loopback, as fast as they are read. Guarantee: what is handed to the kernel at once is never more than it
/// takes, and the socket holds what is not read yet: hardly a datagram is sent twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_transfer_loses_nothing() {
    const MIB: usize = 1 << 20;
    const MIBS: usize = 64;
    let world = World::new(Limits::default());
    let client = world.client(Role::Agent);
    let connection = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    let accepted = world.server.accept().await.unwrap();
    let reading = tokio::spawn(async move {
        let mut stream = accepted.accept_uni().await.unwrap();
        let mut buffer = vec![0; MIB];
        for _ in 0..MIBS {
            stream.read_exact(&mut buffer).await.unwrap();
        }
        accepted
    });
    let mut stream = connection.open_uni().await.unwrap();
    for _ in 0..MIBS {
        stream.write_all(&vec![7; MIB]).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    let _accepted = reading.await.unwrap();
    let (lost, needed) = (
        connection.datagrams_lost(),
        (MIBS * MIB) as u64 / u64::from(DATAGRAM_BYTES_MAX),
    );
    println!("{lost} of {needed} datagrams lost");
    assert!(lost * 100 < needed, "{lost} of {needed} lost");
}
