//! Calls other members: one connection a member, made when needed, made again when it broke.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};
use transport::{Client, Connection, MessageReader, MessageWriter, close};

use super::call::{Answer, CALL_BYTES_MAX, Call};

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PeerError {
    /// The member cannot be reached, or did not answer in time. What was asked may have been done.
    #[error("{addr}: {reason}")]
    Unreachable { addr: String, reason: String },
    /// It says that it cannot do this now, or is not the one to ask.
    #[error("{addr} cannot now: {reason}")]
    Unavailable { addr: String, reason: String },
    /// It says that it never will.
    #[error("{addr} refused: {reason}")]
    Refused { addr: String, reason: String },
}

/// The connection with one member; the lock is held while it is being made.
type Way = Arc<tokio::sync::Mutex<Option<Connection>>>;

/// The ways to all members.
#[derive(Debug)]
pub(crate) struct Peers {
    /// None: this member is alone.
    client: Option<Client>,
    server_name: String,
    ways: Mutex<HashMap<String, Way>>,
}

impl Peers {
    /// With a client that has a member's certificate. `server_name` must be in the certificates of the others.
    pub(crate) fn new(client: Client, server_name: String) -> Self {
        Self {
            client: Some(client),
            server_name,
            ways: Mutex::default(),
        }
    }

    /// Of a member that has no way to others.
    pub(crate) fn alone() -> Self {
        Self {
            client: None,
            server_name: String::new(),
            ways: Mutex::default(),
        }
    }

    /// Calls the member at `addr` (`host:port`) and waits for its answer.
    pub(crate) async fn call(&self, addr: &str, call: &Call, within: Duration) -> Result<Bytes, PeerError> {
        let unreachable = |reason: String| PeerError::Unreachable {
            addr: addr.to_owned(),
            reason,
        };
        let answer = self.exchange(addr, call, within).await.map_err(unreachable)?;
        let addr = addr.to_owned();
        match answer {
            Answer::Done(body) => Ok(body),
            Answer::Unavailable(reason) => Err(PeerError::Unavailable { addr, reason }),
            Answer::Refused(reason) => Err(PeerError::Refused { addr, reason }),
        }
    }

    /// A connection on which a call got no answer in time is given up: its other end may have been killed and be another
    /// process by now, which knows nothing of it.
    async fn exchange(&self, addr: &str, call: &Call, within: Duration) -> Result<Answer, String> {
        let until = Instant::now() + within;
        let late = |_| format!("no answer within {} ms", within.as_millis());
        let way = Arc::clone(self.ways.lock().entry(addr.to_owned()).or_default());
        let connection = {
            let mut open = timeout_at(until, way.lock()).await.map_err(late)?;
            if let Some(connection) = &*open {
                connection.clone()
            } else {
                let connected = timeout_at(until, self.connect(addr)).await.map_err(late)?;
                open.insert(connected?).clone()
            }
        };
        let exchanged = timeout_at(until, exchange(&connection, call)).await.map_err(late);
        let exchanged = exchanged.and_then(|answer| answer);
        if exchanged.is_err() {
            connection.close(close::DONE, "a call had no answer");
            let mut open = way.lock().await;
            if open.as_ref().is_some_and(|now| now.same_as(&connection)) {
                open.take();
            }
        }
        exchanged
    }

    async fn connect(&self, addr: &str) -> Result<Connection, String> {
        let client = self
            .client
            .as_ref()
            .ok_or("this member was started without a way to others")?;
        let mut resolved = tokio::net::lookup_host(addr).await.map_err(|e| e.to_string())?;
        let first = resolved.next().ok_or("the name has no address")?;
        let connected = client.connect(first, &self.server_name).await;
        connected.map_err(|e| e.to_string())
    }
}

async fn exchange(connection: &Connection, call: &Call) -> Result<Answer, String> {
    let (send, receive) = connection.open_bi().await.map_err(|e| e.to_string())?;
    let mut writer = MessageWriter::new(send, CALL_BYTES_MAX);
    writer.write(&call.encode()).await.map_err(|e| e.to_string())?;
    writer.finish().await.map_err(|e| e.to_string())?;
    let answer = MessageReader::new(receive, CALL_BYTES_MAX).next().await;
    let answer = answer.map_err(|e| e.to_string())?;
    let answer = answer.ok_or("the connection ended without an answer")?;
    Answer::decode(answer).map_err(|e| e.to_string())
}
