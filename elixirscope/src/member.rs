//! A member's one QUIC door: agents go to its collector, other members to its coordinator or collector, by what their streams begin with
//! (`docs/replication.md`, "The shell").

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use collector::CollectorHandle;
use coordinator::Calls;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use transport::{
    BindError, Connection, Identity, Limits, MessageReader, MessageWriter, RecvStream, Role, SendStream,
    Server, ServerStats, close,
};

/// The first message of a stream must be here, and an answer of a coordinator taken, within this time each.
const TRANSFER: Duration = Duration::from_secs(30);

/// The door. It answers coordinators' calls from the start on, and serves agents once there is a collector.
#[derive(Debug)]
pub(crate) struct Door {
    server: Arc<Server>,
    behind: Arc<Behind>,
    accepting: JoinHandle<()>,
}

/// Who is behind the door.
#[derive(Debug)]
struct Behind {
    calls: Calls,
    /// Does this member collect at all?
    collects: bool,
    collector: OnceLock<CollectorHandle>,
}

impl Door {
    /// Takes the address. `collects`: a collector is going to be there.
    pub(crate) fn open(
        listen: SocketAddr,
        identity: &Identity,
        calls: Calls,
        collects: bool,
    ) -> Result<Self, BindError> {
        let server = Arc::new(Server::bind(listen, identity, Limits::default())?);
        let behind = Arc::new(Behind {
            calls,
            collects,
            collector: OnceLock::new(),
        });
        let accepting = tokio::spawn(accept(Arc::clone(&server), Arc::clone(&behind)));
        Ok(Self {
            server,
            behind,
            accepting,
        })
    }

    /// The address, with the port that was chosen if 0 was asked for.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// What the kernel holds of datagrams that are not read yet.
    pub(crate) fn receive_buffer_bytes(&self) -> usize {
        self.server.receive_buffer_bytes()
    }

    /// For new certificates.
    pub(crate) fn server(&self) -> Arc<Server> {
        Arc::clone(&self.server)
    }

    /// What it refused.
    pub(crate) fn stats(&self) -> Arc<ServerStats> {
        Arc::clone(self.server.stats())
    }

    /// From now on agents are served by this one.
    pub(crate) fn collects(&self, collector: CollectorHandle) {
        let _ = self.behind.collector.set(collector);
    }

    /// Closes all connections, telling the peers, and lets go of collector and coordinator.
    pub(crate) async fn close(self) {
        self.server.close(close::SHUTTING_DOWN, "shutting down").await;
        if self.accepting.await.is_err() {
            tracing::error!("the door panicked");
        }
    }
}

async fn accept(server: Arc<Server>, behind: Arc<Behind>) {
    let mut members = JoinSet::new();
    while let Some(connection) = server.accept().await {
        while members.try_join_next().is_some() {}
        match (connection.peer().role, behind.collector.get()) {
            (Role::Member, _) => {
                members.spawn(member(connection, Arc::clone(&behind)));
            }
            (Role::Agent | Role::Client, _) if !behind.collects => {
                connection.close(close::ROLE, "only members may call coordinators");
            }
            (Role::Agent | Role::Client, Some(collector)) => collector.serve_agent(connection),
            (Role::Agent | Role::Client, None) => {
                connection.close(close::BUSY, "this member is starting, try again later");
            }
        }
    }
}

/// Takes the streams of another member until the connection ends. Streams at a time are bounded by what a peer may open.
async fn member(connection: Connection, behind: Arc<Behind>) {
    let mut streams = JoinSet::new();
    loop {
        while streams.try_join_next().is_some() {}
        tokio::select! {
            opened = connection.accept_bi() => match opened {
                Ok((send, receive)) => streams.spawn(said(asked(send, receive, Arc::clone(&behind)))),
                Err(_) => return,
            },
            opened = connection.accept_uni() => match opened {
                Ok(receive) => streams.spawn(said(told(receive, Arc::clone(&behind)))),
                Err(_) => return,
            },
        };
    }
}

async fn said(stream: impl Future<Output = Result<(), String>>) {
    if let Err(reason) = stream.await {
        tracing::debug!(reason, "a member's stream broke off");
    }
}

/// A stream on which a member asks.
async fn asked(send: SendStream, receive: RecvStream, behind: Arc<Behind>) -> Result<(), String> {
    let mut reader = MessageReader::new(receive, Calls::BYTES_MAX);
    let first = first_message(&mut reader).await?;
    match first.first().copied() {
        Some(Calls::FIRST_BYTE) => {
            let answer = behind.calls.answer(first).await;
            let mut writer = MessageWriter::new(send, Calls::BYTES_MAX);
            let write = async {
                writer.write(&answer).await?;
                writer.finish().await
            };
            let written = timeout(TRANSFER, write).await;
            written
                .map_err(|_| "the answer was not taken in time".to_owned())?
                .map_err(|e| e.to_string())
        }
        Some(CollectorHandle::QUESTION_FIRST_BYTE) => {
            let collector = behind.collector.get();
            let collector = collector.ok_or("no collector is here yet")?;
            collector.take_question(first, send).await;
            Ok(())
        }
        kind => Err(format!("a question of kind {kind:?}")),
    }
}

/// A stream on which a member tells.
async fn told(receive: RecvStream, behind: Arc<Behind>) -> Result<(), String> {
    let mut reader = MessageReader::new(receive, CollectorHandle::STREAM_BYTES_MAX);
    let first = first_message(&mut reader).await?;
    match (first.first().copied(), behind.collector.get()) {
        (Some(CollectorHandle::STREAM_FIRST_BYTE), Some(collector)) => {
            collector.take_stream(first, reader).await;
            Ok(())
        }
        (Some(CollectorHandle::STREAM_FIRST_BYTE), None) => Err("no collector is here yet".to_owned()),
        (kind, _) => Err(format!("a stream of kind {kind:?}")),
    }
}

async fn first_message(reader: &mut MessageReader<RecvStream>) -> Result<Bytes, String> {
    let first = timeout(TRANSFER, reader.next()).await;
    let first = first.map_err(|_| "nothing came in time".to_owned())?;
    first
        .map_err(|e| e.to_string())?
        .ok_or_else(|| "an empty stream".to_owned())
}
