//! Members of a test in one process: an authority, folders, ports that stay, and doors that hand calls over as the program's does.

#![allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "each test binary uses a part"
)]

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coordinator::state::{Format, Role};
use coordinator::{Calls, Coordinator, CoordinatorConfig, Neighbours, NewMember, StartError};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use transport::{Client, Identity, Limits, MessageReader, MessageWriter, Server, Ways, close};

pub const SOON: Duration = Duration::from_secs(20);

/// What members of a test share: an authority, a folder.
pub struct World {
    pub dir: TempDir,
    pub tls: TempDir,
}

/// A member's folder and port, which it keeps over restarts.
#[derive(Clone)]
pub struct Place {
    pub name: String,
    pub port: u16,
    pub roles: BTreeSet<Role>,
    /// The latest format that its program reads and writes: less than this program's makes it an older release in that.
    pub newest: Format,
    /// The founders that it is started with.
    pub founders: Vec<String>,
    /// It sends other bytes than were asked for (kind `fetch`, `docs/wire-format.md`).
    pub lies: bool,
}

impl Place {
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// A coordinator and its door.
pub struct Running {
    coordinator: Coordinator,
    server: Arc<Server>,
    door: JoinHandle<()>,
}

impl Deref for Running {
    type Target = Coordinator;
    fn deref(&self) -> &Coordinator {
        &self.coordinator
    }
}

impl Running {
    /// As a member stops.
    pub async fn shutdown(&self) {
        self.coordinator.shutdown().await;
        self.server.close(close::SHUTTING_DOWN, "shutting down").await;
        self.door.abort();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.door.abort();
    }
}

impl World {
    pub fn new() -> Self {
        let (dir, tls) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        transport::tls::dev_ca(tls.path()).unwrap();
        Self { dir, tls }
    }

    /// Of a coordinator.
    pub fn place(name: &str) -> Place {
        Self::place_of(name, &[Role::Coordinator])
    }

    pub fn place_of(name: &str, roles: &[Role]) -> Place {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        Place {
            name: name.to_owned(),
            port,
            roles: roles.iter().copied().collect(),
            newest: Format::NEWEST,
            founders: Vec::new(),
            lies: false,
        }
    }

    pub fn identity(&self) -> Identity {
        Identity::from_dir(self.tls.path(), transport::Role::Member).unwrap()
    }

    fn config(&self, place: &Place, join: &[&Place], calls: Calls) -> CoordinatorConfig {
        let member = NewMember {
            name: place.name.clone(),
            addresses: vec![format!("quic://{}", place.address())],
            roles: place.roles.clone(),
            zone: String::new(),
        };
        let client = Arc::new(Client::new(&self.identity()).unwrap());
        CoordinatorConfig {
            neighbours: Some(Neighbours {
                ways: Ways::new(client, transport::tls::DEV_SERVER_NAME),
                calls,
                advertise: place.address(),
                join: join.iter().map(|p| p.address()).collect(),
                founders: place.founders.clone(),
            }),
            newest: place.newest,
            ..CoordinatorConfig::new(self.dir.path().join(&place.name), member)
        }
    }

    /// Starts, waiting for what a coordinator of this process is still letting go.
    pub async fn start(&self, place: &Place, join: &[&Place]) -> Running {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            match self.try_start(place, join).await {
                Ok(running) => return running,
                Err(error) => {
                    assert!(
                        matches!(error, StartError::Open(_)) && Instant::now() < until,
                        "{error}"
                    );
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    pub async fn try_start(&self, place: &Place, join: &[&Place]) -> Result<Running, StartError> {
        let until = Instant::now() + Duration::from_secs(30);
        let server = loop {
            let listen = place.address().parse().unwrap();
            match Server::bind(listen, &self.identity(), Limits::default()) {
                Ok(server) => break Arc::new(server),
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let calls = Calls::default();
        let door = tokio::spawn(answer(Arc::clone(&server), calls.clone(), place.lies));
        match Coordinator::start(self.config(place, join, calls)).await {
            Ok(coordinator) => Ok(Running {
                coordinator,
                server,
                door,
            }),
            Err(error) => {
                door.abort();
                Err(error)
            }
        }
    }

    /// Three members, the first of which founded the cluster.
    pub async fn three(&self) -> ([Place; 3], [Running; 3]) {
        self.three_of(Format::NEWEST).await
    }

    /// The same, of programs that write up to this format.
    pub async fn three_of(&self, newest: Format) -> ([Place; 3], [Running; 3]) {
        let place = |name| Place {
            newest,
            ..Self::place(name)
        };
        let places = ["a", "b", "c"].map(place);
        let a = self.start(&places[0], &[]).await;
        let b = self.start(&places[1], &[&places[0]]).await;
        let c = self.start(&places[2], &[&places[1], &places[0]]).await;
        (places, [a, b, c])
    }
}

/// A call's second byte says what is called for; this one asks for a blob.
const FETCH: u8 = 9;

async fn answer(server: Arc<Server>, calls: Calls, lies: bool) {
    while let Some(connection) = server.accept().await {
        let calls = calls.clone();
        tokio::spawn(async move {
            while let Ok((send, receive)) = connection.accept_bi().await {
                let calls = calls.clone();
                tokio::spawn(async move {
                    let call = MessageReader::new(receive, Calls::BYTES_MAX).next().await;
                    if let Ok(Some(call)) = call {
                        let mut writer = MessageWriter::new(send, Calls::BYTES_MAX);
                        let lie = lies && call.get(1) == Some(&FETCH);
                        let mut answer = calls.answer(call).await.to_vec();
                        if let Some(last) = answer.last_mut().filter(|_| lie) {
                            *last ^= 1;
                        }
                        let _ = writer.write(&answer).await;
                        let _ = writer.finish().await;
                    }
                });
            }
        });
    }
}

pub async fn until(what: &str, within: Duration, holds: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    start.elapsed()
}
