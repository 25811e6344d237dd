//! A condition made ready, to be asked of single values: what whoever keeps values in columns needs. Compared exactly as a query
//! compares.

use event::{SpanKind, StatusCode};
use regex::Regex;

use crate::ast::{CompareOp, Static};
use crate::eval::{Val, holds};
use crate::{Condition, parse};

/// A value of a span that is not a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Text.
    Text(&'a str),
    /// Whole number.
    Int(i64),
    /// Fraction.
    Float(f64),
    /// Truth.
    Bool(bool),
    /// Nanoseconds.
    Duration(i64),
    /// How a span ended.
    Status(StatusCode),
    /// What a span is.
    Kind(SpanKind),
}

/// A comparison with a literal.
#[derive(Clone, Debug)]
pub struct Comparison {
    op: CompareOp,
    value: Static,
    regex: Option<Regex>,
}

impl Comparison {
    /// Of a condition; none if it asks for absence, which no value shows.
    pub fn of(condition: &Condition) -> Option<Self> {
        let (op, value) = (condition.op, &condition.value);
        let regex = match value {
            Static::Nil if op != CompareOp::Ne => return None,
            Static::String(pattern) if op.is_regex() => Some(parse::regex(pattern).ok()?),
            _ => None,
        };
        Some(Self {
            op,
            value: value.clone(),
            regex,
        })
    }

    /// Whether it holds of a value.
    pub fn holds(&self, value: Scalar<'_>) -> bool {
        if self.value == Static::Nil {
            // It is there.
            return true;
        }
        let value = match value {
            Scalar::Text(text) => Val::Str(text),
            Scalar::Int(number) => Val::Int(number),
            Scalar::Float(number) => Val::Float(number),
            Scalar::Bool(truth) => Val::Bool(truth),
            Scalar::Duration(ns) => Val::Duration(ns),
            Scalar::Status(code) => Val::Status(code),
            Scalar::Kind(kind) => Val::Kind(kind),
        };
        holds(self.op, value, (&self.value).into(), self.regex.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conditions, Query, SpanCondition};

    /// Scenario: comparisons with each kind of literal, whole numbers beyond what a double can tell apart among them. Guarantee: they hold
    /// of single values as queries say; absence is nobody's.
    #[test]
    fn as_queries_compare() {
        let comparison = |text: &str| {
            let Conditions::Span(SpanCondition::Is(condition)) = Query::new(text).unwrap().conditions()
            else {
                panic!("{text}");
            };
            Comparison::of(&condition)
        };
        let beyond = 9_007_199_254_740_993;
        for (text, value, holds) in [
            ("{ .a = \"x\" }", Scalar::Text("x"), true),
            ("{ .a != \"x\" }", Scalar::Text("y"), true),
            ("{ .a != \"x\" }", Scalar::Int(1), false),
            ("{ .a =~ \"x.\" }", Scalar::Text("xyz"), false),
            ("{ .a !~ \"x.\" }", Scalar::Text("xyz"), true),
            ("{ .a > 9007199254740992 }", Scalar::Int(beyond), true),
            ("{ .a > 9007199254740992.0 }", Scalar::Int(beyond), true),
            ("{ .a <= 1.5 }", Scalar::Int(1), true),
            ("{ duration > 1ms }", Scalar::Duration(1_000_001), true),
            ("{ status = error }", Scalar::Status(StatusCode::Error), true),
            ("{ kind = server }", Scalar::Kind(SpanKind::Client), false),
            ("{ .a = true }", Scalar::Bool(true), true),
            ("{ .a != nil }", Scalar::Bool(false), true),
        ] {
            assert_eq!(comparison(text).unwrap().holds(value), holds, "{text}");
        }
        assert!(comparison("{ .a = nil }").is_none());
    }
}
