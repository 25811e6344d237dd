//! Values at run time, and how they compare: a number with any number (durations are their nanoseconds), text with text in
//! byte order, others with their own kind. What cannot be compared matches neither `=` nor `!=`.

use std::cmp::Ordering;

use event::{SpanId, SpanKind, StatusCode, TraceId, Value};
use regex::Regex;

use crate::ast::{CompareOp, Static};

/// A value of a span; borrowed, never allocated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Val<'a> {
    /// Absent or empty.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    Str(&'a str),
    Status(StatusCode),
    Kind(SpanKind),
    SpanId(SpanId),
    TraceId(TraceId),
    Array(&'a [Value]),
    /// Bytes and maps: there, but like nothing.
    Other,
}

/// Deepest arrays that are looked into.
const ARRAY_DEPTH_MAX: u32 = 8;

impl<'a> From<&'a Value> for Val<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Empty => Self::Nil,
            Value::String(text) => Self::Str(text),
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number) => Self::Int(*number),
            Value::Double(number) => Self::Float(*number),
            Value::Array(values) => Self::Array(values),
            Value::Map(_) | Value::Bytes(_) => Self::Other,
        }
    }
}

impl<'a> From<&'a Static> for Val<'a> {
    fn from(value: &'a Static) -> Self {
        match value {
            Static::Nil => Self::Nil,
            Static::Bool(truth) => Self::Bool(*truth),
            Static::Int(number) => Self::Int(*number),
            Static::Float(number) => Self::Float(*number),
            Static::Duration(number) => Self::Duration(*number),
            Static::String(text) => Self::Str(text),
            Static::Status(code) => Self::Status(*code),
            Static::Kind(kind) => Self::Kind(*kind),
        }
    }
}

impl Val<'_> {
    pub(crate) fn is_nil(self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The number it is; durations in nanoseconds.
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Self::Int(number) | Self::Duration(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            _ => None,
        }
    }

    /// As attributes of an answer carry it; durations as text (`1.5ms`).
    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::Nil | Self::Other => Value::Empty,
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(number) => Value::Int(number),
            Self::Float(number) => Value::Double(number),
            Self::Duration(number) => Value::String(Static::Duration(number).to_string()),
            Self::Str(text) => Value::String(text.to_owned()),
            Self::Status(code) => Value::String(code.name().to_owned()),
            Self::Kind(kind) => Value::String(kind.name().to_owned()),
            Self::SpanId(id) => Value::String(id.to_string()),
            Self::TraceId(id) => Value::String(id.to_string()),
            Self::Array(values) => Value::Array(values.to_vec()),
        }
    }
}

/// Whether a comparison holds. Of an array: `=`, `=~` and orders for any element, `!=` and `!~` if no element is so.
pub(crate) fn holds(op: CompareOp, left: Val<'_>, right: Val<'_>, regex: Option<&Regex>) -> bool {
    let positive = positive(op);
    found(positive, left, right, regex, ARRAY_DEPTH_MAX) == Some(!op.negative())
}

/// The operator without its negation.
pub(crate) fn positive(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Ne => CompareOp::Eq,
        CompareOp::NoMatch => CompareOp::Match,
        op => op,
    }
}

/// Whether any element is so; nothing if none can be compared. `op` is not negative.
pub(crate) fn found(
    op: CompareOp,
    left: Val<'_>,
    right: Val<'_>,
    regex: Option<&Regex>,
    depth: u32,
) -> Option<bool> {
    let over = |values: &[Value], turned: bool| {
        let mut any = None;
        if depth == 0 {
            return None;
        }
        for value in values {
            let value = Val::from(value);
            let (left, right) = if turned { (left, value) } else { (value, right) };
            match found(op, left, right, regex, depth - 1) {
                Some(true) => return Some(true),
                Some(false) => any = Some(false),
                None => {}
            }
        }
        any
    };
    match (left, right) {
        (Val::Array(values), _) => over(values, false),
        (_, Val::Array(values)) => over(values, true),
        _ if op == CompareOp::Match => matches(left, regex?),
        _ => {
            let order = order(op, left, right)?;
            Some(match op {
                CompareOp::Eq => order == Ordering::Equal,
                CompareOp::Gt => order == Ordering::Greater,
                CompareOp::Ge => order != Ordering::Less,
                CompareOp::Lt => order == Ordering::Less,
                CompareOp::Le => order != Ordering::Greater,
                CompareOp::Ne | CompareOp::Match | CompareOp::NoMatch => false,
            })
        }
    }
}

fn matches(left: Val<'_>, regex: &Regex) -> Option<bool> {
    let mut buffer = [0; 32];
    match left {
        Val::Str(text) => Some(regex.is_match(text)),
        Val::SpanId(id) => Some(regex.is_match(hex(id.0.into(), 16, &mut buffer))),
        Val::TraceId(id) => Some(regex.is_match(hex(id.0, 32, &mut buffer))),
        _ => None,
    }
}

/// The lower-case hexadecimal digits of an id.
fn hex(id: u128, digits: u32, buffer: &mut [u8; 32]) -> &str {
    for (place, digit) in buffer.iter_mut().zip((0..digits).rev()) {
        let value = (id >> (digit * 4) & 15) as u8;
        *place = if value < 10 {
            b'0' + value
        } else {
            b'a' + value - 10
        };
    }
    let text = buffer.get(..digits as usize).unwrap_or_default();
    std::str::from_utf8(text).unwrap_or_default()
}

/// An id in a query, with or without leading zeros.
fn id_of(text: &str) -> Option<u128> {
    let hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| hex)
}

fn order(op: CompareOp, left: Val<'_>, right: Val<'_>) -> Option<Ordering> {
    let equal_only = op == CompareOp::Eq;
    let apart = |equal: bool| if equal { Ordering::Equal } else { Ordering::Less };
    match (left, right) {
        (Val::Str(left), Val::Str(right)) => Some(left.cmp(right)),
        (Val::Bool(left), Val::Bool(right)) if equal_only => Some(left.cmp(&right)),
        (Val::Status(left), Val::Status(right)) if equal_only => Some(left.cmp(&right)),
        (Val::Kind(left), Val::Kind(right)) if equal_only => Some(left.cmp(&right)),
        (Val::SpanId(left), Val::SpanId(right)) => Some(left.cmp(&right)),
        (Val::TraceId(left), Val::TraceId(right)) => Some(left.cmp(&right)),
        (Val::SpanId(SpanId(id)), Val::Str(text)) => Some(id_order(equal_only, id.into(), 16, text)),
        (Val::TraceId(TraceId(id)), Val::Str(text)) => Some(id_order(equal_only, id, 32, text)),
        (Val::Str(text), Val::SpanId(SpanId(id))) => {
            Some(id_order(equal_only, id.into(), 16, text).reverse())
        }
        (Val::Str(text), Val::TraceId(TraceId(id))) => Some(id_order(equal_only, id, 32, text).reverse()),
        // A status or kind that an attribute has as text.
        (Val::Status(code), Val::Str(text)) | (Val::Str(text), Val::Status(code)) if equal_only => {
            Some(apart(code.name() == text))
        }
        (Val::Kind(kind), Val::Str(text)) | (Val::Str(text), Val::Kind(kind)) if equal_only => {
            Some(apart(kind.name() == text))
        }
        (Val::Int(left) | Val::Duration(left), Val::Int(right) | Val::Duration(right)) => {
            Some(left.cmp(&right))
        }
        (Val::Float(left), Val::Float(right)) => left.partial_cmp(&right),
        (Val::Int(left) | Val::Duration(left), Val::Float(right)) => int_float(left, right),
        (Val::Float(left), Val::Int(right) | Val::Duration(right)) => {
            int_float(right, left).map(Ordering::reverse)
        }
        _ => None,
    }
}

fn id_order(equal_only: bool, id: u128, digits: u32, text: &str) -> Ordering {
    if equal_only && let Some(other) = id_of(text) {
        return id.cmp(&other);
    }
    hex(id, digits, &mut [0; 32]).cmp(text)
}

/// A whole number and a fraction, exactly.
fn int_float(int: i64, float: f64) -> Option<Ordering> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Less);
    }
    if float < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    Some(
        int.cmp(&(whole as i64))
            .then_with(|| 0.0_f64.partial_cmp(&(float - whole)).unwrap_or(Ordering::Equal)),
    )
}
