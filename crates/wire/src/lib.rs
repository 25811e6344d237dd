//! The bytes: every format that leaves a process, and nothing else. Pure: no socket, no file, no clock.
//!
//! Normative documents: `docs/wire-format.md` ([`frame`], [`control`]), `docs/node-socket.md` ([`node_socket`],
//! [`etf`]), `docs/site-table.md` ([`site_table`]), `docs/otlp.md` ([`otlp`]). Every decoder is total: any bytes give a value or an error,
//! and no allocation is larger than what the bytes at hand can fill. Read [`frame::FrameBuilder`] and
//! [`frame::decode_directory`] first.

#![warn(clippy::indexing_slicing)]

pub mod base64;
pub mod bytes;
mod columns;
pub mod control;
mod error;
pub mod etf;
pub mod events;
pub mod frame;
pub mod node_socket;
pub mod otlp;
pub mod site_table;
pub mod spans;

pub use error::{DecodeError, ErrorClass};
