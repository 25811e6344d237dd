//! Queries as text. What is printed parses to the same tree: parentheses where precedence needs them, quotes around
//! names that are no plain ones.

use std::fmt::{Display, Formatter, Result, Write};

use super::{
    Aggregate, ArithmeticOp, Ast, Expr, Field, Hint, LogicOp, Measure, Metrics, Pipeline, Root, Scalar,
    Scope, SpansOp, Stage, Static, Then,
};
use super::{Spans, value::UNITS};
use crate::token::is_name_char;

/// How tight an operator binds.
pub(crate) fn binding(op: ArithmeticOp) -> u8 {
    match op {
        ArithmeticOp::Add | ArithmeticOp::Sub => 3,
        ArithmeticOp::Mul | ArithmeticOp::Div | ArithmeticOp::Mod => 4,
        ArithmeticOp::Pow => 6,
    }
}
pub(crate) const LOGIC: u8 = 1;
pub(crate) const COMPARE: u8 = 2;
pub(crate) const SIGN: u8 = 5;
const ATOM: u8 = 7;

impl Display for Ast {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.root {
            Root::Search(pipeline) => pipeline.fmt(f)?,
            Root::Metrics(metrics) => metrics.fmt(f)?,
        }
        if !self.hints.is_empty() {
            f.write_str(" with (")?;
            list(f, &self.hints)?;
            f.write_char(')')?;
        }
        Ok(())
    }
}

impl Display for Hint {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

fn list<T: Display>(f: &mut Formatter<'_>, of: &[T]) -> Result {
    for (number, one) in of.iter().enumerate() {
        if number > 0 {
            f.write_str(", ")?;
        }
        one.fmt(f)?;
    }
    Ok(())
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (number, stage) in self.stages.iter().enumerate() {
            if number > 0 {
                f.write_str(" | ")?;
            }
            stage.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Spans(spans) => spans.fmt(f),
            Self::Where { op, left, right } => write!(f, "{left} {op} {right}"),
            Self::By(field) => write!(f, "by({field})"),
            Self::Coalesce => f.write_str("coalesce()"),
            Self::Select(fields) => {
                f.write_str("select(")?;
                list(f, fields)?;
                f.write_char(')')
            }
        }
    }
}

impl Spans {
    fn binding(&self) -> u8 {
        match self {
            Self::Op {
                op: SpansOp::And | SpansOp::Or,
                ..
            } => 1,
            Self::Op { .. } => 2,
            _ => ATOM,
        }
    }
}

impl Display for Spans {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Filter(None) => f.write_str("{ }"),
            Self::Filter(Some(expr)) => write!(f, "{{ {expr} }}"),
            Self::Op { op, left, right } => {
                group(f, left, left.binding() < self.binding())?;
                write!(f, " {op} ")?;
                group(f, right, right.binding() <= self.binding())
            }
            Self::Pipeline(pipeline) => write!(f, "({pipeline})"),
        }
    }
}

fn group<T: Display>(f: &mut Formatter<'_>, of: &T, parentheses: bool) -> Result {
    if parentheses {
        write!(f, "({of})")
    } else {
        of.fmt(f)
    }
}

impl Static {
    fn is_negative(&self) -> bool {
        match self {
            Self::Int(number) => *number < 0 && *number != i64::MIN,
            Self::Duration(number) => *number < 0,
            Self::Float(number) => number.is_sign_negative(),
            _ => false,
        }
    }
}

impl Expr {
    fn binding(&self) -> u8 {
        match self {
            Self::Logic(..) => LOGIC,
            Self::Compare(..) => COMPARE,
            Self::Arithmetic(op, ..) => binding(*op),
            Self::Not(_) | Self::Minus(_) => SIGN,
            Self::Static(value) if value.is_negative() => SIGN,
            Self::Static(_) | Self::Field(_) => ATOM,
        }
    }

    /// Whether a sign before it would become part of it.
    fn swallows_minus(&self) -> bool {
        match self {
            Self::Static(value) => value.number().is_some(),
            Self::Arithmetic(ArithmeticOp::Pow, left, _) => left.swallows_minus(),
            _ => false,
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let own = self.binding();
        match self {
            Self::Static(value) => value.fmt(f),
            Self::Field(field) => field.fmt(f),
            Self::Compare(op, left, right) => {
                group(f, left, left.binding() < own)?;
                write!(f, " {op} ")?;
                group(f, right, right.binding() <= own)
            }
            Self::Logic(op, left, right) => two(f, *op, left, right, own),
            Self::Arithmetic(ArithmeticOp::Pow, left, right) => {
                group(f, left, left.binding() <= own)?;
                f.write_str(" ^ ")?;
                group(f, right, right.binding() < SIGN)
            }
            Self::Arithmetic(op, left, right) => {
                group(f, left, left.binding() < own)?;
                write!(f, " {op} ")?;
                group(f, right, right.binding() <= own)
            }
            Self::Not(inner) => {
                f.write_char('!')?;
                group(f, inner, inner.binding() < own)
            }
            Self::Minus(inner) => {
                f.write_char('-')?;
                group(f, inner, inner.binding() < own || inner.swallows_minus())
            }
        }
    }
}

fn two(f: &mut Formatter<'_>, op: LogicOp, left: &Expr, right: &Expr, own: u8) -> Result {
    group(f, left, left.binding() < own)?;
    write!(f, " {op} ")?;
    group(f, right, right.binding() <= own)
}

impl Scalar {
    fn binding(&self) -> u8 {
        match self {
            Self::Arithmetic(op, ..) => binding(*op),
            Self::Static(value) if value.is_negative() => SIGN,
            _ => ATOM,
        }
    }
}

impl Display for Scalar {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let own = self.binding();
        match self {
            Self::Static(value) => value.fmt(f),
            Self::Aggregate(Aggregate::Count, None) => f.write_str("count()"),
            Self::Aggregate(which, None) => write!(f, "{which}()"),
            Self::Aggregate(which, Some(of)) => write!(f, "{which}({of})"),
            Self::Arithmetic(op, left, right) => {
                let power = *op == ArithmeticOp::Pow;
                group(f, left, left.binding() < own + u8::from(power))?;
                write!(f, " {op} ")?;
                group(f, right, right.binding() <= own - u8::from(power))
            }
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Intrinsic { which, scoped } => f.write_str(which.spelling(*scoped)),
            Self::Attribute { scope, name } => {
                f.write_str(scope.spelling())?;
                let odd = match scope {
                    Scope::Any => name.starts_with(|c: char| c.is_ascii_digit()),
                    Scope::Parent => name.starts_with("span.") || name.starts_with("resource."),
                    _ => false,
                };
                if !odd && !name.is_empty() && name.chars().all(is_name_char) {
                    return f.write_str(name);
                }
                f.write_char('"')?;
                for c in name.chars() {
                    if c == '"' || c == '\\' {
                        f.write_char('\\')?;
                    }
                    f.write_char(c)?;
                }
                f.write_char('"')
            }
        }
    }
}

impl Display for Static {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(truth) => truth.fmt(f),
            Self::Int(i64::MIN) => f.write_str("minInt"),
            Self::Int(number) => number.fmt(f),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Duration(number) => {
                let sign = if *number < 0 { "-" } else { "" };
                let size = number.unsigned_abs();
                let unit = UNITS
                    .iter()
                    .find(|(_, unit)| size.is_multiple_of(*unit) && size > 0);
                let (name, unit) = unit.copied().unwrap_or(("ns", 1));
                write!(f, "{sign}{}{name}", size / unit)
            }
            Self::String(text) => quoted(f, text),
            Self::Status(code) => f.write_str(code.name()),
            Self::Kind(kind) => f.write_str(kind.name()),
        }
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl Display for Metrics {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} | {}", self.spans, self.measure)?;
        if !self.by.is_empty() {
            f.write_str(" by (")?;
            list(f, &self.by)?;
            f.write_char(')')?;
        }
        for then in &self.then {
            match then {
                Then::Top(count) => write!(f, " | topk({count})")?,
                Then::Bottom(count) => write!(f, " | bottomk({count})")?,
                Then::Keep(op, value) => write!(f, " {op} {value}")?,
            }
        }
        Ok(())
    }
}

impl Display for Measure {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Rate => f.write_str("rate()"),
            Self::Count => f.write_str("count_over_time()"),
            Self::Over(which, field) => write!(f, "{which}({field})"),
            Self::Quantiles(field, quantiles) => {
                write!(f, "quantile_over_time({field}")?;
                for quantile in quantiles {
                    write!(f, ", {quantile:?}")?;
                }
                f.write_char(')')
            }
            Self::Histogram(field) => write!(f, "histogram_over_time({field})"),
            Self::Compare { filter, top, within } => {
                f.write_str("compare(")?;
                Spans::Filter(filter.clone()).fmt(f)?;
                write!(f, ", {top}")?;
                if let Some((start, end)) = within {
                    write!(f, ", {start}, {end}")?;
                }
                f.write_char(')')
            }
        }
    }
}
