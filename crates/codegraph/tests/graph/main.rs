//! The graph engine against naive oracles.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod between;
mod codec;
mod common;
mod community;
mod overlay;
mod path;
mod rank;
mod reach;
mod scc;
mod slice;
