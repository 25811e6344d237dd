//! Versions of real git repositories, made in temporary folders, in the code store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture is a failed test"
)]

mod faults;
mod folders;
mod lines;
mod moves;
mod support;
mod texts;
