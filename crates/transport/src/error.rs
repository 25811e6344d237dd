//! What can go wrong, by operation.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::peer::BadPeerUri;

/// Certificates and keys could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: no usable {what}: {reason}", path = path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Why it was not found.
        reason: String,
    },
    /// Certificate and key exist only in part; they are never overwritten.
    #[error("{missing} is missing beside {present}; restore it, or remove both for a new certificate authority",
            missing = missing.display(), present = present.display())]
    HalfAnAuthority {
        /// What is not there.
        missing: PathBuf,
        /// What is.
        present: PathBuf,
    },
    /// The certificate is not one of ours.
    #[error(transparent)]
    Peer(#[from] BadPeerUri),
    /// The TLS library refuses the material.
    #[error("certificate or key refused: {0}")]
    Refused(String),
}

/// The server's address could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process has it.
    #[error("UDP address {0} is already in use: is another member running? stop it, or choose another port")]
    AddressInUse(SocketAddr),
    /// Another reason.
    #[error("cannot bind UDP address {addr}: {source}")]
    Io {
        /// Which.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No local socket.
    #[error("no local UDP socket: {0}")]
    Socket(#[source] io::Error),
    /// The address or name cannot be used.
    #[error("cannot connect to {addr}: {reason}")]
    Address {
        /// Which.
        addr: SocketAddr,
        /// Why.
        reason: String,
    },
    /// The handshake failed: unreachable, wrong certificate, refused.
    #[error("connection to {addr} failed: {reason}")]
    Handshake {
        /// Where.
        addr: SocketAddr,
        /// As the TLS or QUIC library says it.
        reason: String,
    },
    /// The handshake took too long.
    #[error("no answer from {addr} within {after:?}")]
    TimedOut {
        /// Where.
        addr: SocketAddr,
        /// How long was waited.
        after: Duration,
    },
    /// The server is not a member.
    #[error("{addr} is no member: {source}")]
    Peer {
        /// Where.
        addr: SocketAddr,
        /// Why.
        source: BadPeerUri,
    },
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The connection ended.
#[derive(Clone, Debug, thiserror::Error)]
#[error("connection ended: {reason}")]
pub struct StreamError {
    /// The code that the peer closed with, if it did.
    pub code: Option<u64>,
    /// In words.
    pub reason: String,
}

impl From<quinn::ConnectionError> for StreamError {
    fn from(error: quinn::ConnectionError) -> Self {
        let code = match &error {
            quinn::ConnectionError::ApplicationClosed(close) => Some(close.error_code.into_inner()),
            _ => None,
        };
        Self {
            code,
            reason: error.to_string(),
        }
    }
}
