//! Expressions over one span, and their types.

use regex::RegexBuilder;

use super::Parser;
use crate::ast::{
    ArithmeticOp, COMPARE, CompareOp, Expr, Field, Intrinsic, LOGIC, LogicOp, SIGN, Static, Type, binding,
};
use crate::error::Fault;
use crate::token::Kind;

/// Bytes that a compiled regular expression may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// The program of a regular expression that must match all of a text.
pub(crate) fn regex(pattern: &str) -> Result<regex::Regex, String> {
    let whole = RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build();
    // The pattern alone must be one too: `a)(b` must not become one by the parentheses around it.
    let alone = regex_syntax_of(pattern);
    match (whole, alone) {
        (Ok(regex), Ok(())) => Ok(regex),
        (_, Err(error)) | (Err(error), _) => Err(match error {
            regex::Error::CompiledTooBig(bytes) => format!("one that compiles to at most {bytes} bytes"),
            other => {
                let text = other.to_string();
                let reason = text.lines().last().unwrap_or_default();
                format!("a valid one ({})", reason.trim_start_matches("error: "))
            }
        }),
    }
}

fn regex_syntax_of(pattern: &str) -> Result<(), regex::Error> {
    RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map(|_| ())
}

/// An expression and what is known of it.
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) kind: Type,
    /// Where it begins.
    pub(super) offset: usize,
    height: u32,
    /// Fields of events and links in it, outside of comparisons.
    many: u32,
    /// Fields in it.
    fields: u32,
}

/// An operator between two expressions.
enum Binary {
    Logic(LogicOp),
    Compare(CompareOp),
    Arithmetic(ArithmeticOp),
}

impl Binary {
    fn of(sign: &str) -> Option<(Self, u8)> {
        if let Some(op) = LogicOp::of(sign) {
            Some((Self::Logic(op), LOGIC))
        } else if let Some(op) = CompareOp::of(sign) {
            Some((Self::Compare(op), COMPARE))
        } else {
            let op = ArithmeticOp::of(sign)?;
            Some((Self::Arithmetic(op), binding(op)))
        }
    }
}

impl Parser {
    /// A condition: the inside of `{ }`.
    pub(super) fn condition(&mut self) -> Result<Expr, Fault> {
        let typed = self.expr(LOGIC)?;
        typed.need(&[Type::Bool])?;
        Ok(typed.expr)
    }

    /// A value of the span: what `by` and aggregates take.
    pub(super) fn value(&mut self, kinds: &[Type]) -> Result<Expr, Fault> {
        let typed = self.expr(LOGIC)?;
        if !kinds.is_empty() {
            typed.need(kinds)?;
        }
        if typed.fields == 0 {
            return Err(Fault::new(
                typed.offset,
                "expected a field of the span, found a constant",
            ));
        }
        Ok(typed.expr)
    }

    fn expr(&mut self, least: u8) -> Result<Typed, Fault> {
        let mut left = self.operand()?;
        while let Some((op, tightness)) = self.sign().and_then(Binary::of) {
            if tightness < least {
                break;
            }
            let at = self.offset();
            self.advance();
            let right_least = match op {
                Binary::Arithmetic(ArithmeticOp::Pow) => tightness,
                _ => tightness + 1,
            };
            let right = self.nested(|parser| parser.expr(right_least))?;
            left = self.join(at, &op, left, right)?;
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Typed, Fault> {
        let offset = self.offset();
        match self.peek().clone() {
            Kind::Sign("(") => {
                self.advance();
                let inner = self.nested(|parser| parser.expr(LOGIC))?;
                self.need(")")?;
                Ok(Typed { offset, ..inner })
            }
            Kind::Sign("!") => {
                self.advance();
                let inner = self.nested(|parser| parser.expr(SIGN))?;
                inner.need(&[Type::Bool])?;
                Ok(Typed {
                    expr: Expr::Not(Box::new(inner.expr)),
                    kind: Type::Bool,
                    offset,
                    height: self.above(inner.height)?,
                    many: 0,
                    fields: inner.fields,
                })
            }
            Kind::Sign("-") if !self.is_negative_literal() => {
                self.advance();
                let inner = self.nested(|parser| parser.expr(SIGN))?;
                inner.need(&[Type::Number])?;
                Ok(Typed {
                    expr: Expr::Minus(Box::new(inner.expr)),
                    kind: Type::Number,
                    offset,
                    height: self.above(inner.height)?,
                    ..inner
                })
            }
            _ => {
                let (expr, kind) = if let Some(value) = self.literal()? {
                    let kind = type_of(&value);
                    (Expr::Static(value), kind)
                } else {
                    let field = self.field()?;
                    let kind = field.kind();
                    (Expr::Field(field), kind)
                };
                let many = matches!(&expr, Expr::Field(field) if field.is_many());
                let fields = u32::from(matches!(expr, Expr::Field(_)));
                Ok(Typed {
                    expr,
                    kind,
                    offset,
                    height: 1,
                    many: u32::from(many),
                    fields,
                })
            }
        }
    }

    /// Whether a sign and a number come that are one literal: not `-2 ^ 2`.
    fn is_negative_literal(&self) -> bool {
        let number = matches!(
            self.ahead(1).kind,
            Kind::Int(_) | Kind::Float(_) | Kind::Duration(_)
        );
        number && self.ahead(2).kind != Kind::Sign("^")
    }

    /// A literal, if one comes.
    pub(super) fn literal(&mut self) -> Result<Option<Static>, Fault> {
        let offset = self.offset();
        let negative = self.is_sign("-");
        if negative {
            if !self.is_negative_literal() {
                return Ok(None);
            }
            self.advance();
        }
        let sign = if negative { -1 } else { 1 };
        let value = match self.peek().clone() {
            Kind::Int(number) => match i64::try_from(i128::from(number) * sign) {
                Ok(number) => Static::Int(number),
                Err(_) => return Err(Fault::new(offset, "expected a whole number of at most 64 bits")),
            },
            Kind::Duration(number) => {
                Static::Duration(i64::try_from(number).unwrap_or(i64::MAX) * sign as i64)
            }
            Kind::Float(number) => Static::Float(if negative { -number } else { number }),
            Kind::String(text) => Static::String(text),
            Kind::Word(word) => match Static::of_word(&word) {
                Some(value) => value,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(value))
    }

    /// A field.
    pub(super) fn field(&mut self) -> Result<Field, Fault> {
        let field = match self.peek() {
            Kind::Attribute(scope, name) => Field::attribute(*scope, name.clone()),
            Kind::Word(word) | Kind::Intrinsic(word) => match Intrinsic::of(word) {
                Some((which, scoped)) => Field::Intrinsic { which, scoped },
                None => return self.expected("an attribute, an intrinsic or a value"),
            },
            _ => return self.expected("an attribute, an intrinsic or a value"),
        };
        self.advance();
        Ok(field)
    }

    fn join(&self, at: usize, op: &Binary, left: Typed, right: Typed) -> Result<Typed, Fault> {
        let height = self.above(left.height.max(right.height))?;
        let mut many = left.many + right.many;
        if many > 1 && !matches!(op, Binary::Logic(_)) {
            let message = "expected at most one field of events or links in a comparison";
            return Err(Fault::new(right.offset, message));
        }
        let kind = match op {
            Binary::Logic(_) => {
                left.need(&[Type::Bool])?;
                right.need(&[Type::Bool])?;
                Type::Bool
            }
            Binary::Arithmetic(_) => {
                left.need(&[Type::Number])?;
                right.need(&[Type::Number])?;
                Type::Number
            }
            Binary::Compare(op) => {
                comparable(at, *op, &left, &right)?;
                Type::Bool
            }
        };
        if kind == Type::Bool {
            many = 0;
        }
        let (offset, fields) = (left.offset, left.fields + right.fields);
        let (left, right) = (Box::new(left.expr), Box::new(right.expr));
        let expr = match op {
            Binary::Logic(op) => Expr::Logic(*op, left, right),
            Binary::Compare(op) => Expr::Compare(*op, left, right),
            Binary::Arithmetic(op) => Expr::Arithmetic(*op, left, right),
        };
        Ok(Typed {
            expr,
            kind,
            offset,
            height,
            many,
            fields,
        })
    }
}

/// Whether two types can be compared.
fn comparable(at: usize, op: CompareOp, left: &Typed, right: &Typed) -> Result<(), Fault> {
    if op.is_regex() {
        left.need(&[Type::String])?;
        let Expr::Static(Static::String(pattern)) = &right.expr else {
            let message = format!("expected a regular expression in a string after `{op}`");
            return Err(Fault::new(right.offset, message));
        };
        return match regex(pattern) {
            Ok(_) => Ok(()),
            Err(why) => Err(Fault::new(
                right.offset,
                format!("expected a regular expression, {why}"),
            )),
        };
    }
    if left.kind == Type::Nil || right.kind == Type::Nil {
        if op.is_order() {
            return Err(Fault::new(
                at,
                format!("expected `=` or `!=` beside nil, found `{op}`"),
            ));
        }
        let other = if left.kind == Type::Nil { right } else { left };
        return match other.expr {
            Expr::Field(_) => Ok(()),
            _ => Err(Fault::new(other.offset, "expected a field beside nil")),
        };
    }
    if left.kind != right.kind && left.kind != Type::Any && right.kind != Type::Any {
        let (left, found) = (left.kind.name(), right.kind.name());
        return Err(Fault::new(
            right.offset,
            format!("expected {left} to compare with, found {found}"),
        ));
    }
    let unordered = |typed: &Typed| matches!(typed.kind, Type::Bool | Type::Status | Type::Kind);
    if op.is_order() && (unordered(left) || unordered(right)) {
        let kind = if unordered(left) { left.kind } else { right.kind };
        let message = format!("expected `=` or `!=` beside {}, found `{op}`", kind.name());
        return Err(Fault::new(at, message));
    }
    Ok(())
}

impl Typed {
    /// Fails unless its type is, or may turn out to be, one of these.
    fn need(&self, kinds: &[Type]) -> Result<(), Fault> {
        if self.kind == Type::Any || kinds.contains(&self.kind) {
            return Ok(());
        }
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let message = format!("expected {}, found {}", names.join(" or "), self.kind.name());
        Err(Fault::new(self.offset, message))
    }
}

fn type_of(value: &Static) -> Type {
    match value {
        Static::Nil => Type::Nil,
        Static::Bool(_) => Type::Bool,
        Static::Int(_) | Static::Float(_) | Static::Duration(_) => Type::Number,
        Static::String(_) => Type::String,
        Static::Status(_) => Type::Status,
        Static::Kind(_) => Type::Kind,
    }
}
