//! Questions over shards that several members hold: collectors with stores of their own on the loopback, asked over QUIC.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "tests"
)]

mod bed;
mod events;
mod given_up;
mod logs;
mod moves;
mod parts;
mod spans;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
