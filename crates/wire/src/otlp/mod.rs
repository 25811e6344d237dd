//! OTLP, the OpenTelemetry protocol: its messages as protobuf and as JSON, read and written by hand. What is accepted and what
//! is answered: `docs/otlp.md`.
//!
//! Source: `opentelemetry-proto` v1.11. [`schema`] is the one table of field numbers and JSON names; [`decode_traces`] and
//! [`decode_logs`] give the model, [`encode_traces`] and [`encode_logs`] take it.

mod answer;
mod decode;
mod encode;
mod json;
mod notes;
pub mod proto;
mod record;
pub mod schema;
mod stored;
mod value;

pub use answer::{Code, Detail, MESSAGE_CHARS_MAX, encode_response, encode_status, status_json};
pub use decode::{
    ATTRIBUTES_MAX, DECODED_BYTES_MAX, DEPTH_MAX, Decoded, OtlpError, decode_logs, decode_traces,
};
pub use encode::{encode_logs, encode_traces};
pub use json::{JsonError, json_to_protobuf, logs_json, protobuf_to_json, traces_json};
pub use notes::{Notes, Reject};
pub use stored::{stored_fields, stored_resource, stored_scope, stored_text, stored_value};

#[cfg(test)]
pub(crate) mod tests;
