//! Spans and logs, as OpenTelemetry has them (`opentelemetry/proto/trace/v1/trace.proto`, `logs/v1/logs.proto`). What a
//! BEAM node did is shown as spans too, so that all doors speak of one thing.

use std::sync::Arc;

use crate::value::value_of;
use crate::{KeyValue, SpanId, TraceId, Value, codes};

codes! {
    /// What a span is between two services.
    SpanKind("span kind") {
        /// Not said.
        Unspecified = 0 "unspecified",
        /// Inside one service.
        Internal = 1 "internal",
        /// Handles a request.
        Server = 2 "server",
        /// Makes a request.
        Client = 3 "client",
        /// Sends a message.
        Producer = 4 "producer",
        /// Receives a message.
        Consumer = 5 "consumer",
    }
}

codes! {
    /// How a span ended.
    StatusCode("status code") {
        /// Not said.
        Unset = 0 "unset",
        /// Well.
        Ok = 1 "ok",
        /// With an error.
        Error = 2 "error",
    }
}

/// One timed operation of a trace. Times are Unix nanoseconds, as they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Trace, never 0.
    pub trace: TraceId,
    /// Id in the trace, never 0.
    pub id: SpanId,
    /// Parent, 0 = none.
    pub parent: SpanId,
    /// W3C trace state.
    pub trace_state: String,
    /// W3C trace flags in the lowest byte, and whether the parent is remote (OTLP's `flags`).
    pub flags: u32,
    /// Operation.
    pub name: String,
    /// Kind.
    pub kind: SpanKind,
    /// Start.
    pub start_ns: u64,
    /// End; may lie before the start, as sent.
    pub end_ns: u64,
    /// How it ended.
    pub status: StatusCode,
    /// What was said of the status.
    pub status_message: String,
    /// Attributes, in order.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
    /// Events, in order.
    pub events: Vec<SpanEvent>,
    /// Events that the sender dropped.
    pub dropped_events: u32,
    /// Links, in order.
    pub links: Vec<SpanLink>,
    /// Links that the sender dropped.
    pub dropped_links: u32,
    /// Who made it.
    pub resource: Arc<Resource>,
    /// With which library.
    pub scope: Arc<Scope>,
}

impl Span {
    /// A span of which nothing is known: all ids and times 0, no text, nothing attached.
    pub fn blank() -> Self {
        Self {
            trace: TraceId(0),
            id: SpanId(0),
            parent: SpanId(0),
            trace_state: String::new(),
            flags: 0,
            name: String::new(),
            kind: SpanKind::Unspecified,
            start_ns: 0,
            end_ns: 0,
            status: StatusCode::Unset,
            status_message: String::new(),
            attributes: Vec::new(),
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: Vec::new(),
            dropped_links: 0,
            resource: Arc::default(),
            scope: Arc::default(),
        }
    }
}

/// Something that happened during a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanEvent {
    /// When, Unix nanoseconds.
    pub time_ns: u64,
    /// What.
    pub name: String,
    /// Attributes, in order.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
}

/// Another span that belongs to this one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanLink {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub id: SpanId,
    /// Its trace state.
    pub trace_state: String,
    /// Attributes of the link, in order.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
    /// Its flags.
    pub flags: u32,
}

/// The entity that made spans or logs: a service instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// Attributes, in order.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
    /// Schema of resource and scopes.
    pub schema_url: String,
}

/// The library that made spans or logs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Attributes, in order.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
    /// Schema of the spans or logs.
    pub schema_url: String,
}

/// A log record.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    /// When it happened, Unix nanoseconds, 0 = not known.
    pub time_ns: u64,
    /// When it was seen, Unix nanoseconds.
    pub observed_ns: u64,
    /// Severity, 1 to 24, 0 = not said.
    pub severity: u8,
    /// Severity as the source wrote it.
    pub severity_text: String,
    /// What was logged.
    pub body: Value,
    /// Attributes, in order.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
    /// W3C trace flags.
    pub flags: u32,
    /// Trace, 0 = none.
    pub trace: TraceId,
    /// Span, 0 = none.
    pub span: SpanId,
    /// Name of the kind of event.
    pub event_name: String,
    /// Who made it.
    pub resource: Arc<Resource>,
    /// With which library.
    pub scope: Arc<Scope>,
}

/// What a resource without a name is called (OpenTelemetry's semantic conventions, `service.name`).
pub const SERVICE_UNKNOWN: &str = "unknown_service";

impl Resource {
    /// Its `service.name`.
    pub fn service(&self) -> &str {
        let named = value_of(&self.attributes, "service.name").and_then(Value::as_str);
        named.unwrap_or(SERVICE_UNKNOWN)
    }
}

impl Span {
    /// How long it took, nanoseconds; 0 if it ended before it began.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}
