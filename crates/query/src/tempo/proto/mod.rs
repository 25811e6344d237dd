//! Requests and answers as protobuf: the messages of `tempopb` that Grafana's data source speaks. `tempopb.Trace` is
//! `opentelemetry.proto.trace.v1.TracesData`.

mod answer;
mod request;

pub use answer::{instant, range, search, tag_names, tag_values};
pub use request::{Call, Pairs};

use event::Span;
use wire::otlp::encode_traces;
use wire::otlp::proto::{LENGTH, VARINT, Writer, key};

const TRACE: u32 = key(1, LENGTH);
const METRICS: u32 = key(2, LENGTH);
const STATUS: u32 = key(3, VARINT);
const MESSAGE: u32 = key(4, LENGTH);
/// `PartialStatus.PARTIAL`.
const PARTIAL: u64 = 1;

/// `tempopb.Trace`.
pub fn trace(spans: &[Span]) -> Vec<u8> {
    encode_traces(spans)
}

/// `tempopb.TraceByIDResponse`. The trace is there even if it is empty: Grafana's data source reads it without asking.
pub fn trace_by_id(spans: &[Span], missing: &[String]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.bytes_always(TRACE, &encode_traces(spans));
    writer.message(METRICS, |_| ());
    if !missing.is_empty() {
        writer.varint(STATUS, PARTIAL);
        writer.bytes(MESSAGE, missing.join("; ").as_bytes());
    }
    writer.into_bytes()
}
