//! Why bytes are no compiled module, or a chunk of one cannot be read.

use wire::etf::EtfError;

use super::{BEAM_BYTES_MAX, TERM_BYTES_MAX, TERM_DEPTH_MAX, TERM_PIECES_MAX};

/// Why a compiled module, or a part of it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeamFault {
    /// No `FOR1` ... `BEAM`.
    #[error("not a .beam file: it begins with {found:02x?}")]
    NotBeam {
        /// Its first bytes, at most 4.
        found: Vec<u8>,
    },
    /// Larger than any module.
    #[error("a .beam file of more than {BEAM_BYTES_MAX} bytes")]
    TooLarge,
    /// The file says more bytes than it has.
    #[error("truncated: {wanted} bytes wanted at byte {at}, {left} left")]
    Truncated {
        /// Offset in the file.
        at: usize,
        /// How many are said.
        wanted: usize,
        /// How many there are.
        left: usize,
    },
    /// The compressed file or chunk does not unpack.
    #[error("{what} does not unpack: {why}")]
    Unpack {
        /// What is compressed.
        what: &'static str,
        /// What the decompressor says.
        why: String,
    },
    /// A chunk that a module must have.
    #[error("no chunk {0}")]
    NoChunk(&'static str),
    /// A chunk whose bytes are not what they must be.
    #[error("chunk {chunk}: {why}")]
    Chunk {
        /// Its name.
        chunk: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// A chunk's term is no term.
    #[error("chunk {chunk}: {why}")]
    Term {
        /// Its name.
        chunk: &'static str,
        /// What is wrong.
        why: EtfError,
    },
    /// A chunk's term is too large.
    #[error(
        "a term of more than {TERM_BYTES_MAX} bytes, {TERM_PIECES_MAX} pieces or {TERM_DEPTH_MAX} levels"
    )]
    TermTooLarge,
}
