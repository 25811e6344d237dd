//! The BEAM's external term format, as events carry it: opaque until somebody asks.
//!
//! [`skip_term`] finds the end of a term without allocating. [`Term::decode`] makes a tree of it, [`render()`] Elixir's
//! spelling. [`Token::read`] reads piece by piece, for who needs deeper terms than [`DEPTH_MAX`]. The payloads of `docs/node-socket.md` are [`ValuePayload`], [`ErrorPayload`], [`RootPayload`] and
//! [`LossPayload`].

mod leaf;
mod payload;
mod printer;
mod render;
mod skip;
mod term;
mod token;

pub use payload::{ErrorPayload, LossPayload, RootPayload, StackFrame, ValuePayload};
pub use render::render;
pub use skip::skip_term;
pub use term::Term;
pub use token::{AtomText, Token, VERSION};

use crate::ErrorClass;
use crate::bytes::ReadError;

/// Terms may be this deep.
pub const DEPTH_MAX: usize = 64;

/// Why bytes are not a term.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EtfError {
    /// They end early.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A tag that is no term's.
    #[error("tag {tag} at byte {at} is not known")]
    Tag {
        /// The tag.
        tag: u8,
        /// Its offset.
        at: usize,
    },
    /// A compressed term; the node sends none.
    #[error("term is compressed")]
    Compressed,
    /// Too deep.
    #[error("term is deeper than {DEPTH_MAX}")]
    Depth,
    /// A length, bit count, digit or text that cannot be.
    #[error("{0} at byte {1} is not allowed")]
    Value(&'static str, usize),
}

impl EtfError {
    /// What to do: bytes that are wrong stay wrong.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Invalid
    }
}

#[cfg(test)]
mod tests;
