//! Protocol Buffers on the wire (<https://protobuf.dev/programming-guides/encoding/>): reading by borrowing, writing into
//! one buffer. No schema and no generated code; [`super`] knows the messages.
//!
//! A message is read as a loop over keys: `while let Some(key) = reader.key()? { match key { NAME => reader.bytes()?, ..,
//! other => reader.skip_unknown(other, KNOWN)? } }`, where a key is `field number << 3 | wire type` ([`key`]). A known field
//! with another wire type is an error, as in the OpenTelemetry Collector; a field of an unknown number is skipped, groups too.

mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

/// Wire type: varint.
pub const VARINT: u32 = 0;
/// Wire type: eight bytes, little-endian.
pub const FIXED64: u32 = 1;
/// Wire type: length and bytes: strings, bytes, messages.
pub const LENGTH: u32 = 2;
/// Wire type: begin of a group (proto2; only skipped here).
pub const GROUP: u32 = 3;
/// Wire type: end of a group.
pub const END_GROUP: u32 = 4;
/// Wire type: four bytes, little-endian.
pub const FIXED32: u32 = 5;

/// Groups in groups that are skipped.
pub const GROUPS_MAX: usize = 32;

/// The key of a field: what precedes its value.
pub const fn key(number: u32, wire_type: u32) -> u32 {
    number << 3 | wire_type
}

/// A set of field numbers below 64, for [`Reader::skip_unknown`].
pub const fn known(numbers: &[u32]) -> u64 {
    let mut set = 0;
    let mut rest = numbers;
    while let [number, tail @ ..] = rest {
        set |= 1 << *number;
        rest = tail;
    }
    set
}

/// Why bytes are not a message. Offsets are those of the whole message, the outermost one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProtoError {
    /// The bytes end before the value does.
    #[error("truncated at byte {at}: {wanted} bytes wanted, {left} left")]
    Truncated {
        /// Offset of the value.
        at: usize,
        /// Bytes that it needs.
        wanted: u64,
        /// Bytes that are there.
        left: usize,
    },
    /// A varint of more than 64 bits.
    #[error("varint at byte {at} does not fit in 64 bits")]
    Varint {
        /// Offset of the varint.
        at: usize,
    },
    /// A field number of 0 or above 2^29 - 1, or a wire type of 6 or 7.
    #[error("key at byte {at} is not a protobuf key")]
    Key {
        /// After the key.
        at: usize,
    },
    /// A field that is known with another wire type.
    #[error("field {number} before byte {at} has wire type {wire_type}")]
    WireType {
        /// After the key.
        at: usize,
        /// Which field.
        number: u32,
        /// What it has.
        wire_type: u32,
    },
    /// A group that does not begin, does not end, or lies too deep in others.
    #[error("group before byte {at} does not match, or more than {GROUPS_MAX} lie in one another")]
    Group {
        /// After the key.
        at: usize,
    },
}
