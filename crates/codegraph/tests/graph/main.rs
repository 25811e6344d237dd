//! The graph engine against naive oracles.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
mod overlay;
mod rank;
mod reach;
mod scc;
