//! A trace as Jaeger has it.

use std::collections::BTreeMap;

use event::{KeyValue, SpanKind, StatusCode, Value, value_of};
use serde::Serialize;

/// A trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// 32 hexadecimal digits.
    #[serde(rename = "traceID")]
    pub trace_id: String,
    /// By start.
    pub spans: Vec<Span>,
    /// Who made them, by the ids that spans name.
    pub processes: BTreeMap<String, Process>,
    /// What the answer lacks.
    pub warnings: Option<Vec<String>>,
}

/// A span.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// 32 hexadecimal digits.
    #[serde(rename = "traceID")]
    pub trace_id: String,
    /// 16 hexadecimal digits.
    #[serde(rename = "spanID")]
    pub span_id: String,
    /// W3C trace flags.
    pub flags: u32,
    /// Name.
    pub operation_name: String,
    /// Parent and links.
    pub references: Vec<Reference>,
    /// Unix microseconds.
    pub start_time: u64,
    /// Microseconds.
    pub duration: u64,
    /// Attributes, kind, status, library.
    pub tags: Vec<Field>,
    /// Events.
    pub logs: Vec<Log>,
    /// Key of `processes`.
    #[serde(rename = "processID")]
    pub process_id: String,
    /// What is odd about it.
    pub warnings: Option<Vec<String>>,
}

/// Another span.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// `CHILD_OF` or `FOLLOWS_FROM`.
    pub ref_type: &'static str,
    /// Its trace.
    #[serde(rename = "traceID")]
    pub trace_id: String,
    /// Its id.
    #[serde(rename = "spanID")]
    pub span_id: String,
}

/// A service instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// `service.name`.
    pub service_name: String,
    /// Its other attributes.
    pub tags: Vec<Field>,
}

/// An event of a span.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Log {
    /// Unix microseconds.
    pub timestamp: u64,
    /// Its name as `event`, its attributes.
    pub fields: Vec<Field>,
}

/// A key with a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Key.
    pub key: String,
    /// Type and value.
    #[serde(flatten)]
    pub value: Typed,
}

/// A value with its type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum Typed {
    /// Text; arrays and maps as JSON.
    String(String),
    /// Truth.
    Bool(bool),
    /// Whole number.
    Int64(i64),
    /// Double; what JSON has no number for is text.
    Float64(f64),
    /// Base64.
    Binary(String),
}

/// An edge of the service graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Who called.
    pub parent: String,
    /// Whom.
    pub child: String,
    /// How often.
    pub call_count: u64,
}

impl Trace {
    /// Of its spans; none of none.
    pub fn of(spans: &[event::Span], missing: &[String]) -> Option<Self> {
        let first = spans.first()?;
        let mut processes = Vec::new();
        let spans: Vec<Span> = spans.iter().map(|span| Span::of(span, &mut processes)).collect();
        let named = processes.into_iter().zip(1u32..);
        Some(Self {
            trace_id: first.trace.to_string(),
            spans,
            processes: named
                .map(|(process, number)| (format!("p{number}"), process))
                .collect(),
            warnings: (!missing.is_empty()).then(|| missing.to_vec()),
        })
    }
}

impl Span {
    fn of(span: &event::Span, processes: &mut Vec<Process>) -> Self {
        let process = Process::of(&span.resource);
        let known = processes.iter().position(|known| *known == process);
        let number = known.unwrap_or_else(|| {
            processes.push(process);
            processes.len() - 1
        });
        let mut references = Vec::new();
        if span.parent.0 != 0 {
            references.push(Reference {
                ref_type: "CHILD_OF",
                trace_id: span.trace.to_string(),
                span_id: span.parent.to_string(),
            });
        }
        references.extend(span.links.iter().map(|link| Reference {
            ref_type: "FOLLOWS_FROM",
            trace_id: link.trace.to_string(),
            span_id: link.id.to_string(),
        }));
        let odd = (span.end_ns < span.start_ns).then(|| vec!["it ended before it began".to_owned()]);
        Self {
            trace_id: span.trace.to_string(),
            span_id: span.id.to_string(),
            flags: span.flags & 0xff,
            operation_name: span.name.clone(),
            references,
            start_time: span.start_ns / 1_000,
            duration: span.duration_ns() / 1_000,
            tags: tags(span),
            logs: span.events.iter().map(Log::of).collect(),
            process_id: format!("p{}", number + 1),
            warnings: odd,
        }
    }
}

/// As the OpenTelemetry specification maps spans to Jaeger's ("Transformation to Jaeger").
fn tags(span: &event::Span) -> Vec<Field> {
    let mut tags: Vec<Field> = span.attributes.iter().map(Field::of).collect();
    let mut text = |key: &str, value: &str| {
        tags.push(Field {
            key: key.to_owned(),
            value: Typed::String(value.to_owned()),
        });
    };
    if span.kind != SpanKind::Unspecified {
        text("span.kind", span.kind.name());
    }
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => text("otel.status_code", "OK"),
        StatusCode::Error => text("otel.status_code", "ERROR"),
    }
    if !span.status_message.is_empty() {
        text("otel.status_description", &span.status_message);
    }
    if !span.scope.name.is_empty() {
        text("otel.scope.name", &span.scope.name);
    }
    if !span.scope.version.is_empty() {
        text("otel.scope.version", &span.scope.version);
    }
    if !span.trace_state.is_empty() {
        text("w3c.tracestate", &span.trace_state);
    }
    if span.status == StatusCode::Error && value_of(&span.attributes, "error").is_none() {
        tags.push(Field {
            key: "error".to_owned(),
            value: Typed::Bool(true),
        });
    }
    tags
}

impl Process {
    fn of(resource: &event::Resource) -> Self {
        let others = resource
            .attributes
            .iter()
            .filter(|attribute| attribute.key != "service.name");
        Self {
            service_name: resource.service().to_owned(),
            tags: others.map(Field::of).collect(),
        }
    }
}

impl Log {
    fn of(event: &event::SpanEvent) -> Self {
        let name = Field {
            key: "event".to_owned(),
            value: Typed::String(event.name.clone()),
        };
        Self {
            timestamp: event.time_ns / 1_000,
            fields: std::iter::once(name)
                .chain(event.attributes.iter().map(Field::of))
                .collect(),
        }
    }
}

impl Field {
    fn of(attribute: &KeyValue) -> Self {
        Self {
            key: attribute.key.clone(),
            value: Typed::of(&attribute.value),
        }
    }
}

impl Typed {
    fn of(value: &Value) -> Self {
        match value {
            Value::Empty => Self::String(String::new()),
            Value::String(text) => Self::String(text.clone()),
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number) => Self::Int64(*number),
            Value::Double(number) if number.is_finite() => Self::Float64(*number),
            Value::Double(number) => Self::String(number.to_string()),
            Value::Array(_) | Value::Map(_) => Self::String(plain(value).to_string()),
            Value::Bytes(bytes) => Self::Binary(base64(bytes)),
        }
    }
}

/// A value as people write JSON. Values nest 32 deep at most.
fn plain(value: &Value) -> serde_json::Value {
    match value {
        Value::Empty => serde_json::Value::Null,
        Value::String(text) => text.as_str().into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Double(number) => {
            serde_json::Number::from_f64(*number).map_or_else(|| number.to_string().into(), Into::into)
        }
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Map(pairs) => pairs
            .iter()
            .map(|pair| (pair.key.clone(), plain(&pair.value)))
            .collect(),
        Value::Bytes(bytes) => base64(bytes).into(),
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    wire::base64::encode(bytes, &mut out);
    out
}
