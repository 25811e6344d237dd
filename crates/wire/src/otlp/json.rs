//! OTLP/JSON: protobuf's JSON mapping with OTLP's deviations (`docs/specification.md`, "JSON Protobuf Encoding"): ids are
//! hexadecimal, enums are numbers, keys are lowerCamelCase only, unknown keys are ignored. It is read into protobuf bytes and
//! written from them, by the table of [`super::schema`]: one decoder stands behind both encodings.

mod lexer;
mod read;
mod write;

pub use lexer::JsonError;
pub use read::json_to_protobuf;
pub(super) use write::write_text;
pub use write::{logs_json, protobuf_to_json, traces_json};
