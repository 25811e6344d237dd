//! The messages of OTLP: field numbers, types, and the names that they have in JSON. What [`super::decode_traces`] matches,
//! what [`super::encode_traces`] writes and what [`super::json_to_protobuf`] looks names up in is this one table.
//!
//! Source: `opentelemetry-proto` v1.11, `opentelemetry/proto/{common,resource,trace,logs}/v1/*.proto`,
//! `opentelemetry/proto/collector/{trace,logs}/v1/*_service.proto`. Fields that are left out here (`entity_refs`, references
//! to the dictionary of profiles) are skipped as unknown ones.

use super::proto::{FIXED32, FIXED64, LENGTH, VARINT, key, known};

/// The type of a field: how it lies in protobuf, and how JSON shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `string`.
    Text,
    /// `bytes` that JSON has as hexadecimal digits: ids.
    Hex,
    /// `bytes` that JSON has as base64.
    Base64,
    /// `bool`.
    Bool,
    /// `int64`; a string in JSON.
    Int64,
    /// `uint32`; a number in JSON.
    Uint32,
    /// `fixed64`; a string in JSON.
    Fixed64,
    /// `fixed32`; a number in JSON.
    Fixed32,
    /// `double`.
    Double,
    /// An enum; a number in JSON.
    Enum,
    /// A message.
    Message,
    /// Any number of messages.
    Messages,
}

impl Shape {
    /// How it lies in protobuf.
    pub const fn wire_type(self) -> u32 {
        match self {
            Self::Text | Self::Hex | Self::Base64 | Self::Message | Self::Messages => LENGTH,
            Self::Bool | Self::Int64 | Self::Uint32 | Self::Enum => VARINT,
            Self::Fixed64 | Self::Double => FIXED64,
            Self::Fixed32 => FIXED32,
        }
    }
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// Field number and wire type, as in protobuf.
    pub key: u32,
    /// Name in JSON.
    pub json: &'static str,
    /// Type.
    pub shape: Shape,
    /// The message that it is, for [`Shape::Message`] and [`Shape::Messages`].
    pub of: Option<&'static Message>,
}

/// A message.
#[derive(Debug)]
pub struct Message {
    /// Name in its package.
    pub name: &'static str,
    /// Fields, in the order in which they are written.
    pub fields: &'static [Field],
}

macro_rules! messages {
    ($($module:ident $name:literal {
        $($field:ident = $number:literal $json:literal $shape:ident $(($of:ident))?,)*
    })*) => {$(
        #[doc = concat!("Keys of `", $name, "`.")]
        pub mod $module {
            use super::{Field, Message, Shape, key, known};

            $(#[doc = concat!("`", $json, "`")]
            pub const $field: u32 = key($number, Shape::$shape.wire_type());)*

            /// Its field numbers.
            pub const KNOWN: u64 = known(&[$($number),*]);
            /// Its description.
            pub static MESSAGE: Message = Message {
                name: $name,
                fields: &[$(Field {
                    key: $field,
                    json: $json,
                    shape: Shape::$shape,
                    of: messages!(@of $($of)?),
                }),*],
            };
        }
    )*};
    (@of) => { None };
    (@of $of:ident) => { Some(&super::$of::MESSAGE) };
}

messages! {
    traces "TracesData" {
        RESOURCE_SPANS = 1 "resourceSpans" Messages(resource_spans),
    }
    resource_spans "ResourceSpans" {
        RESOURCE = 1 "resource" Message(resource),
        SCOPE_SPANS = 2 "scopeSpans" Messages(scope_spans),
        SCHEMA_URL = 3 "schemaUrl" Text,
    }
    scope_spans "ScopeSpans" {
        SCOPE = 1 "scope" Message(scope),
        SPANS = 2 "spans" Messages(span),
        SCHEMA_URL = 3 "schemaUrl" Text,
    }
    span "Span" {
        TRACE_ID = 1 "traceId" Hex,
        SPAN_ID = 2 "spanId" Hex,
        TRACE_STATE = 3 "traceState" Text,
        PARENT_SPAN_ID = 4 "parentSpanId" Hex,
        FLAGS = 16 "flags" Fixed32,
        NAME = 5 "name" Text,
        KIND = 6 "kind" Enum,
        START = 7 "startTimeUnixNano" Fixed64,
        END = 8 "endTimeUnixNano" Fixed64,
        ATTRIBUTES = 9 "attributes" Messages(key_value),
        DROPPED_ATTRIBUTES = 10 "droppedAttributesCount" Uint32,
        EVENTS = 11 "events" Messages(event),
        DROPPED_EVENTS = 12 "droppedEventsCount" Uint32,
        LINKS = 13 "links" Messages(link),
        DROPPED_LINKS = 14 "droppedLinksCount" Uint32,
        STATUS = 15 "status" Message(status),
    }
    event "Span.Event" {
        TIME = 1 "timeUnixNano" Fixed64,
        NAME = 2 "name" Text,
        ATTRIBUTES = 3 "attributes" Messages(key_value),
        DROPPED_ATTRIBUTES = 4 "droppedAttributesCount" Uint32,
    }
    link "Span.Link" {
        TRACE_ID = 1 "traceId" Hex,
        SPAN_ID = 2 "spanId" Hex,
        TRACE_STATE = 3 "traceState" Text,
        ATTRIBUTES = 4 "attributes" Messages(key_value),
        DROPPED_ATTRIBUTES = 5 "droppedAttributesCount" Uint32,
        FLAGS = 6 "flags" Fixed32,
    }
    status "Status" {
        MESSAGE_TEXT = 2 "message" Text,
        CODE = 3 "code" Enum,
    }
    logs "LogsData" {
        RESOURCE_LOGS = 1 "resourceLogs" Messages(resource_logs),
    }
    resource_logs "ResourceLogs" {
        RESOURCE = 1 "resource" Message(resource),
        SCOPE_LOGS = 2 "scopeLogs" Messages(scope_logs),
        SCHEMA_URL = 3 "schemaUrl" Text,
    }
    scope_logs "ScopeLogs" {
        SCOPE = 1 "scope" Message(scope),
        LOG_RECORDS = 2 "logRecords" Messages(log_record),
        SCHEMA_URL = 3 "schemaUrl" Text,
    }
    log_record "LogRecord" {
        TIME = 1 "timeUnixNano" Fixed64,
        OBSERVED_TIME = 11 "observedTimeUnixNano" Fixed64,
        SEVERITY = 2 "severityNumber" Enum,
        SEVERITY_TEXT = 3 "severityText" Text,
        BODY = 5 "body" Message(any_value),
        ATTRIBUTES = 6 "attributes" Messages(key_value),
        DROPPED_ATTRIBUTES = 7 "droppedAttributesCount" Uint32,
        FLAGS = 8 "flags" Fixed32,
        TRACE_ID = 9 "traceId" Hex,
        SPAN_ID = 10 "spanId" Hex,
        EVENT_NAME = 12 "eventName" Text,
    }
    resource "Resource" {
        ATTRIBUTES = 1 "attributes" Messages(key_value),
        DROPPED_ATTRIBUTES = 2 "droppedAttributesCount" Uint32,
    }
    scope "InstrumentationScope" {
        NAME = 1 "name" Text,
        VERSION = 2 "version" Text,
        ATTRIBUTES = 3 "attributes" Messages(key_value),
        DROPPED_ATTRIBUTES = 4 "droppedAttributesCount" Uint32,
    }
    key_value "KeyValue" {
        KEY = 1 "key" Text,
        VALUE = 2 "value" Message(any_value),
    }
    any_value "AnyValue" {
        STRING = 1 "stringValue" Text,
        BOOL = 2 "boolValue" Bool,
        INT = 3 "intValue" Int64,
        DOUBLE = 4 "doubleValue" Double,
        ARRAY = 5 "arrayValue" Message(array),
        MAP = 6 "kvlistValue" Message(map),
        BYTES = 7 "bytesValue" Base64,
    }
    array "ArrayValue" {
        VALUES = 1 "values" Messages(any_value),
    }
    map "KeyValueList" {
        VALUES = 1 "values" Messages(key_value),
    }
    response "ExportTraceServiceResponse" {
        PARTIAL_SUCCESS = 1 "partialSuccess" Message(partial_success),
    }
    partial_success "ExportTracePartialSuccess" {
        REJECTED = 1 "rejectedSpans" Int64,
        ERROR_MESSAGE = 2 "errorMessage" Text,
    }
    log_response "ExportLogsServiceResponse" {
        PARTIAL_SUCCESS = 1 "partialSuccess" Message(log_partial_success),
    }
    log_partial_success "ExportLogsPartialSuccess" {
        REJECTED = 1 "rejectedLogRecords" Int64,
        ERROR_MESSAGE = 2 "errorMessage" Text,
    }
}
