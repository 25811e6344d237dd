//! Questions about shards, between members: what they are as bytes, and how this member answers them (`docs/replication.md`, "The
//! shell"). Who asks is [`crate::shards`].
//!
//! Read [`codec`] first, then `answer`: the same answers go to this member itself, without bytes.

mod answer;
pub(crate) mod codec;
mod convert;
mod desk;
mod metrics;

pub(crate) use answer::{Answer, scope_of};
pub(crate) use codec::{QUESTION_BYTES_MAX, STREAM};
pub(crate) use desk::{Desk, Standings};
pub(crate) use metrics::{DeskMetrics, SECONDS};
