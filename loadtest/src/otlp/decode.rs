//! Spans out of protobuf: a `TracesData` (or an `ExportTraceServiceRequest`, or the `trace` of Tempo's answer: all have the
//! same fields). Independent of the server's decoder, so that it can judge it.

use std::sync::Arc;

use event::{
    KeyValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId, Value,
};

use super::proto::{Field, Fields, Malformed};

/// Depth of values in values; deeper ones are malformed.
const DEPTH_MAX: u32 = 32;

/// All spans of a `TracesData`.
pub(crate) fn traces_data(message: &[u8]) -> Result<Vec<Span>, Malformed> {
    let mut spans = Vec::new();
    for field in Fields::new(message) {
        if let (1, Field::Bytes(resource_spans)) = field? {
            read_resource_spans(resource_spans, &mut spans)?;
        }
    }
    Ok(spans)
}

/// All spans of Tempo's `TraceByIDResponse`, and what it says is missing (`status` = PARTIAL, `message`).
pub(crate) fn trace_by_id(message: &[u8]) -> Result<(Vec<Span>, Option<String>), Malformed> {
    let (mut spans, mut partial, mut said) = (Vec::new(), false, String::new());
    for field in Fields::new(message) {
        match field? {
            (1, Field::Bytes(trace)) => spans.extend(traces_data(trace)?),
            (3, Field::Number(status)) => partial = status != 0,
            (4, Field::Bytes(text)) => said = string(text)?,
            _ => {}
        }
    }
    Ok((spans, partial.then_some(said)))
}

fn read_resource_spans(message: &[u8], spans: &mut Vec<Span>) -> Result<(), Malformed> {
    let (mut resource, mut scopes) = (Resource::default(), Vec::new());
    for field in Fields::new(message) {
        match field? {
            (1, Field::Bytes(m)) => {
                for field in Fields::new(m) {
                    match field? {
                        (1, Field::Bytes(m)) => resource.attributes.push(attribute(m, 0)?),
                        (2, Field::Number(n)) => resource.dropped_attributes = n as u32,
                        _ => {}
                    }
                }
            }
            (2, Field::Bytes(m)) => scopes.push(m),
            (3, Field::Bytes(m)) => resource.schema_url = string(m)?,
            _ => {}
        }
    }
    let resource = Arc::new(resource);
    for scope in scopes {
        read_scope_spans(scope, &resource, spans)?;
    }
    Ok(())
}

fn read_scope_spans(
    message: &[u8],
    resource: &Arc<Resource>,
    spans: &mut Vec<Span>,
) -> Result<(), Malformed> {
    let (mut scope, mut found) = (Scope::default(), Vec::new());
    for field in Fields::new(message) {
        match field? {
            (1, Field::Bytes(m)) => {
                for field in Fields::new(m) {
                    match field? {
                        (1, Field::Bytes(m)) => scope.name = string(m)?,
                        (2, Field::Bytes(m)) => scope.version = string(m)?,
                        (3, Field::Bytes(m)) => scope.attributes.push(attribute(m, 0)?),
                        (4, Field::Number(n)) => scope.dropped_attributes = n as u32,
                        _ => {}
                    }
                }
            }
            (2, Field::Bytes(m)) => found.push(m),
            (3, Field::Bytes(m)) => scope.schema_url = string(m)?,
            _ => {}
        }
    }
    let scope = Arc::new(scope);
    for m in found {
        spans.push(span(m, resource, &scope)?);
    }
    Ok(())
}

fn span(message: &[u8], resource: &Arc<Resource>, scope: &Arc<Scope>) -> Result<Span, Malformed> {
    let mut s = Span {
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        ..Span::blank()
    };
    for field in Fields::new(message) {
        match field? {
            (1, Field::Bytes(m)) => s.trace = trace_id(m)?,
            (2, Field::Bytes(m)) => s.id = span_id(m)?,
            (3, Field::Bytes(m)) => s.trace_state = string(m)?,
            (4, Field::Bytes(m)) => s.parent = span_id(m)?,
            (5, Field::Bytes(m)) => s.name = string(m)?,
            (6, Field::Number(n)) => s.kind = SpanKind::try_from(code(n)?).map_err(|_| Malformed)?,
            (7, Field::Fixed64(n)) => s.start_ns = n,
            (8, Field::Fixed64(n)) => s.end_ns = n,
            (9, Field::Bytes(m)) => s.attributes.push(attribute(m, 0)?),
            (10, Field::Number(n)) => s.dropped_attributes = n as u32,
            (11, Field::Bytes(m)) => s.events.push(span_event(m)?),
            (12, Field::Number(n)) => s.dropped_events = n as u32,
            (13, Field::Bytes(m)) => s.links.push(span_link(m)?),
            (14, Field::Number(n)) => s.dropped_links = n as u32,
            (15, Field::Bytes(m)) => {
                for field in Fields::new(m) {
                    match field? {
                        (2, Field::Bytes(m)) => s.status_message = string(m)?,
                        (3, Field::Number(n)) => {
                            s.status = StatusCode::try_from(code(n)?).map_err(|_| Malformed)?;
                        }
                        _ => {}
                    }
                }
            }
            (16, Field::Fixed32(n)) => s.flags = n,
            _ => {}
        }
    }
    Ok(s)
}

fn span_event(message: &[u8]) -> Result<SpanEvent, Malformed> {
    let mut e = SpanEvent::default();
    for field in Fields::new(message) {
        match field? {
            (1, Field::Fixed64(n)) => e.time_ns = n,
            (2, Field::Bytes(m)) => e.name = string(m)?,
            (3, Field::Bytes(m)) => e.attributes.push(attribute(m, 0)?),
            (4, Field::Number(n)) => e.dropped_attributes = n as u32,
            _ => {}
        }
    }
    Ok(e)
}

fn span_link(message: &[u8]) -> Result<SpanLink, Malformed> {
    let mut l = SpanLink::default();
    for field in Fields::new(message) {
        match field? {
            (1, Field::Bytes(m)) => l.trace = trace_id(m)?,
            (2, Field::Bytes(m)) => l.id = span_id(m)?,
            (3, Field::Bytes(m)) => l.trace_state = string(m)?,
            (4, Field::Bytes(m)) => l.attributes.push(attribute(m, 0)?),
            (5, Field::Number(n)) => l.dropped_attributes = n as u32,
            (6, Field::Fixed32(n)) => l.flags = n,
            _ => {}
        }
    }
    Ok(l)
}

fn attribute(message: &[u8], depth: u32) -> Result<KeyValue, Malformed> {
    let mut a = KeyValue::default();
    for field in Fields::new(message) {
        match field? {
            (1, Field::Bytes(m)) => a.key = string(m)?,
            (2, Field::Bytes(m)) => a.value = value(m, depth)?,
            _ => {}
        }
    }
    Ok(a)
}

fn value(message: &[u8], depth: u32) -> Result<Value, Malformed> {
    if depth >= DEPTH_MAX {
        return Err(Malformed);
    }
    let mut v = Value::Empty;
    for field in Fields::new(message) {
        v = match field? {
            (1, Field::Bytes(m)) => Value::String(string(m)?),
            (2, Field::Number(n)) => Value::Bool(n != 0),
            (3, Field::Number(n)) => Value::Int(n.cast_signed()),
            (4, Field::Fixed64(n)) => Value::Double(f64::from_bits(n)),
            (5, Field::Bytes(m)) => Value::Array(list(m, |m| value(m, depth + 1))?),
            (6, Field::Bytes(m)) => Value::Map(list(m, |m| attribute(m, depth + 1))?),
            (7, Field::Bytes(m)) => Value::Bytes(m.to_vec()),
            _ => v,
        };
    }
    Ok(v)
}

/// The messages of field 1.
fn list<T>(message: &[u8], read: impl Fn(&[u8]) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
    let mut all = Vec::new();
    for field in Fields::new(message) {
        if let (1, Field::Bytes(m)) = field? {
            all.push(read(m)?);
        }
    }
    Ok(all)
}

fn string(m: &[u8]) -> Result<String, Malformed> {
    String::from_utf8(m.to_vec()).map_err(|_| Malformed)
}

fn code(n: u64) -> Result<u8, Malformed> {
    u8::try_from(n).map_err(|_| Malformed)
}

fn trace_id(m: &[u8]) -> Result<TraceId, Malformed> {
    let bytes = m.try_into().map_err(|_| Malformed)?;
    Ok(TraceId(u128::from_be_bytes(bytes)))
}

fn span_id(m: &[u8]) -> Result<SpanId, Malformed> {
    if m.is_empty() {
        return Ok(SpanId(0));
    }
    let bytes = m.try_into().map_err(|_| Malformed)?;
    Ok(SpanId(u64::from_be_bytes(bytes)))
}
