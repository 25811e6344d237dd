//! Literals.

use event::{SpanKind, StatusCode};

/// A literal of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Static {
    /// Absence.
    Nil,
    /// `true`, `false`.
    Bool(bool),
    /// `200`, `minInt`.
    Int(i64),
    /// `1.5`, never infinite and no NaN.
    Float(f64),
    /// `20ms`, in nanoseconds.
    Duration(i64),
    /// `"GET"`.
    String(String),
    /// `error`.
    Status(StatusCode),
    /// `server`.
    Kind(SpanKind),
}

/// Units of durations, greatest first, and their nanoseconds.
pub(crate) const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Static {
    /// The literal that a word is, if it is one.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let status = || StatusCode::ALL.iter().find(|code| code.name() == word);
        let kind = || SpanKind::ALL.iter().find(|kind| kind.name() == word);
        Some(match word {
            "nil" => Self::Nil,
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            "minInt" => Self::Int(i64::MIN),
            "maxInt" => Self::Int(i64::MAX),
            _ => match status() {
                Some(code) => Self::Status(*code),
                None => Self::Kind(*kind()?),
            },
        })
    }

    /// The number it is: durations in nanoseconds.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) | Self::Duration(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }
}
