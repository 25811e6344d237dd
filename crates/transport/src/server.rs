//! A listening member: accepts peers with certificates of our authority, within limits. No peer can stop it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quinn::{ConnectionError, EndpointConfig, Incoming, TokioRuntime, VarInt};
use quinn_proto::HashedConnectionIdGenerator;
use rustls::pki_types::CertificateDer;
use tokio::sync::{Mutex, mpsc};

use crate::admission::{Admission, Refusal, ServerStats};
use crate::close;
use crate::connection::Connection;
use crate::error::{BindError, TlsError};
use crate::limits::{
    CLOSING_TIMEOUT, INCOMING_BUFFER_BYTES, INCOMING_BUFFER_TOTAL_BYTES, Limits, takes_long_datagrams,
    transport_config,
};
use crate::peer::{PeerIdentity, Role};
use crate::socket;
use crate::tls::Identity;

/// Connections that are ready and not yet taken by [`Server::accept`].
const READY_MAX: usize = 64;

/// TLS alerts that are counted apart (RFC 8446, section 6.2), as QUIC error codes.
const ALERT_NO_CERTIFICATE: u64 = 0x100 + 116;
const ALERT_NO_PROTOCOL: u64 = 0x100 + 120;
const ALERTS_BAD_CERTIFICATE: std::ops::RangeInclusive<u64> = 0x100 + 42..=0x100 + 49;
/// A signature that does not hold: an authority of the same name with another key.
const ALERT_BAD_SIGNATURE: u64 = 0x100 + 51;

/// A UDP address on which peers connect.
#[derive(Debug)]
pub struct Server {
    endpoint: quinn::Endpoint,
    local_addr: SocketAddr,
    receive_buffer_bytes: usize,
    limits: Limits,
    stats: Arc<ServerStats>,
    ready: Mutex<mpsc::Receiver<Connection>>,
}

impl Server {
    /// Takes `addr` and starts to accept, on the current tokio runtime.
    pub fn bind(addr: SocketAddr, identity: &Identity, limits: Limits) -> Result<Self, BindError> {
        let config = server_config(identity, &limits)?;
        let failed = |source: io::Error| {
            if source.kind() == io::ErrorKind::AddrInUse {
                BindError::AddressInUse(addr)
            } else {
                BindError::Io { addr, source }
            }
        };
        let (socket, receive_buffer_bytes) = socket::bind(addr).map_err(failed)?;
        let endpoint = quinn::Endpoint::new(
            endpoint_config(identity),
            Some(config),
            socket,
            Arc::new(TokioRuntime),
        )
        .map_err(failed)?;
        let local_addr = endpoint.local_addr().map_err(failed)?;
        let stats = Arc::<ServerStats>::default();
        let admission = Arc::new(Admission::new(limits.clone(), Arc::clone(&stats)));
        let (sender, ready) = mpsc::channel(READY_MAX);
        tokio::spawn(accept_all(endpoint.clone(), limits.clone(), admission, sender));
        Ok(Self {
            endpoint,
            local_addr,
            receive_buffer_bytes,
            limits,
            stats,
            ready: Mutex::new(ready),
        })
    }

    /// The address, with the port that was chosen if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What the kernel holds for this address until it is read; [`crate::limits::SOCKET_BUFFER_BYTES`] were asked for.
    pub fn receive_buffer_bytes(&self) -> usize {
        self.receive_buffer_bytes
    }

    /// Counters.
    pub fn stats(&self) -> &Arc<ServerStats> {
        &self.stats
    }

    /// The next peer; `None` after [`Server::close`]. Safe to cancel.
    pub async fn accept(&self) -> Option<Connection> {
        self.ready.lock().await.recv().await
    }

    /// New certificates for connections from now on.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), TlsError> {
        self.endpoint
            .set_server_config(Some(server_config(identity, &self.limits)?));
        Ok(())
    }

    /// Closes all connections and waits until the peers have been told, [`CLOSING_TIMEOUT`] at most.
    pub async fn close(&self, code: u32, reason: &str) {
        self.endpoint.close(VarInt::from_u32(code), reason.as_bytes());
        let _ = tokio::time::timeout(CLOSING_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.endpoint
            .close(VarInt::from_u32(close::SHUTTING_DOWN), b"dropped");
    }
}

/// With keys that outlive the process: whoever comes after a crash with the same identity answers packets of connections that it does
/// not know with the reset that their peers expect (RFC 9000, section 10.3), so that they connect again at once instead of after the
/// idle timeout.
fn endpoint_config(identity: &Identity) -> EndpointConfig {
    let reset = identity.derived(b"elixirscope stateless reset");
    let reset = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, reset.as_ref());
    let ids = identity.derived(b"elixirscope connection ids");
    let ids = ids
        .as_ref()
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mut config = EndpointConfig::new(Arc::new(reset));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
    takes_long_datagrams(&mut config);
    config
}

fn server_config(identity: &Identity, limits: &Limits) -> Result<quinn::ServerConfig, TlsError> {
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(identity.server_crypto()?));
    config
        .transport_config(transport_config(limits.idle_timeout))
        .migration(false)
        .max_incoming(limits.incoming_max)
        .incoming_buffer_size(INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(INCOMING_BUFFER_TOTAL_BYTES);
    Ok(config)
}

async fn accept_all(
    endpoint: quinn::Endpoint,
    limits: Limits,
    admission: Arc<Admission>,
    ready: mpsc::Sender<Connection>,
) {
    while let Some(incoming) = endpoint.accept().await {
        let stats = &admission.stats;
        if let Err(reason) = admission.precheck(incoming.remote_address().ip()) {
            stats.refuse(reason);
            incoming.refuse();
            continue;
        }
        let handshakes = stats.handshakes();
        if handshakes >= limits.incoming_max {
            stats.refuse(Refusal::TooManyHandshakes);
            incoming.refuse();
        } else if handshakes >= limits.retry_above && !incoming.remote_address_validated() {
            stats.refuse(Refusal::AddressUnproven);
            // Cannot fail: `may_retry` holds for every address that is not validated.
            if let Err(error) = incoming.retry() {
                error.into_incoming().ignore();
            }
        } else {
            stats.handshakes.fetch_add(1, Ordering::Relaxed);
            let (admission, ready, within) =
                (Arc::clone(&admission), ready.clone(), limits.handshake_timeout);
            tokio::spawn(async move {
                let outcome = handshake(incoming, within, &admission).await;
                admission.stats.handshakes.fetch_sub(1, Ordering::Relaxed);
                match outcome {
                    Ok(connection) => {
                        let _ = ready.send(connection).await;
                    }
                    Err(reason) => {
                        admission.stats.refuse(reason);
                        tracing::debug!(reason = reason.name(), "connection refused");
                    }
                }
            });
        }
    }
}

async fn handshake(
    incoming: Incoming,
    within: Duration,
    admission: &Arc<Admission>,
) -> Result<Connection, Refusal> {
    let address = incoming.remote_address().ip();
    let connecting = incoming.accept().map_err(|e| reason_of(&e))?;
    let quic = tokio::time::timeout(within, connecting)
        .await
        .map_err(|_| Refusal::HandshakeTimeout)?
        .map_err(|e| reason_of(&e))?;
    let refuse = |reason: Refusal, code: u32, text: &str| {
        quic.close(VarInt::from_u32(code), text.as_bytes());
        reason
    };
    let peer = peer_of(&quic).map_err(|e| refuse(Refusal::NoIdentity, close::NO_IDENTITY, &e))?;
    let slot = admission
        .admit(address, &peer)
        .map_err(|reason| refuse(reason, close::BUSY, "too many connections, try again later"))?;
    // What connects is served by a member, whatever its certificate says besides.
    Ok(Connection::new(quic, Role::Member, peer, Some(slot)))
}

/// Role and name from the certificate of a finished handshake.
pub(crate) fn peer_of(quic: &quinn::Connection) -> Result<PeerIdentity, String> {
    let certificates = quic
        .peer_identity()
        .and_then(|any| any.downcast::<Vec<CertificateDer<'static>>>().ok())
        .ok_or_else(|| "no certificate".to_owned())?;
    let leaf = certificates.first().ok_or_else(|| "no certificate".to_owned())?;
    PeerIdentity::from_certificate(leaf).map_err(|e| e.to_string())
}

fn reason_of(error: &ConnectionError) -> Refusal {
    let code = match error {
        ConnectionError::TransportError(e) => u64::from(e.code),
        ConnectionError::ConnectionClosed(e) => u64::from(e.error_code),
        ConnectionError::TimedOut => return Refusal::HandshakeTimeout,
        _ => return Refusal::Handshake,
    };
    match code {
        ALERT_NO_CERTIFICATE => Refusal::NoCertificate,
        ALERT_NO_PROTOCOL => Refusal::WrongProtocol,
        ALERT_BAD_SIGNATURE => Refusal::BadCertificate,
        code if ALERTS_BAD_CERTIFICATE.contains(&code) => Refusal::BadCertificate,
        _ => Refusal::Handshake,
    }
}
