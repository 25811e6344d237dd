//! The UDP socket of an endpoint, with room for what arrives while nobody reads.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use rustix::net::sockopt;

use crate::limits::SOCKET_BUFFER_BYTES;

/// Binds `addr`. Linux gives a socket 208 KiB, which a burst of one peer's window fills within a millisecond, and then drops datagrams
/// without a word; so more is asked for. It gives at most `net.core.rmem_max` and `wmem_max`, unless we may administer the network.
/// Also gives the bytes that it may hold of what arrives.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<(UdpSocket, usize)> {
    let socket = UdpSocket::bind(addr)?;
    if sockopt::set_socket_recv_buffer_size_force(&socket, SOCKET_BUFFER_BYTES).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER_BYTES)?;
    }
    sockopt::set_socket_send_buffer_size(&socket, SOCKET_BUFFER_BYTES)?;
    // The kernel doubles what it gives, for its own overhead.
    let receives = sockopt::socket_recv_buffer_size(&socket)? / 2;
    Ok((socket, receives))
}
