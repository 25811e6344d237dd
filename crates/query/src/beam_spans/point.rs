//! Points inside a frame as events and links of its span.

use event::{Event, EventKind, KeyValue, Span, SpanEvent, SpanId, SpanLink, StatusCode};

use super::attributes::{code, number, set, values};
use crate::answer::{ErrorInfo, Item};

/// Adds a point to the span in which it happened.
pub(super) fn add(span: &mut Span, item: &Item, event: &Event, time_ns: u64) {
    let mut attributes = Vec::new();
    code(&mut attributes, item);
    set(&mut attributes, "beam.event", item.id.as_str());
    set(&mut attributes, "beam.hlc", number(event.hlc.0));
    match event.kind {
        EventKind::Link => {
            // Which span of the other trace is meant is not recorded: the trace is.
            span.links.push(SpanLink {
                trace: event.linked,
                id: SpanId(0),
                attributes,
                ..SpanLink::default()
            });
        }
        EventKind::Exception | EventKind::Error => {
            let none = ErrorInfo::default();
            let error = item.error.as_ref().unwrap_or(&none);
            let name = exception(&mut attributes, item, error);
            span.status = StatusCode::Error;
            span.status_message = if error.message.is_empty() {
                name
            } else {
                error.message.clone()
            };
            push(span, "exception", time_ns, attributes);
        }
        _ => {
            if !item.name.is_empty() {
                let key = match event.kind {
                    EventKind::Log => "beam.message",
                    EventKind::Spawn | EventKind::Exit => "beam.term",
                    EventKind::NodeUp | EventKind::NodeDown => "beam.peer",
                    _ => "beam.site.kind",
                };
                set(&mut attributes, key, item.name.as_str());
            }
            values(&mut attributes, item);
            push(span, &item.kind, time_ns, attributes);
        }
    }
}

fn push(span: &mut Span, name: &str, time_ns: u64, attributes: Vec<KeyValue>) {
    span.events.push(SpanEvent {
        time_ns,
        name: name.to_owned(),
        attributes,
        dropped_attributes: 0,
    });
}

/// OpenTelemetry's conventions for exceptions; gives the type.
fn exception(attributes: &mut Vec<KeyValue>, item: &Item, error: &ErrorInfo) -> String {
    let known = [&error.exception, &error.kind, &item.name, &item.kind];
    let name = known.into_iter().find(|name| !name.is_empty());
    let name = name.cloned().unwrap_or_default();
    set(attributes, "exception.type", name.as_str());
    if !error.message.is_empty() {
        set(attributes, "exception.message", error.message.as_str());
    }
    if !error.stacktrace.is_empty() {
        let lines = error.stacktrace.iter().map(|entry| {
            if entry.file.is_empty() {
                format!("    {}\n", entry.mfa)
            } else {
                format!("    {}:{}: {}\n", entry.file, entry.line, entry.mfa)
            }
        });
        set(
            attributes,
            "exception.stacktrace",
            lines.collect::<String>().as_str(),
        );
    }
    if !error.process.is_empty() {
        set(attributes, "beam.process", error.process.as_str());
    }
    // A rescue or catch clause took it; a crash report is about a process that it ended.
    set(attributes, "beam.rescued", item.kind == "exception");
    name
}
