//! OTLP requests that are right, odd, wrong and hostile, each with the answer that OTLP's specification, HTTP or gRPC asks for
//! (`docs/otlp.md`), against the real doors on loopback. Behind them is an intake that decodes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]
#![allow(
    clippy::too_many_lines,
    clippy::semicolon_if_nothing_returned,
    clippy::large_stack_arrays,
    reason = "tables of cases"
)]

mod access;
mod compression;
mod doors;
mod envelope;
mod grpc;
mod house;
mod http_client;
mod json;
mod requests;
mod values;
