//! A connection with a peer whose identity is proven, and its streams.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use quinn::VarInt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use rustls::pki_types::CertificateDer;

use crate::admission::Slot;
use crate::error::StreamError;
use crate::limits::{MEMBER_BIDI_STREAMS_MAX, MEMBER_RECEIVE_WINDOW_BYTES};
use crate::peer::{PeerIdentity, Role};

/// An open connection. Clones share it; it is closed when the last clone and the last of its streams are dropped.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    quic: quinn::Connection,
    peer: PeerIdentity,
    _slot: Option<Slot>,
}

impl Connection {
    /// `own`: the role that we showed. Two members grant each other more.
    pub(crate) fn new(quic: quinn::Connection, own: Role, peer: PeerIdentity, slot: Option<Slot>) -> Self {
        if own == Role::Member && peer.role == Role::Member {
            quic.set_max_concurrent_bi_streams(VarInt::from_u32(MEMBER_BIDI_STREAMS_MAX));
            quic.set_receive_window(VarInt::from_u32(MEMBER_RECEIVE_WINDOW_BYTES));
        }
        Self(Arc::new(Inner {
            quic,
            peer,
            _slot: slot,
        }))
    }

    /// Role and name, from the peer's certificate.
    pub fn peer(&self) -> &PeerIdentity {
        &self.0.peer
    }

    pub(crate) fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        let shown = self.0.quic.peer_identity()?;
        shown
            .downcast::<Vec<CertificateDer<'static>>>()
            .ok()
            .map(|of| *of)
    }

    /// The peer's address.
    pub fn remote_addr(&self) -> SocketAddr {
        self.0.quic.remote_address()
    }

    /// Is this the same connection, not only one with the same peer?
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Is it not known to have ended? The other end may be dead for up to the idle timeout before that is noticed.
    pub fn is_open(&self) -> bool {
        self.0.quic.close_reason().is_none()
    }

    /// Round-trip time as estimated now.
    pub fn rtt(&self) -> Duration {
        self.0.quic.rtt()
    }

    /// Datagrams received so far. A peer that lives acknowledges what it gets, whatever its program does: while something is under way and
    /// this does not move, nobody is there.
    pub fn datagrams_received(&self) -> u64 {
        self.0.quic.stats().udp_rx.datagrams
    }

    /// Bytes of a datagram that the path is known to take, UDP's payload. Grows from 1,200 after the handshake, as probes are answered.
    pub fn datagram_bytes(&self) -> u16 {
        self.0.quic.stats().path.current_mtu
    }

    /// Datagrams that were sent and are taken to be lost.
    pub fn datagrams_lost(&self) -> u64 {
        self.0.quic.stats().path.lost_packets
    }

    /// Opens a stream in both directions; waits while the peer allows no more.
    pub async fn open_bi(&self) -> Result<(SendStream, RecvStream), StreamError> {
        let (send, recv) = self.0.quic.open_bi().await?;
        Ok((self.send(send), self.recv(recv)))
    }

    /// Opens a stream to the peer; waits while the peer allows no more.
    pub async fn open_uni(&self) -> Result<SendStream, StreamError> {
        Ok(self.send(self.0.quic.open_uni().await?))
    }

    /// The next stream in both directions that the peer opened. Safe to cancel.
    pub async fn accept_bi(&self) -> Result<(SendStream, RecvStream), StreamError> {
        let (send, recv) = self.0.quic.accept_bi().await?;
        Ok((self.send(send), self.recv(recv)))
    }

    /// The next stream to us that the peer opened. Safe to cancel.
    pub async fn accept_uni(&self) -> Result<RecvStream, StreamError> {
        Ok(self.recv(self.0.quic.accept_uni().await?))
    }

    /// Closes at once; what is not delivered is lost. Codes: [`crate::close`].
    pub fn close(&self, code: u32, reason: &str) {
        self.0.quic.close(VarInt::from_u32(code), reason.as_bytes());
    }

    /// Waits until the connection has ended, and says why.
    pub async fn closed(&self) -> StreamError {
        self.0.quic.closed().await.into()
    }

    fn send(&self, quic: quinn::SendStream) -> SendStream {
        SendStream {
            quic,
            _connection: Arc::clone(&self.0),
        }
    }

    fn recv(&self, quic: quinn::RecvStream) -> RecvStream {
        RecvStream {
            quic,
            _connection: Arc::clone(&self.0),
        }
    }
}

/// Bytes to the peer. Dropped = finished in order.
#[derive(Debug)]
pub struct SendStream {
    quic: quinn::SendStream,
    _connection: Arc<Inner>,
}

impl SendStream {
    /// Waits until the peer has received everything after [`AsyncWrite::poll_shutdown`], or does not want it.
    pub async fn delivered(&self) {
        let _ = self.quic.stopped().await;
    }
}

impl AsyncWrite for SendStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.quic), cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.quic), cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.quic), cx)
    }
}

/// Bytes from the peer. Dropped = the peer is told to stop.
#[derive(Debug)]
pub struct RecvStream {
    quic: quinn::RecvStream,
    _connection: Arc<Inner>,
}

impl AsyncRead for RecvStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.quic), cx, buf)
    }
}
