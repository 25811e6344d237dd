//! QUIC with mutual TLS: who may connect, how much a peer may make us hold, and messages on streams.
//!
//! The only crate that names quinn and rustls. It knows certificates, roles, connections and length-prefixed
//! messages; what the messages mean is `wire`'s and the roles' business. It retries nothing: a [`Client`] that lost its
//! connection connects again; [`Ways`] keeps a connection an address and makes a new one for who asks after it broke.
//!
//! Read [`Server`] and [`Client`] first, then [`Connection`]. [`tls::dev_ca`] makes certificates where there are none.

mod admission;
mod client;
mod connection;
mod error;
pub mod limits;
pub mod messages;
mod peer;
mod server;
mod socket;
pub mod tls;
mod ways;

pub use admission::{Refusal, ServerStats};
pub use client::Client;
pub use connection::{Connection, RecvStream, SendStream};
pub use error::{BindError, ConnectError, StreamError, TlsError};
pub use limits::{ALPN, Limits};
pub use messages::{LengthOrder, MessageError, MessageReader, MessageWriter};
pub use peer::{BadPeerUri, PeerIdentity, Role};
pub use server::Server;
pub use tls::Identity;
pub use ways::{WayError, Ways};

/// Application close codes that both sides know.
pub mod close {
    /// An ordinary end.
    pub const DONE: u32 = 0;
    /// The peer's certificate names no role of ours.
    pub const NO_IDENTITY: u32 = 1;
    /// A connection cap was reached; try again later.
    pub const BUSY: u32 = 2;
    /// The peer sent something that is not the protocol.
    pub const PROTOCOL: u32 = 3;
    /// The role is not allowed to do this.
    pub const ROLE: u32 = 4;
    /// The server is stopping.
    pub const SHUTTING_DOWN: u32 = 5;
}
