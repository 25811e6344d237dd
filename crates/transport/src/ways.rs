//! The ways to other members: one connection an address, made when needed, made anew when it broke. It retries nothing by itself: who
//! asks again has a new attempt.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::client::Client;
use crate::close;
use crate::connection::Connection;
use crate::limits::HANDSHAKE_TIMEOUT;

/// Addresses of one name that are tried, in the order of the resolver.
const ADDRESSES_TRIED: usize = 3;

/// Why there is no way to an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WayError {
    /// This member was started without certificates for calling others.
    #[error("this member was started without a way to others")]
    Alone,
    /// The connection could not be made: in words.
    #[error("{0}")]
    Failed(String),
    /// It was not made in the time that the caller gave. The attempt goes on for those who ask later.
    #[error("no connection within {} ms", .0.as_millis())]
    Late(Duration),
}

/// What an attempt gave; none while it lasts.
type Attempt = watch::Receiver<Option<Result<Connection, WayError>>>;

#[derive(Debug)]
enum Way {
    Making(Attempt),
    Open(Connection),
}

/// A pool of connections, one an address. Clones share it.
///
/// What waits for little (heartbeats) and what sends much (copies of shards) should not share a pool: a connection has one congestion
/// window and one receive window.
#[derive(Clone, Debug)]
pub struct Ways(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Option<Arc<Client>>,
    server_name: String,
    ways: Mutex<HashMap<String, Way>>,
}

impl Ways {
    /// With a client that has a member's certificate. `server_name` must be in the certificates of the others.
    pub fn new(client: Arc<Client>, server_name: impl Into<String>) -> Self {
        Self::of(Some(client), server_name.into())
    }

    /// Of a member that has no way to others: every call is refused.
    pub fn alone() -> Self {
        Self::of(None, String::new())
    }

    fn of(client: Option<Arc<Client>>, server_name: String) -> Self {
        Self(Arc::new(Inner {
            client,
            server_name,
            ways: Mutex::default(),
        }))
    }

    /// The connection with `addr` (`host:port`). If there is none, it is being made: whoever asks meanwhile waits for the same attempt.
    /// A caller that is late leaves it to the others.
    ///
    /// The connection may be dead without knowing it yet (its other end was killed): who hears nothing on it calls [`Ways::give_up`].
    pub async fn connection(&self, addr: &str, within: Duration) -> Result<Connection, WayError> {
        let mut attempt = {
            let mut ways = self.0.ways.lock();
            match ways.get(addr) {
                Some(Way::Open(connection)) if connection.is_open() => return Ok(connection.clone()),
                Some(Way::Making(attempt)) => attempt.clone(),
                _ => {
                    let client = self.0.client.clone().ok_or(WayError::Alone)?;
                    ways.retain(|_, way| way.is_of_use());
                    let (told, attempt) = watch::channel(None);
                    ways.insert(addr.to_owned(), Way::Making(attempt.clone()));
                    tokio::spawn(Arc::clone(&self.0).make(client, addr.to_owned(), told));
                    attempt
                }
            }
        };
        let made = timeout(within, attempt.wait_for(Option::is_some)).await;
        match made.map_err(|_| WayError::Late(within))? {
            Ok(made) => made.clone().unwrap_or(Err(WayError::Late(within))),
            Err(_) => Err(WayError::Failed("the attempt was broken off".to_owned())),
        }
    }

    /// Closes a connection on which something got no answer: its other end may have been killed and be another process by now, which
    /// knows nothing of it. The next caller has a new one.
    pub fn give_up(&self, addr: &str, connection: &Connection) {
        connection.close(close::DONE, "an answer did not come");
        let mut ways = self.0.ways.lock();
        if matches!(ways.get(addr), Some(Way::Open(now)) if now.same_as(connection)) {
            ways.remove(addr);
        }
    }

    /// Closes all connections; later callers make new ones.
    pub fn close(&self) {
        for (_, way) in self.0.ways.lock().drain() {
            if let Way::Open(connection) = way {
                connection.close(close::DONE, "done");
            }
        }
    }
}

impl Way {
    fn is_of_use(&self) -> bool {
        match self {
            Self::Making(_) => true,
            Self::Open(connection) => connection.is_open(),
        }
    }
}

impl Inner {
    /// One attempt: ends by itself.
    async fn make(
        self: Arc<Self>,
        client: Arc<Client>,
        addr: String,
        told: watch::Sender<Option<Result<Connection, WayError>>>,
    ) {
        let made = connect(&client, &addr, &self.server_name).await;
        {
            let mut ways = self.ways.lock();
            match &made {
                Ok(connection) => ways.insert(addr, Way::Open(connection.clone())),
                Err(_) => ways.remove(&addr),
            };
        }
        told.send_replace(Some(made));
    }
}

async fn connect(client: &Client, addr: &str, server_name: &str) -> Result<Connection, WayError> {
    let failed = |e: &dyn std::fmt::Display| WayError::Failed(e.to_string());
    let resolved = timeout(HANDSHAKE_TIMEOUT, tokio::net::lookup_host(addr)).await;
    let resolved = resolved.map_err(|_| failed(&"the name was not resolved in time"))?;
    let addresses: Vec<SocketAddr> = resolved.map_err(|e| failed(&e))?.take(ADDRESSES_TRIED).collect();
    let mut last = failed(&"the name has no address");
    for address in addresses {
        match client.connect(address, server_name).await {
            Ok(connection) => return Ok(connection),
            Err(error) => last = failed(&error),
        }
    }
    Err(last)
}
