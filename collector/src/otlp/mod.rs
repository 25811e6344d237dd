//! The OTLP doors: traces and logs over HTTP (4318) and gRPC (4317), from anything that is instrumented with OpenTelemetry.
//! What is accepted, what is answered and the limits: `docs/otlp.md`.
//!
//! A request becomes uncompressed protobuf bytes and is handed to an [`Intake`], whose answer becomes OTLP's. Nothing here looks
//! at a span. Read [`OtlpServer`] first, then `http` and `grpc`.

mod answer;
mod body;
mod budget;
mod config;
mod connection;
mod grpc;
mod http;
mod intake;
mod lag;
mod metrics;
mod server;
mod service;
mod unpack;

pub use config::{OtlpConfig, OtlpLimits};
pub use intake::{Intake, Receipt, Refusal};
pub use server::{OtlpServer, OtlpStartError};
