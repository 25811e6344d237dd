//! The UDP socket of an endpoint, with room for what arrives while nobody reads.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use rustix::net::sockopt;

use crate::limits::SOCKET_BUFFER_BYTES;

/// Binds `addr`. Linux gives a socket 208 KiB, which a burst of one peer's window fills within a millisecond, and then drops datagrams
/// without a word; so more is asked for. It gives at most `net.core.rmem_max` and `wmem_max`, unless we may administer the network.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(addr)?;
    if sockopt::set_socket_recv_buffer_size_force(&socket, SOCKET_BUFFER_BYTES).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER_BYTES)?;
    }
    sockopt::set_socket_send_buffer_size(&socket, SOCKET_BUFFER_BYTES)?;
    // Twice what was asked for, by the kernel's account: it counts its own overhead.
    let given = sockopt::socket_recv_buffer_size(&socket)? / 2;
    tracing::debug!(%addr, given, wanted = SOCKET_BUFFER_BYTES, "receive buffer of the socket");
    Ok(socket)
}
