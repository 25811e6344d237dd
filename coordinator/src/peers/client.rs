//! Calls other members, over connections of the coordinators' own: a heartbeat must not wait behind copies of shards.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use transport::{Connection, MessageReader, MessageWriter, WayError, Ways};

use super::call::{Answer, CALL_BYTES_MAX, Call, Kind};

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

/// The ways to all members.
#[derive(Debug)]
pub(crate) struct Peers(Ways);

impl Peers {
    /// Calls over these ways.
    pub(crate) fn new(ways: Ways) -> Self {
        Self(ways)
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
    /// process by now, which knows nothing of it. It says so as soon as it is called: then a call of Raft's, which may be made twice, is made
    /// again at once. A candidate has one try at each election, and followers seldom call each other.
    async fn exchange(&self, addr: &str, call: &Call, within: Duration) -> Result<Answer, String> {
        let until = Instant::now() + within;
        let exchanged = self.exchange_once(addr, call, until).await;
        if exchanged.is_ok() || call.kind != Kind::Raft || Instant::now() >= until {
            return exchanged;
        }
        self.exchange_once(addr, call, until).await
    }

    async fn exchange_once(&self, addr: &str, call: &Call, until: Instant) -> Result<Answer, String> {
        let within = until.saturating_duration_since(Instant::now());
        let late = |_| format!("no answer within {} ms", within.as_millis());
        let connection = self.0.connection(addr, within).await;
        let connection = connection.map_err(|e: WayError| e.to_string())?;
        let exchanged = timeout_at(until, exchange(&connection, call)).await.map_err(late);
        let exchanged = exchanged.and_then(|answer| answer);
        if exchanged.is_err() {
            self.0.give_up(addr, &connection);
        }
        exchanged
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
