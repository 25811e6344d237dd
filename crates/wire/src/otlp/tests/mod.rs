//! Round trips, golden bytes, hostile input.

mod answers;
mod hostile;
mod json;
mod primitives;
mod round_trips;
pub(crate) mod samples;
