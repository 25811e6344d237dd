//! What a node may not do.

use event::NodeKey;
use wire::DecodeError;

/// Bytes of shapes of one node.
pub(super) const SHAPE_BYTES_MAX: usize = 4 << 20;
/// Bytes of a node's name: an atom has no more characters, and a collector takes no more.
pub(super) const NAME_BYTES_MAX: usize = 255;
/// Writers of one node: schedulers, and one for messages.
pub(super) const WRITERS_MAX: usize = 1024;

/// A node broke the protocol; its connection is closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The bytes are no message.
    #[error("message not readable: {0}")]
    Decode(#[from] DecodeError),
    /// Another message came first.
    #[error("the first message must be HELLO")]
    HelloMissing,
    /// HELLO came again.
    #[error("HELLO came twice")]
    HelloTwice,
    /// Too many shapes.
    #[error("shapes of more than {SHAPE_BYTES_MAX} bytes")]
    ShapesTooLarge,
    /// A collector would refuse every frame with this name.
    #[error("node name of {0} bytes is empty, longer than {NAME_BYTES_MAX} bytes or not printable")]
    BadName(usize),
    /// Another key than follows from name, creation and VM start.
    #[error(
        "node key {found} of {name:?} is not {expected}, which follows from its name, creation and VM start"
    )]
    BadKey {
        /// As in HELLO.
        name: String,
        /// As in HELLO.
        found: NodeKey,
        /// As derived.
        expected: NodeKey,
    },
    /// Too many writers.
    #[error("more than {WRITERS_MAX} writers")]
    TooManyWriters,
    /// A number of 0, or numbers that overflow.
    #[error("chunk with first number {0}")]
    BadNumber(u64),
}

impl SessionError {
    /// As a metric label.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Decode(_) => "decode",
            Self::HelloMissing => "hello_missing",
            Self::HelloTwice => "hello_twice",
            Self::ShapesTooLarge => "shapes_too_large",
            Self::BadName(_) => "bad_name",
            Self::BadKey { .. } => "bad_key",
            Self::TooManyWriters => "too_many_writers",
            Self::BadNumber(_) => "bad_number",
        }
    }
}
