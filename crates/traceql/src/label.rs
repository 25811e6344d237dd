//! Values as labels of groups and series: owned, with a total order.

use std::cmp::Ordering;

use event::Value;

use crate::eval::Val;

/// A value by which spans are grouped.
#[derive(Clone, Debug)]
pub enum Label {
    /// Absent.
    Nil,
    /// Truth.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A fraction; ordered as IEEE 754 orders all bit patterns.
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    /// Text; enumerations by their names, ids by their digits, arrays by their elements.
    Text(String),
}

/// Longest label, bytes; longer ones are cut.
const LABEL_BYTES_MAX: usize = 1 << 10;

impl Label {
    /// Of an attribute's value; none of an empty one.
    pub fn of_value(value: &Value) -> Option<Self> {
        match Val::from(value) {
            Val::Nil => None,
            value => Some(Self::of(value)),
        }
    }

    pub(crate) fn of(value: Val<'_>) -> Self {
        match value {
            Val::Nil => Self::Nil,
            Val::Bool(truth) => Self::Bool(truth),
            Val::Int(number) => Self::Int(number),
            Val::Float(number) => Self::Float(number),
            Val::Duration(number) => Self::Duration(number),
            Val::Str(text) => Self::text(text),
            Val::Status(code) => Self::text(code.name()),
            Val::Kind(kind) => Self::text(kind.name()),
            Val::SpanId(id) => Self::Text(id.to_string()),
            Val::TraceId(id) => Self::Text(id.to_string()),
            Val::Array(values) => Self::array(values),
            Val::Other => Self::Text("(binary)".to_owned()),
        }
    }

    fn text(text: &str) -> Self {
        let mut end = text.len().min(LABEL_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self::Text(text.get(..end).unwrap_or_default().to_owned())
    }

    fn array(values: &[Value]) -> Self {
        let mut joined = String::from("[");
        for value in values {
            if joined.len() > LABEL_BYTES_MAX {
                break;
            }
            if joined.len() > 1 {
                joined.push_str(", ");
            }
            match Val::from(value) {
                Val::Array(_) => joined.push_str("[...]"),
                value => joined.push_str(&Self::of(value).to_string()),
            }
        }
        joined.push(']');
        Self::text(&joined)
    }

    /// As an attribute of an answer; absence and durations as text.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Int(number) => Value::Int(*number),
            Self::Float(number) => Value::Double(*number),
            Self::Text(text) => Value::String(text.clone()),
            Self::Nil | Self::Duration(_) => Value::String(self.to_string()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Nil => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Float(_) => 3,
            Self::Duration(_) => 4,
            Self::Text(_) => 5,
        }
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(truth) => truth.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Duration(number) => crate::ast::Static::Duration(*number).fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Ord for Label {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (Self::Int(one), Self::Int(two)) | (Self::Duration(one), Self::Duration(two)) => one.cmp(two),
            (Self::Float(one), Self::Float(two)) => one.total_cmp(two),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}
impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Label {}
