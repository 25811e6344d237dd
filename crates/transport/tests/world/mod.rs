//! A server on loopback with an authority of its own, and its peers.

#![allow(dead_code, missing_docs, missing_debug_implementations, unreachable_pub)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use transport::tls::dev_ca;
use transport::{
    Client, Connection, Identity, Limits, MessageReader, MessageWriter, Refusal, Role, Server, close,
};

pub const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
pub const MESSAGE_MAX: usize = 1 << 20;

pub struct World {
    pub dir: tempfile::TempDir,
    pub server: Arc<Server>,
}

impl World {
    pub fn new(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        dev_ca(dir.path()).unwrap();
        let server = Arc::new(Server::bind(LOOPBACK, &identity(dir.path(), Role::Member), limits).unwrap());
        Self { dir, server }
    }
    pub fn addr(&self) -> SocketAddr {
        self.server.local_addr()
    }
    pub fn client(&self, role: Role) -> Client {
        Client::new(&identity(self.dir.path(), role)).unwrap()
    }
    pub async fn refused(&self, reason: Refusal, at_least: u64) {
        until(|| self.server.stats().refused(reason) >= at_least).await;
    }
    /// Answers every message with itself, on every stream of every connection.
    pub fn echo(&self) {
        let server = Arc::clone(&self.server);
        tokio::spawn(async move {
            while let Some(connection) = server.accept().await {
                tokio::spawn(async move {
                    while let Ok((send, recv)) = connection.accept_bi().await {
                        let connection = connection.clone();
                        tokio::spawn(async move {
                            let mut writer = MessageWriter::new(send, MESSAGE_MAX);
                            let mut reader = MessageReader::new(recv, MESSAGE_MAX);
                            loop {
                                match reader.next().await {
                                    Ok(Some(m)) => writer.write(&m).await.unwrap(),
                                    Err(e) if e.is_peer_fault() => {
                                        connection.close(close::PROTOCOL, &e.to_string());
                                        break;
                                    }
                                    Ok(None) | Err(_) => break,
                                }
                            }
                        });
                    }
                });
            }
        });
    }
}

pub fn identity(dir: &Path, role: Role) -> Identity {
    Identity::from_dir(dir, role).unwrap()
}

pub async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .expect("condition within 30 s");
}

pub async fn echoes(connection: &Connection) {
    let (send, recv) = connection.open_bi().await.unwrap();
    let mut writer = MessageWriter::new(send, MESSAGE_MAX);
    let mut reader = MessageReader::new(recv, MESSAGE_MAX);
    for size in [1_usize, 1000, 700_000] {
        let message = vec![7_u8; size];
        writer.write(&message).await.unwrap();
        assert_eq!(reader.next().await.unwrap().unwrap(), message);
    }
    writer.finish().await.unwrap();
    assert!(reader.next().await.unwrap().is_none());
}
