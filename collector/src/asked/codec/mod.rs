//! The bytes of questions about shards and of their answers (`docs/wire-format.md`, "Questions about shards"). Pure: `event`, `wire`,
//! `traceql` and zstd alone, so that a fuzz target compiles these files as they are.
//!
//! Read [`Asked`] first, then [`Part`] and [`End`]. Every decoder is total; what it allocates is bounded by the bytes it was given.

mod conditions;
mod end;
mod events;
mod heard;
mod pack;
mod part;
mod question;
mod rows;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use end::{End, Outcome};
pub(crate) use heard::Heard;
pub(crate) use pack::MESSAGE_BYTES_MAX;
#[cfg(test)]
use pack::pack;
pub(crate) use part::{Part, Parts};
pub(crate) use question::{Asked, Listing, Logs, QUESTION_BYTES_MAX, Question, STREAM, TRACES_MAX};
pub(crate) use rows::{About, Audited, Gap, Summary};

use wire::bytes::ReadError;

/// Why bytes are no question and no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("format {0} of questions is not known: the members run releases that are too far apart")]
    Format(u8),
    #[error("there is no {0} {1}")]
    Unknown(&'static str, u64),
    #[error("{what}: {found}, at most {max}")]
    TooMuch {
        what: &'static str,
        found: usize,
        max: usize,
    },
    #[error("{0} cannot be decompressed")]
    Packed(&'static str),
    #[error("{0} are no OTLP")]
    Otlp(&'static str),
}

/// Refuses more than `max` of something.
fn at_most(what: &'static str, found: usize, max: usize) -> Result<(), Malformed> {
    if found > max {
        Err(Malformed::TooMuch { what, found, max })
    } else {
        Ok(())
    }
}
