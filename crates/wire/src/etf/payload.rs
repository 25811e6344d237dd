//! Payloads of events (`docs/node-socket.md`, "Payloads").

use event::{DropReason, Micros, ValueRole};

use super::{Term, render};
use crate::DecodeError;
use crate::bytes::{Put, Reader};

/// Longest rendering of an error's reason, in characters.
const REASON_CHARS_MAX: usize = 1_000;
const VALUE_CUT: u8 = 1;
const VALUE_REDACTED: u8 = 2;

/// Payload of a `value` event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValuePayload<'a> {
    /// What the value is.
    pub role: ValueRole,
    /// Was it cut to its limits?
    pub cut: bool,
    /// Was something in it redacted?
    pub redacted: bool,
    /// Name of the variable, may be empty.
    pub name: String,
    /// The value, as a term with its leading 131.
    pub term: &'a [u8],
}

impl<'a> ValuePayload<'a> {
    /// Reads the payload; the term is not looked at.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(payload);
        let (role, flags) = (r.u8()?, r.u8()?);
        let role = ValueRole::try_from(role)?;
        let (cut, redacted) = (flags & VALUE_CUT != 0, flags & VALUE_REDACTED != 0);
        Ok(Self {
            role,
            cut,
            redacted,
            name: r.string()?,
            term: r.rest(),
        })
    }

    /// The payload's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + self.name.len() + self.term.len());
        out.put_u8(self.role.code());
        let redacted = if self.redacted { VALUE_REDACTED } else { 0 };
        out.put_u8(u8::from(self.cut) | redacted);
        out.put_str(&self.name);
        out.put(self.term);
        out
    }
}

/// Payload of a `root` event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPayload<'a> {
    /// The entry's name.
    pub name: String,
    /// Span id of the `traceparent` parent in hex, or empty.
    pub parent_span: String,
    /// Map of attributes, as a term with its leading 131.
    pub attributes: &'a [u8],
}

impl<'a> RootPayload<'a> {
    /// Reads the payload; the term is not looked at.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(payload);
        Ok(Self {
            name: r.string()?,
            parent_span: r.string()?,
            attributes: r.rest(),
        })
    }

    /// The payload's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(4 + self.name.len() + self.parent_span.len() + self.attributes.len());
        out.put_str(&self.name);
        out.put_str(&self.parent_span);
        out.put(self.attributes);
        out
    }
}

/// A line of a stack trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackFrame {
    /// `Shop.Web.Pricing`.
    pub module: String,
    /// `unit_price`.
    pub function: String,
    /// Arity.
    pub arity: u32,
    /// File, may be empty.
    pub file: String,
    /// Line, 0 = not known.
    pub line: u32,
}

/// Payload of an `error` event. What is missing from its map, or of another type, is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorPayload {
    /// `error`, `exit` or `throw`.
    pub kind: String,
    /// Exception type, `ArithmeticError`.
    pub exception: String,
    /// Message.
    pub message: String,
    /// Registered name or initial call of the process.
    pub process: String,
    /// The reason in Elixir's spelling, cut.
    pub reason: String,
    /// Stack trace, innermost first.
    pub stacktrace: Vec<StackFrame>,
}

impl ErrorPayload {
    /// Reads the payload: any map will do.
    pub fn decode(payload: &[u8]) -> Result<Self, super::EtfError> {
        let map = Term::decode(payload)?;
        if !matches!(map, Term::Map(_)) {
            return Err(super::EtfError::Value("error payload", 0));
        }
        let text = |key: &str| map.get(key).map(text_of).unwrap_or_default();
        let frames = match map.get("stacktrace") {
            Some(Term::List(frames, _)) => frames.as_slice(),
            _ => &[],
        };
        Ok(Self {
            kind: text("kind"),
            exception: text("type"),
            message: text("message"),
            process: text("process"),
            reason: map
                .get("reason")
                .map(|t| super::render::render_term(t, REASON_CHARS_MAX))
                .unwrap_or_default(),
            stacktrace: frames.iter().filter_map(frame_of).collect(),
        })
    }
}

/// Text of a binary or an atom; anything else in Elixir's spelling.
fn text_of(term: &Term<'_>) -> String {
    match term {
        Term::Atom(text) => text.to_string(),
        Term::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => super::render::render_term(other, REASON_CHARS_MAX),
    }
}

/// `{module, function, arity, file, line}`.
fn frame_of(term: &Term<'_>) -> Option<StackFrame> {
    let Term::Tuple(fields) = term else { return None };
    let [module, function, arity, file, line] = fields.as_slice() else {
        return None;
    };
    let number = |t: &Term<'_>| t.as_i64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    Some(StackFrame {
        module: text_of(module),
        function: text_of(function),
        arity: number(arity),
        file: text_of(file),
        line: number(line),
    })
}

/// Payload of a `loss` event: what a node lost, made by the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossPayload {
    /// Why.
    pub reason: DropReason,
    /// Events.
    pub count: u64,
    /// Not before.
    pub from: Micros,
    /// Not after.
    pub to: Micros,
}

impl LossPayload {
    /// Reads the payload.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(payload);
        let reason = DropReason::try_from(r.u8()?)?;
        let decoded = Self {
            reason,
            count: r.u64()?,
            from: Micros(r.u64()?),
            to: Micros(r.u64()?),
        };
        r.finish()?;
        Ok(decoded)
    }

    /// The payload's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(25);
        out.put_u8(self.reason.code());
        out.put_u64(self.count);
        out.put_u64(self.from.0);
        out.put_u64(self.to.0);
        out
    }
}

impl ValuePayload<'_> {
    /// The value in Elixir's spelling.
    pub fn render(&self, chars_max: usize) -> String {
        render(self.term, chars_max)
    }
}
