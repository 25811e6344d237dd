//! The control stream of an agent's QUIC session (`docs/wire-format.md`, "QUIC session").
//!
//! [`AgentMessage`] goes to the collector, [`CollectorMessage`] comes back. `encode` and `decode` are of one message
//! (type and body), without the little-endian length in front of it; [`with_length`] and [`message_len`] are for that.

mod agent_message;
mod collector_map;
mod collector_message;

pub use crate::node_socket::{Module, ModulesOp};
pub use agent_message::{AgentHello, AgentMessage, NodeDescription};
pub use collector_map::{CollectorAt, CollectorMap};
pub use collector_message::{AckRange, CollectorMessage, ErrorCode, HelloOk, RejectCode};

use crate::DecodeError;

/// The version of this protocol. 2 has MAP.
pub const VERSION: u16 = 2;
/// The oldest version that is spoken with an agent. A collector answers in the agent's.
pub const VERSION_OLDEST: u16 = 1;
/// ALPN of the session.
pub const ALPN: &[u8] = b"elixirscope/1";
/// Greatest message, in bytes, without its length field.
pub const MESSAGE_BYTES_MAX: usize = 4_259_840;

/// The length of the message that follows this field; refuses zero and more than [`MESSAGE_BYTES_MAX`].
pub fn message_len(field: [u8; 4]) -> Result<usize, DecodeError> {
    let len = u32::from_le_bytes(field) as usize;
    if len == 0 {
        return Err(DecodeError::Unknown {
            what: "message length",
            code: 0,
        });
    }
    DecodeError::check_size("control message", len, MESSAGE_BYTES_MAX)?;
    Ok(len)
}

/// The message with its little-endian length in front.
pub fn with_length(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 4);
    out.extend_from_slice(&(message.len() as u32).to_le_bytes());
    out.extend_from_slice(message);
    out
}

#[cfg(test)]
mod tests;
