//! Why bytes are not a frame, and why events do not fit in one.

use super::{
    BODY_BYTES_MAX, EVENTS_MAX, HEADER_BYTES, PAYLOAD_BYTES_MAX, RATIO_MAX, RATIO_SLACK_BYTES, SECTIONS_MAX,
    VERSION, VERSION_SPANS, WINDOW_BYTES_MAX,
};
use crate::ErrorClass;
use crate::bytes::ReadError;
use crate::control::RejectCode;

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than a header.
    #[error("frame of {0} bytes is shorter than its header of {HEADER_BYTES}")]
    Short(usize),
    /// Other first bytes.
    #[error("frame begins with {0:02x?}, not with ESF1")]
    Magic([u8; 4]),
    /// Another version.
    #[error(
        "frame version {0} is not known, or not expected here: {VERSION} for events, {VERSION_SPANS} for spans"
    )]
    Version(u16),
    /// Unknown compression.
    #[error("frame compression {0} is not known")]
    Compression(u8),
    /// A byte that must be 0.
    #[error("reserved byte of the frame header is {0}")]
    Reserved(u8),
    /// Body beyond the limit.
    #[error("body of {0} bytes exceeds the limit of {BODY_BYTES_MAX}")]
    BodyTooLarge(u32),
    /// Payload beyond the limit.
    #[error("payload of {0} bytes exceeds the limit of {PAYLOAD_BYTES_MAX}")]
    PayloadTooLarge(u32),
    /// Payload too large for its body.
    #[error(
        "payload of {payload} bytes exceeds {RATIO_MAX} times its body of {body} bytes plus {RATIO_SLACK_BYTES}"
    )]
    Ratio {
        /// Declared payload, in bytes.
        payload: u32,
        /// Declared body, in bytes.
        body: u32,
    },
    /// Too many sections.
    #[error("{0} sections exceed the limit of {SECTIONS_MAX}")]
    Sections(u32),
    /// Too many events.
    #[error("{0} events exceed the limit of {EVENTS_MAX}")]
    Events(u32),
    /// The body is shorter or longer than the header says.
    #[error("body of {actual} bytes is declared as {declared}")]
    BodyLength {
        /// In the header.
        declared: u32,
        /// Behind it.
        actual: usize,
    },
    /// The payload is shorter or longer than the header says.
    #[error("payload of {actual} bytes is declared as {declared}")]
    PayloadLength {
        /// In the header.
        declared: u32,
        /// In the body.
        actual: u64,
    },
    /// Wrong checksum.
    #[error("crc is {actual:08x}, the header says {declared:08x}")]
    Crc {
        /// In the header.
        declared: u32,
        /// Of the bytes.
        actual: u32,
    },
    /// zstd window beyond the limit.
    #[error("zstd window of {0} bytes exceeds the limit of {WINDOW_BYTES_MAX}")]
    Window(u64),
    /// Not one zstd frame that fills the body.
    #[error("body is not one zstd frame: {0}")]
    Zstd(&'static str),
    /// The payload ends early, or has bytes left over.
    #[error("{what}: {source}")]
    Read {
        /// Where.
        what: &'static str,
        /// What.
        source: ReadError,
    },
    /// Two numbers that must agree do not.
    #[error("{what}: {found}, {expected} expected")]
    Disagree {
        /// Which numbers.
        what: &'static str,
        /// The one found.
        found: u64,
        /// The one expected (a limit, for an index).
        expected: u64,
    },
    /// A code, index or value of a column that means nothing.
    #[error("column {column}, row {row}: value {value} is not allowed")]
    Value {
        /// Column's id.
        column: u8,
        /// Row in its section.
        row: usize,
        /// The value.
        value: u64,
    },
    /// A column's encoding is unknown, or not one for this column.
    #[error("column {column}: encoding {encoding} is not allowed")]
    Encoding {
        /// Column's id.
        column: u8,
        /// The encoding.
        encoding: u8,
    },
}

impl FrameError {
    /// What to do: a frame that is wrong stays wrong.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Invalid
    }

    /// How a collector says it to the agent.
    pub fn reject_code(&self) -> RejectCode {
        match self {
            Self::Crc { .. } => RejectCode::Crc,
            Self::Version(_) => RejectCode::Version,
            Self::BodyTooLarge(_)
            | Self::PayloadTooLarge(_)
            | Self::Ratio { .. }
            | Self::Sections(_)
            | Self::Events(_)
            | Self::Window(_) => RejectCode::TooLarge,
            _ => RejectCode::Malformed,
        }
    }

    pub(crate) fn read(what: &'static str) -> impl Fn(ReadError) -> Self {
        move |source| Self::Read { what, source }
    }

    /// Refuses two numbers that do not agree.
    pub(crate) fn check_equal(what: &'static str, found: u64, expected: u64) -> Result<(), Self> {
        if found == expected {
            Ok(())
        } else {
            Err(Self::Disagree {
                what,
                found,
                expected,
            })
        }
    }
}

/// More than one frame can hold: cut it into smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameTooLarge {
    /// Too many of something.
    #[error("{found} {what} exceed the limit of {max}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Too many bytes.
    #[error("{what} of {found} bytes exceeds the limit of {max}")]
    Bytes {
        /// Which part.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The limit.
        max: usize,
    },
}
