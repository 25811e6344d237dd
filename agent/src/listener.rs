//! The Unix socket on which nodes connect.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use host::{CancellationToken, TaskKind, Tasks};
use tokio::net::UnixListener;

use crate::serve::{Door, serve};

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

/// Takes the path; replaces the socket of a dead agent, never that of a living one. Whoever connects is asked who he is, in [`listen`]; with
/// `others` the file lets users connect beside its owner, who would not get as far as to be asked.
pub(crate) fn bind(path: &Path, others: bool) -> Result<UnixListener, SocketError> {
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
    let mode = if others { 0o666 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    Ok(listener)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: a dead agent's socket is replaced; a living one's, a file and a long path are refused in words.
    #[tokio::test]
    async fn binding() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let first = bind(&path, false).unwrap();
        assert_eq!(mode(), 0o600);
        assert!(matches!(bind(&path, false), Err(SocketError::InUse(_))));
        drop(first);
        // Another user may connect only if the file says so; which one is looked at afterwards.
        bind(&path, true).unwrap();
        assert_eq!(mode(), 0o666);
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(matches!(bind(&file, false), Err(SocketError::NoSocket(_))));
        let long = dir.path().join("x".repeat(120));
        assert!(bind(&long, false).unwrap_err().to_string().contains("107"));
    }
}
