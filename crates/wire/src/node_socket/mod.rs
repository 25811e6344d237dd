//! The Unix socket between a BEAM node and its agent (`docs/node-socket.md`).
//!
//! [`NodeMessage`] goes to the agent, [`AgentMessage`] comes back. `encode` and `decode` are of one message, without
//! the **big-endian** length in front of it; [`with_length`] and [`message_len`] are for that.

mod agent_message;
mod node_message;
mod record;

pub use agent_message::AgentMessage;
pub use node_message::{Chunk, Hello, Module, ModulesOp, NodeMessage};
pub use record::Record;

use crate::DecodeError;

/// The version of this protocol.
pub const VERSION: u16 = 1;
/// Greatest message, in bytes, without its length field.
pub const MESSAGE_BYTES_MAX: usize = 4_194_304;
/// Greatest payload of a record, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 65_536;
/// A record without payload, in bytes.
pub const RECORD_BYTES: usize = 96;
/// Greatest id of a shape.
pub const SHAPE_ID_MAX: u16 = 32_767;

/// The length of the message that follows this field; refuses zero and more than [`MESSAGE_BYTES_MAX`].
pub fn message_len(field: [u8; 4]) -> Result<usize, DecodeError> {
    let len = u32::from_be_bytes(field) as usize;
    if len == 0 {
        return Err(DecodeError::Unknown {
            what: "message length",
            code: 0,
        });
    }
    DecodeError::check_size("message", len, MESSAGE_BYTES_MAX)?;
    Ok(len)
}

/// The message with its big-endian length in front.
pub fn with_length(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 4);
    out.extend_from_slice(&(message.len() as u32).to_be_bytes());
    out.extend_from_slice(message);
    out
}

#[cfg(test)]
mod tests;
