//! OTLP, the OpenTelemetry protocol: its messages as protobuf, read and written by hand.
//!
//! Source: `opentelemetry-proto` v1.11 (`common/v1`, `resource/v1`, `trace/v1`, `logs/v1`, `collector/*/v1`).

pub mod proto;

#[cfg(test)]
mod tests;
