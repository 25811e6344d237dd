//! Why a text is no query: where, and what was expected there.

use thiserror::Error;

/// Longest query, bytes.
pub const QUERY_BYTES_MAX: usize = 64 << 10;
/// How deep parentheses and signs may nest.
pub const NESTING_MAX: u32 = 64;
/// How high a tree of operators may grow; a chain of `n` operators makes a tree of height `n`.
pub const HEIGHT_MAX: u32 = 512;

/// A text that is no query, or one that is not supported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// Where the trouble begins, bytes from the beginning.
    pub offset: usize,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// What was expected, and what was found.
    pub message: String,
}

/// An error that does not know lines yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
        }
    }

    /// The place in the text that was parsed.
    pub(crate) fn in_text(self, text: &str) -> ParseError {
        let before = text.get(..self.offset).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() as u32 + 1;
        ParseError {
            offset: self.offset,
            line,
            column,
            message: self.message,
        }
    }
}
