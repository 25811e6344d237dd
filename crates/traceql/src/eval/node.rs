//! Expressions over one span, made ready once for each query: regular expressions compiled, fields found.

use regex::Regex;

use super::arithmetic::{arithmetic, minus};
use super::value::{found, positive};
use super::{Cx, Val, holds, many, one};
use crate::ast::{ArithmeticOp, CompareOp, Expr, Field, LogicOp, Static};
use crate::parse::regex;

/// An expression that is ready.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Static(Static),
    Field(Field),
    Compare(Box<Compare>),
    Logic(LogicOp, Box<Self>, Box<Self>),
    Arithmetic(ArithmeticOp, Box<Self>, Box<Self>),
    Not(Box<Self>),
    Minus(Box<Self>),
}

/// A comparison.
#[derive(Clone, Debug)]
pub(crate) struct Compare {
    op: CompareOp,
    left: Node,
    right: Node,
    /// What the right side must match.
    regex: Option<Regex>,
    /// The field in it that a span has several of.
    many: Option<Field>,
    /// Beside nil: whether the field must be there.
    exists: Option<bool>,
}

impl Node {
    pub(crate) fn of(expr: &Expr) -> Self {
        match expr {
            Expr::Static(value) => Self::Static(value.clone()),
            Expr::Field(field) => Self::Field(field.clone()),
            Expr::Compare(op, left, right) => Self::Compare(Box::new(Compare::of(*op, left, right))),
            Expr::Logic(op, left, right) => Self::Logic(*op, Self::boxed(left), Self::boxed(right)),
            Expr::Arithmetic(op, left, right) => Self::Arithmetic(*op, Self::boxed(left), Self::boxed(right)),
            Expr::Not(inner) => Self::Not(Self::boxed(inner)),
            Expr::Minus(inner) => Self::Minus(Self::boxed(inner)),
        }
    }

    fn boxed(expr: &Expr) -> Box<Self> {
        Box::new(Self::of(expr))
    }

    /// The field in it that a span has several of; there is at most one outside of comparisons.
    pub(crate) fn many(&self) -> Option<&Field> {
        match self {
            Self::Field(field) => Some(field).filter(|field| field.is_many()),
            Self::Arithmetic(_, left, right) => left.many().or_else(|| right.many()),
            Self::Minus(inner) => inner.many(),
            _ => None,
        }
    }

    /// Whether it is true of a span.
    pub(crate) fn holds(&self, cx: &Cx<'_>) -> bool {
        match self {
            Self::Static(value) => *value == Static::Bool(true),
            Self::Field(field) => {
                let mut truth = false;
                if field.is_many() {
                    many(field, cx, &mut |value| {
                        truth |= is_true(value);
                        truth
                    });
                } else {
                    truth = is_true(one(field, cx));
                }
                truth
            }
            Self::Compare(compare) => compare.holds(cx),
            Self::Logic(LogicOp::And, left, right) => left.holds(cx) && right.holds(cx),
            Self::Logic(LogicOp::Or, left, right) => left.holds(cx) || right.holds(cx),
            Self::Not(inner) => !inner.holds(cx),
            Self::Arithmetic(..) | Self::Minus(_) => false,
        }
    }

    /// Its value; of a field that a span has several of, the element at hand or the first.
    pub(crate) fn value<'t>(&'t self, cx: &Cx<'t>) -> Val<'t> {
        match self {
            Self::Static(value) => value.into(),
            Self::Field(field) => one(field, cx),
            Self::Arithmetic(op, left, right) => arithmetic(*op, left.value(cx), right.value(cx)),
            Self::Minus(inner) => minus(inner.value(cx)),
            Self::Compare(_) | Self::Logic(..) | Self::Not(_) => Val::Bool(self.holds(cx)),
        }
    }

    /// All its values.
    pub(crate) fn values<'t>(&'t self, cx: &Cx<'t>, each: &mut dyn FnMut(Val<'t>)) {
        match self.many() {
            None => each(self.value(cx)),
            Some(field) => many(field, cx, &mut |element| {
                let cx = Cx {
                    element: Some(element),
                    ..*cx
                };
                each(self.value(&cx));
                false
            }),
        }
    }

    /// Calls for each field in it.
    pub(crate) fn fields(&self, each: &mut dyn FnMut(&Field)) {
        match self {
            Self::Static(_) => {}
            Self::Field(field) => each(field),
            Self::Compare(compare) => {
                compare.left.fields(each);
                compare.right.fields(each);
            }
            Self::Logic(_, left, right) | Self::Arithmetic(_, left, right) => {
                left.fields(each);
                right.fields(each);
            }
            Self::Not(inner) | Self::Minus(inner) => inner.fields(each),
        }
    }
}

fn is_true(value: Val<'_>) -> bool {
    holds(CompareOp::Eq, value, Val::Bool(true), None)
}

impl Compare {
    fn of(op: CompareOp, left: &Expr, right: &Expr) -> Self {
        let nil = |expr: &Expr| *expr == Expr::Static(Static::Nil);
        let pattern = match right {
            Expr::Static(Static::String(pattern)) if op.is_regex() => Some(pattern),
            _ => None,
        };
        let exists = (nil(left) || nil(right)).then_some(op == CompareOp::Ne);
        let (left, right) = (Node::of(left), Node::of(right));
        let many = left.many().or_else(|| right.many()).cloned();
        Self {
            op,
            left,
            right,
            regex: pattern.and_then(|pattern| regex(pattern).ok()),
            many,
            exists,
        }
    }

    fn holds(&self, cx: &Cx<'_>) -> bool {
        if let Some(exists) = self.exists {
            return exists == self.is_there(cx);
        }
        let Some(field) = &self.many else {
            return holds(
                self.op,
                self.left.value(cx),
                self.right.value(cx),
                self.regex.as_ref(),
            );
        };
        // Over all elements, as over those of an array.
        let mut any = None;
        many(field, cx, &mut |element| {
            let cx = Cx {
                element: Some(element),
                ..*cx
            };
            let (left, right) = (self.left.value(&cx), self.right.value(&cx));
            let this = found(positive(self.op), left, right, self.regex.as_ref(), 8);
            any = any.max(this);
            any == Some(true)
        });
        any == Some(!self.op.negative())
    }

    /// Whether the field beside nil is there.
    fn is_there(&self, cx: &Cx<'_>) -> bool {
        let mut there = false;
        for side in [&self.left, &self.right] {
            side.values(cx, &mut |value| there |= !value.is_nil());
        }
        there
    }
}
