//! What is wrong with bytes, and what a caller should do about it.

use crate::bytes::ReadError;

/// What a caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The input is wrong and will stay wrong: refuse it, count it, never retry.
    Invalid,
}

/// Why bytes are not a message, table or payload of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end early, hold no UTF-8 where text is due, or more than they should.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Larger than the format allows.
    #[error("{what} of {bytes} bytes exceeds the limit of {max}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// A format version that this one does not read.
    #[error("{what} version {found} is not known, only {known}")]
    Version {
        /// Of what.
        what: &'static str,
        /// The one found.
        found: u16,
        /// The one that is read here.
        known: u16,
    },
    /// The bytes do not begin as they should.
    #[error("{what} begins with {found:02x?}")]
    Magic {
        /// What it should have been.
        what: &'static str,
        /// The first four bytes.
        found: [u8; 4],
    },
    /// A number that names nothing.
    #[error("{what} {code} is not known")]
    Unknown {
        /// A code of what.
        what: &'static str,
        /// The number.
        code: u64,
    },
    /// A number outside of its range.
    #[error("{what} is {value}, more than {max}")]
    Range {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The greatest that is allowed.
        max: u64,
    },
}

impl DecodeError {
    /// What to do: bytes that are wrong stay wrong.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Invalid
    }

    /// Refuses more than `max` bytes.
    pub(crate) fn check_size(what: &'static str, bytes: usize, max: usize) -> Result<(), Self> {
        if bytes > max {
            return Err(Self::TooLarge {
                what,
                bytes: bytes as u64,
                max: max as u64,
            });
        }
        Ok(())
    }
}

impl From<event::UnknownCode> for DecodeError {
    fn from(unknown: event::UnknownCode) -> Self {
        Self::Unknown {
            what: unknown.what,
            code: u64::from(unknown.code),
        }
    }
}
