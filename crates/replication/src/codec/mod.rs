//! Bytes of what members say to each other (`docs/wire-format.md`, "Replication between collectors"). Any bytes give a message or
//! an error; no list is longer than its bound, and none takes more memory than a small multiple of the bytes that it came in.

mod hello;
mod read;
mod section;
#[cfg(test)]
mod tests;
mod write;

pub use hello::Hello;
pub use read::decode;
pub use write::encode;

/// Version of the protocol that this crate speaks.
pub const PROTOCOL: u16 = 1;

/// First byte of the first message of a stream that carries replication.
pub const STREAM: u8 = 3;

/// Bytes of one message, frames apart.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Sections of one message; frames that follow one.
pub const SECTIONS_MAX: usize = 4096;

/// Buckets, or sources of a bucket, in one answer.
pub const DIGESTS_MAX: usize = 65_536;

const APPEND: u8 = 1;
const APPENDED: u8 = 2;
const COPY: u8 = 3;
const COPIED: u8 = 4;
const ASK: u8 = 5;
const ANSWER: u8 = 6;
const INCLUDES: u8 = 7;

const BUCKETS: u8 = 1;
const GAPS: u8 = 2;
const SOURCES: u8 = 3;
const LIST: u8 = 4;
const BATCHES: u8 = 5;
const PART: u8 = 6;

const SYNCED: u8 = 1;
const STALE: u8 = 2;
const BEHIND: u8 = 3;
const LATER: u8 = 4;
const CONFLICT: u8 = 5;
const STOPPED: u8 = 6;
