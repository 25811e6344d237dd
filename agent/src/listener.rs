//! The Unix socket on which nodes connect, and one task a node.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use host::{CancellationToken, TaskKind, Tasks};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use transport::{LengthOrder, MessageReader, MessageWriter};
use wire::node_socket::{AgentMessage as Answer, MESSAGE_BYTES_MAX};

use crate::clock::AgentClock;
use crate::metrics::Metrics;
use crate::session::{Action, Session};
use crate::spool::Shared;
use crate::spooler::{Input, StoredBoard};

/// Bytes that sessions may have handed over and that are not stored yet, all nodes together.
pub(crate) const BUDGET_BYTES: usize = 8 << 20;
/// Longest path that a socket's address holds.
const PATH_BYTES_MAX: usize = 107;

/// The socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The kernel's address holds no more.
    #[error("socket path {path} has {bytes} bytes; the system allows {PATH_BYTES_MAX}: choose a shorter one",
            path = path.display())]
    PathTooLong {
        /// As configured.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// Another agent listens there.
    #[error("another agent listens on {}", .0.display())]
    InUse(PathBuf),
    /// Something else is there.
    #[error("{} exists and is no socket", .0.display())]
    NoSocket(PathBuf),
    /// Another reason.
    #[error("socket {path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Takes the path; replaces the socket of a dead agent, never that of a living one.
pub(crate) fn bind(path: &Path) -> Result<UnixListener, SocketError> {
    let failed = |source: io::Error| SocketError::Io {
        path: path.to_owned(),
        source,
    };
    let bytes = path.as_os_str().len();
    if bytes > PATH_BYTES_MAX {
        return Err(SocketError::PathTooLong {
            path: path.to_owned(),
            bytes,
        });
    }
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(SocketError::NoSocket(path.to_owned()));
        }
        match StdUnixStream::connect(path) {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(failed)?;
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(failed(e)),
            Ok(_) => return Err(SocketError::InUse(path.to_owned())),
        }
    } else if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// What sessions need.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) shared: Arc<Shared>,
    pub(crate) input: mpsc::Sender<Input>,
    pub(crate) budget: Arc<Semaphore>,
    pub(crate) clock: Arc<AgentClock>,
    pub(crate) metrics: Metrics,
    pub(crate) allowed_uids: Arc<[u32]>,
}

/// Accepts nodes until `stop`.
pub(crate) async fn listen(
    listener: UnixListener,
    path: PathBuf,
    door: Door,
    tasks: Tasks,
    stop: CancellationToken,
) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "node could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        match stream.peer_cred() {
            Ok(peer) if door.allowed_uids.contains(&peer.uid()) => {}
            Ok(peer) => {
                door.metrics.refused.with_label_values(&["uid"]).inc();
                tracing::warn!(
                    uid = peer.uid(),
                    pid = peer.pid(),
                    "node of a user that is not allowed"
                );
                continue;
            }
            Err(error) => {
                door.metrics.refused.with_label_values(&["uid"]).inc();
                tracing::warn!(%error, "node without credentials");
                continue;
            }
        }
        let session = door.clone();
        if let Err(error) = tasks.spawn(TaskKind::NodeSession, |stop| serve(stream, session, stop)) {
            door.metrics.refused.with_label_values(&["too_many"]).inc();
            tracing::warn!(%error, "node refused");
        }
    }
    // Nodes see at once that nobody is there.
    let _ = std::fs::remove_file(path);
}

async fn serve(stream: UnixStream, door: Door, stop: CancellationToken) {
    let mut session = Session::default();
    door.metrics.nodes.inc();
    tokio::select! {
        () = stop.cancelled() => {}
        end = converse(stream, &door, &mut session) => {
            if let Err((reason, error)) = end {
                door.metrics.refused.with_label_values(&[reason]).inc();
                let node = session.node().map_or("", |n| n.name.as_str());
                tracing::warn!(node, reason, error, "connection of a node closed");
            }
            if let Some(node) = session.node() {
                let _ = door.input.send(Input::NodeDown(node.clone())).await;
            }
        }
    }
    door.metrics.nodes.dec();
}

/// Why the agent closes a connection: a metric label, and words.
type Closing = (&'static str, String);

async fn converse(stream: UnixStream, door: &Door, session: &mut Session) -> Result<(), Closing> {
    let (read, write) = stream.into_split();
    let mut reader = MessageReader::with_order(read, MESSAGE_BYTES_MAX, LengthOrder::Big);
    let mut writer = MessageWriter::with_order(write, MESSAGE_BYTES_MAX, LengthOrder::Big);
    let board = Arc::new(StoredBoard::default());
    let Some(first) = reader.next().await.map_err(|e| ("framing", e.to_string()))? else {
        return Ok(());
    };
    let action = session.take(&first).map_err(|e| (e.name(), e.to_string()))?;
    let Action::Welcome(node, _) = &action else {
        return Ok(());
    };
    let node = node.clone();
    apply(action, first.len(), door, &board).await;
    let welcome = Answer::Welcome(door.shared.marks.lock().writers(node.key)).encode();
    writer
        .write(&welcome)
        .await
        .map_err(|e| ("write", e.to_string()))?;
    tracing::info!(node = node.name, key = %node.key, "node connected");
    let answers = async {
        loop {
            board.changed.notified().await;
            for (writer_id, number) in board.take() {
                let answer = Answer::Stored {
                    writer: writer_id,
                    number,
                }
                .encode();
                writer
                    .write(&answer)
                    .await
                    .map_err(|e| ("write", e.to_string()))?;
            }
        }
    };
    let messages = async {
        loop {
            let next = reader.next().await.map_err(|e| ("framing", e.to_string()))?;
            let Some(message) = next else { return Ok(()) };
            let action = session.take(&message).map_err(|e| (e.name(), e.to_string()))?;
            record_totals(&action, &node.name, door);
            apply(action, message.len(), door, &board).await;
        }
    };
    tokio::select! {
        end = messages => end,
        end = answers => end,
    }
}

/// Hands an action to the spooler; waits while too much is under way. This is the back-pressure on the node.
async fn apply(action: Action, bytes: usize, door: &Door, board: &Arc<StoredBoard>) {
    let permits = u32::try_from(bytes).unwrap_or(u32::MAX).min(BUDGET_BYTES as u32);
    let Ok(permit) = Arc::clone(&door.budget).acquire_many_owned(permits).await else {
        return;
    };
    let input = match action {
        Action::Welcome(node, description) => {
            let _ = door.input.send(Input::Node(node)).await;
            Input::Describe {
                message: description,
                permit,
            }
        }
        Action::Store(chunk) => Input::Chunk {
            chunk,
            board: Arc::clone(board),
            bytes,
            permit,
        },
        Action::Describe(message) => Input::Describe { message, permit },
        Action::Totals {
            node, at, dropped, ..
        } => Input::Totals {
            node,
            at: at.unwrap_or_else(|| door.clock.physical()),
            dropped,
        },
        Action::None => return,
    };
    // The spooler ends after the sessions do; if it has failed, the node keeps what is not confirmed.
    let _ = door.input.send(input).await;
}

fn record_totals(action: &Action, node: &str, door: &Door) {
    let (emitted, dropped) = match action {
        Action::Store(chunk) => (chunk.emitted, &chunk.dropped),
        Action::Totals { emitted, dropped, .. } => (*emitted, dropped),
        _ => return,
    };
    let gauges = &door.metrics.node_events;
    gauges
        .with_label_values(&[node, "emitted"])
        .set(i64::try_from(emitted).unwrap_or(i64::MAX));
    for (reason, count) in event::DropReason::ALL.iter().zip(dropped) {
        let state = format!("dropped_{reason}");
        gauges
            .with_label_values(&[node, state.as_str()])
            .set(i64::try_from(*count).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: a dead agent's socket is replaced; a living one's, a file and a long path are refused in words.
    #[tokio::test]
    async fn binding() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        let first = bind(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(matches!(bind(&path), Err(SocketError::InUse(_))));
        drop(first);
        bind(&path).unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(matches!(bind(&file), Err(SocketError::NoSocket(_))));
        let long = dir.path().join("x".repeat(120));
        assert!(bind(&long).unwrap_err().to_string().contains("107"));
    }
}
