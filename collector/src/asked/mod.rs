//! Questions about shards, between members: what they are as bytes, and how this member answers them (`docs/replication.md`, "The
//! shell"). Who asks is [`crate::shards`].
//!
//! Read [`codec`] first, then `answer`: the same answers go to this member itself, without bytes.

mod answer;
pub(crate) mod codec;
mod convert;
mod desk;
mod metrics;
mod names;

pub(crate) use answer::Answer;
pub(crate) use codec::{QUESTION_BYTES_MAX, STREAM};
pub(crate) use desk::{Desk, Standings};
pub(crate) use metrics::{DeskMetrics, SECONDS};
pub(crate) use names::scope_of;
