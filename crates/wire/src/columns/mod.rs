//! Columns as parts (`docs/wire-format.md`, "Parts"): what frames of spans and of events have in common. A part is a run of bytes
//! of one column: numbers by plane, widths and bits of numbers, texts; compressed by itself if that pays.

mod bits;
mod intern;
mod read;
mod write;

pub(crate) use bits::{BitReader, BitWriter, join, stream_bits, width};
pub(crate) use intern::{Interner, same};
pub use read::Texts;
pub(crate) use read::{Parts, missing};
pub(crate) use write::{PartKind, PartWriter, Squeezer, TAG_RATIO, TAG_SLACK, UNITS};
