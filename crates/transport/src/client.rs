//! Connects to members. One UDP socket an address family, made when first needed.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use quinn::{EndpointConfig, TokioRuntime, VarInt};

use crate::close;
use crate::connection::Connection;
use crate::error::{ConnectError, TlsError};
use crate::limits::{
    CLOSING_TIMEOUT, HANDSHAKE_TIMEOUT, IDLE_TIMEOUT, takes_long_datagrams, transport_config,
};
use crate::peer::{BadPeerUri, Role};
use crate::server::peer_of;
use crate::socket;
use crate::tls::Identity;

/// Makes connections with one identity.
#[derive(Debug)]
pub struct Client {
    config: Mutex<quinn::ClientConfig>,
    role: Role,
    v4: Mutex<Option<quinn::Endpoint>>,
    v6: Mutex<Option<quinn::Endpoint>>,
    within: Duration,
}

impl Client {
    /// Opens no socket yet.
    pub fn new(identity: &Identity) -> Result<Self, TlsError> {
        Ok(Self {
            config: Mutex::new(client_config(identity)?),
            role: identity.own().role,
            v4: Mutex::default(),
            v6: Mutex::default(),
            within: HANDSHAKE_TIMEOUT,
        })
    }

    /// New certificates for connections from now on.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), TlsError> {
        *self.config.lock() = client_config(identity)?;
        Ok(())
    }

    /// Connects to a member. `server_name` must be a DNS name or address in its certificate
    /// (development: [`crate::tls::DEV_SERVER_NAME`]).
    ///
    /// A server refuses a certificate only after its own part of the handshake: then this succeeds, and the first
    /// use of the connection fails.
    pub async fn connect(&self, addr: SocketAddr, server_name: &str) -> Result<Connection, ConnectError> {
        let endpoint = self.endpoint(addr)?;
        let config = self.config.lock().clone();
        let connecting =
            endpoint
                .connect_with(config, addr, server_name)
                .map_err(|e| ConnectError::Address {
                    addr,
                    reason: e.to_string(),
                })?;
        let quic = tokio::time::timeout(self.within, connecting)
            .await
            .map_err(|_| ConnectError::TimedOut {
                addr,
                after: self.within,
            })?
            .map_err(|e| ConnectError::Handshake {
                addr,
                reason: e.to_string(),
            })?;
        let peer = match peer_of(&quic) {
            Ok(peer) if peer.role == Role::Member => peer,
            Ok(peer) => return Err(no_member(&quic, addr, format!("its role is {}", peer.role))),
            Err(reason) => return Err(no_member(&quic, addr, reason)),
        };
        Ok(Connection::new(quic, self.role, peer, None))
    }

    /// Waits until the ends of connections have been told to their peers, [`CLOSING_TIMEOUT`] at most.
    pub async fn wait_idle(&self) {
        let told = async {
            for slot in [&self.v4, &self.v6] {
                let endpoint = slot.lock().clone();
                if let Some(endpoint) = endpoint {
                    endpoint.wait_idle().await;
                }
            }
        };
        let _ = tokio::time::timeout(CLOSING_TIMEOUT, told).await;
    }

    fn endpoint(&self, addr: SocketAddr) -> Result<quinn::Endpoint, ConnectError> {
        let (slot, local): (_, SocketAddr) = match addr {
            SocketAddr::V4(_) => (&self.v4, (Ipv4Addr::UNSPECIFIED, 0).into()),
            SocketAddr::V6(_) => (&self.v6, (Ipv6Addr::UNSPECIFIED, 0).into()),
        };
        let mut slot = slot.lock();
        if let Some(endpoint) = slot.as_ref() {
            return Ok(endpoint.clone());
        }
        let (socket, _) = socket::bind(local).map_err(ConnectError::Socket)?;
        let mut config = EndpointConfig::default();
        takes_long_datagrams(&mut config);
        let endpoint = quinn::Endpoint::new(config, None, socket, Arc::new(TokioRuntime))
            .map_err(ConnectError::Socket)?;
        Ok(slot.insert(endpoint).clone())
    }
}

fn client_config(identity: &Identity) -> Result<quinn::ClientConfig, TlsError> {
    let mut config = quinn::ClientConfig::new(Arc::new(identity.client_crypto()?));
    config.transport_config(transport_config(IDLE_TIMEOUT));
    Ok(config)
}

fn no_member(quic: &quinn::Connection, addr: SocketAddr, reason: String) -> ConnectError {
    quic.close(VarInt::from_u32(close::NO_IDENTITY), b"not a member");
    ConnectError::Peer {
        addr,
        source: BadPeerUri(reason),
    }
}
