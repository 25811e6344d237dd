//! Payloads of events, opaque until somebody asks: here they become text.

use wire::etf;

use crate::answer::{CapturedValue, ErrorInfo, StackEntry};

/// Longest rendering of one value, in characters.
const VALUE_CHARS_MAX: usize = 400;

/// The entry's name and, if there are any, its attributes as a value.
pub(crate) fn root(payload: &[u8]) -> Option<(String, Option<CapturedValue>)> {
    let root = etf::RootPayload::decode(payload).ok()?;
    let text = etf::render(root.attributes, VALUE_CHARS_MAX);
    let attributes = (text != "%{}" && !text.is_empty()).then(|| CapturedValue {
        role: "attribute".to_owned(),
        name: "attributes".to_owned(),
        text,
        cut: false,
        redacted: false,
    });
    Some((root.name, attributes))
}

/// The span id of the W3C parent that the entry continues, 0 = none.
pub(crate) fn parent_span(payload: &[u8]) -> event::SpanId {
    let root = etf::RootPayload::decode(payload).ok();
    let parent = root.and_then(|root| root.parent_span.parse().ok());
    parent.unwrap_or_default()
}

/// UTF-8 text, lossy.
pub(crate) fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).into_owned()
}

/// A term in Elixir's spelling.
pub(crate) fn term(payload: &[u8]) -> String {
    etf::render(payload, VALUE_CHARS_MAX)
}

/// A captured value.
pub(crate) fn value(payload: &[u8]) -> Option<CapturedValue> {
    let value = etf::ValuePayload::decode(payload).ok()?;
    Some(CapturedValue {
        role: value.role.name().to_owned(),
        name: value.name,
        text: etf::render(value.term, VALUE_CHARS_MAX),
        cut: value.cut,
        redacted: value.redacted,
    })
}

/// An error.
pub(crate) fn error(payload: &[u8]) -> Option<ErrorInfo> {
    let error = etf::ErrorPayload::decode(payload).ok()?;
    Some(ErrorInfo {
        kind: error.kind,
        exception: error.exception,
        message: error.message,
        process: error.process,
        stacktrace: error
            .stacktrace
            .into_iter()
            .map(|s| StackEntry {
                mfa: mfa(&s.module, &s.function, s.arity),
                file: s.file,
                line: s.line,
            })
            .collect(),
    })
}

/// As Elixir prints it: `Shop.Web.Pricing.total/1`, `:erlang.div/2`.
fn mfa(module: &str, function: &str, arity: u32) -> String {
    match module.strip_prefix("Elixir.") {
        Some(module) => format!("{module}.{function}/{arity}"),
        None => format!(":{module}.{function}/{arity}"),
    }
}
