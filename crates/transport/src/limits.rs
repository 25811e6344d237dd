//! What a peer may make us hold. Reasons and the defaults of quinn that these replace: its `receive_window` is
//! unlimited, and buffers of unfinished handshakes may grow to 100 MiB.

use std::sync::Arc;
use std::time::Duration;

use quinn::{AckFrequencyConfig, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};

/// The one application protocol.
pub const ALPN: &[u8] = b"elixirscope/1";

/// Unread bytes that a peer may have under way on a connection.
pub const RECEIVE_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// The same on one stream.
pub const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes that we hold unacknowledged for a connection.
pub const SEND_WINDOW_BYTES: u64 = 8 * 1024 * 1024;
/// Bidirectional streams that a peer may have open.
pub const BIDI_STREAMS_MAX: u32 = 4;
/// Unidirectional streams that a peer may have open.
pub const UNI_STREAMS_MAX: u32 = 16;
/// Bidirectional streams that a member may have open on a connection with another: calls and questions under way.
pub const MEMBER_BIDI_STREAMS_MAX: u32 = 64;
/// Unread bytes that a member may have under way on a connection with another: streams that are read slowly must not stop the rest.
pub const MEMBER_RECEIVE_WINDOW_BYTES: u32 =
    (MEMBER_BIDI_STREAMS_MAX + UNI_STREAMS_MAX) * STREAM_WINDOW_BYTES;
/// Connections in handshake that are held at once; above it they are refused.
pub const INCOMING_MAX: usize = 1024;
/// Connections in handshake above which addresses must prove themselves (Retry).
pub const RETRY_ABOVE: usize = 256;
/// Bytes held for one connection that is not accepted yet.
pub const INCOMING_BUFFER_BYTES: u64 = 64 * 1024;
/// Bytes held for all of them.
pub const INCOMING_BUFFER_TOTAL_BYTES: u64 = 8 * 1024 * 1024;
/// A connection on which nothing came for this long is gone.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Datagrams that quinn hands to the kernel at once (`UDP_SEGMENT`).
const DATAGRAMS_AT_ONCE: u16 = 10;
/// Longest datagram. What the path takes is found by probing (RFC 8899), so that a path of 1,500 bytes is used as such. A datagram costs
/// the receiver some 10 us, however long it is; but what is handed over at once must fit the 65,507 bytes that UDP has over IPv4: the
/// kernel refuses more (`EMSGSIZE`), and all ten are lost.
pub const DATAGRAM_BYTES_MAX: u16 = 6_528;
/// What the kernel is asked to hold of an endpoint in either direction until it is read or sent: half of what a peer may have under way.
pub const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// Datagrams after which a peer is asked to acknowledge at once; fewer are acknowledged after its delay, 25 ms, or with what it sends
/// anyway (`draft-ietf-quic-ack-frequency`). Without it every second one is.
pub const ACK_AFTER_DATAGRAMS: u32 = 8;
/// Pings, so that a quiet connection is not taken for a dead one.
pub const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A handshake ends within this time or is given up.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a process that ends waits until its peers have been told. QUIC would wait three times the longest answer that it expects, to
/// answer what comes late: half a minute for a connection that began while the peer was away. A socket that is closed answers nothing
/// (RFC 9000, section 10.2).
pub const CLOSING_TIMEOUT: Duration = Duration::from_secs(1);

const _: () = assert!(DATAGRAM_BYTES_MAX as u32 * DATAGRAMS_AT_ONCE as u32 <= 65_507);
const _: () = assert!(ACK_AFTER_DATAGRAMS > 1);
const _: () = assert!(STREAM_WINDOW_BYTES <= RECEIVE_WINDOW_BYTES);
const _: () = assert!(RETRY_ABOVE < INCOMING_MAX);
const _: () = assert!(KEEP_ALIVE.as_secs() * 2 < IDLE_TIMEOUT.as_secs());
const _: () = assert!(INCOMING_BUFFER_BYTES <= INCOMING_BUFFER_TOTAL_BYTES);

/// What a server grants. The default is the named constants; tests shrink it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Handshakes at once above which more are refused.
    pub incoming_max: usize,
    /// Handshakes at once above which addresses must prove themselves.
    pub retry_above: usize,
    /// Duration of a handshake.
    pub handshake_timeout: Duration,
    /// Silence after which a connection is gone.
    pub idle_timeout: Duration,
    /// Connections at once.
    pub connections_max: usize,
    /// Connections at once from one IP address.
    pub connections_per_address_max: usize,
    /// Connections at once with one identity.
    pub connections_per_identity_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            incoming_max: INCOMING_MAX,
            retry_above: RETRY_ABOVE,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            connections_max: 4096,
            connections_per_address_max: 1024,
            connections_per_identity_max: 1024,
        }
    }
}

/// Datagrams of that length are taken.
pub(crate) fn takes_long_datagrams(config: &mut EndpointConfig) {
    // Cannot fail: the length is above the least that QUIC allows.
    if let Err(error) = config.max_udp_payload_size(DATAGRAM_BYTES_MAX) {
        tracing::warn!(%error, "datagrams stay short");
    }
}

pub(crate) fn transport_config(idle_timeout: Duration) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    let idle = IdleTimeout::try_from(idle_timeout).ok();
    let mut datagrams = MtuDiscoveryConfig::default();
    datagrams.upper_bound(DATAGRAM_BYTES_MAX);
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(ACK_AFTER_DATAGRAMS - 1));
    config
        .receive_window(VarInt::from_u32(RECEIVE_WINDOW_BYTES))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .max_concurrent_bidi_streams(VarInt::from_u32(BIDI_STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(UNI_STREAMS_MAX))
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        .max_idle_timeout(idle)
        .mtu_discovery_config(Some(datagrams))
        .ack_frequency_config(Some(acks))
        .keep_alive_interval(Some(KEEP_ALIVE.min(idle_timeout / 3)));
    Arc::new(config)
}
