//! What must hold of a trace for a query to find anything in it: simple conditions that an index can answer. They are
//! necessary, not sufficient: a trace that does not meet them need not be read, one that meets them must be asked.

use crate::Trace;
use crate::ast::{
    Ast, CompareOp, Expr, Field, LogicOp, Pipeline, Root, Scope, Spans, SpansOp, Stage, Static,
};
use crate::eval::{Cx, Node};

/// What must hold of a trace.
#[derive(Clone, Debug, PartialEq)]
pub enum Conditions {
    /// All of them; of none: any trace will do.
    All(Vec<Self>),
    /// One of them; of none: no trace will do.
    Any(Vec<Self>),
    /// It holds of at least one span.
    Span(SpanCondition),
}

/// What must hold of one span.
#[derive(Clone, Debug, PartialEq)]
pub enum SpanCondition {
    /// All of them; of none: any span will do.
    All(Vec<Self>),
    /// One of them; of none: no span will do.
    Any(Vec<Self>),
    /// A comparison.
    Is(Condition),
}

/// A field beside a literal. Compared as in a query: `Condition::holds` says exactly how.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The field; never of a parent.
    pub field: Field,
    /// How it compares.
    pub op: CompareOp,
    /// The literal; of `=~` and `!~` the regular expression, which must match the whole text.
    pub value: Static,
}

impl Conditions {
    /// Any trace will do.
    pub const ALWAYS: Self = Self::All(Vec::new());

    /// What must hold for a query to find or measure anything.
    pub fn of(ast: &Ast) -> Self {
        match &ast.root {
            Root::Search(pipeline) => of_pipeline(pipeline),
            Root::Metrics(metrics) => of_pipeline(&metrics.spans),
        }
    }

    /// Whether any trace will do, so that an index cannot help.
    pub fn is_always(&self) -> bool {
        match self {
            Self::All(of) => of.is_empty(),
            Self::Any(_) => false,
            Self::Span(of) => of.is_always(),
        }
    }

    /// Whether it holds of a trace: what an index approximates. For tests and explanations, not for speed.
    pub fn holds(&self, trace: &Trace<'_>) -> bool {
        match self {
            Self::All(of) => of.iter().all(|one| one.holds(trace)),
            Self::Any(of) => of.iter().any(|one| one.holds(trace)),
            Self::Span(of) => (0..trace.spans().len() as u32).any(|place| of.holds(trace, place)),
        }
    }

    /// Whether it holds of one span alone.
    pub fn holds_at(&self, trace: &Trace<'_>, place: u32) -> bool {
        match self {
            Self::All(of) => of.iter().all(|one| one.holds_at(trace, place)),
            Self::Any(of) => of.iter().any(|one| one.holds_at(trace, place)),
            Self::Span(of) => of.holds(trace, place),
        }
    }
}

impl SpanCondition {
    /// Whether any span will do.
    pub fn is_always(&self) -> bool {
        matches!(self, Self::All(of) if of.is_empty())
    }

    /// Whether it holds of a span.
    pub fn holds(&self, trace: &Trace<'_>, place: u32) -> bool {
        match self {
            Self::All(of) => of.iter().all(|one| one.holds(trace, place)),
            Self::Any(of) => of.iter().any(|one| one.holds(trace, place)),
            Self::Is(of) => of.holds(trace, place),
        }
    }
}

impl Condition {
    /// Whether it holds of a span.
    pub fn holds(&self, trace: &Trace<'_>, place: u32) -> bool {
        let (field, value) = (Expr::Field(self.field.clone()), Expr::Static(self.value.clone()));
        let node = Node::of(&Expr::Compare(self.op, Box::new(field), Box::new(value)));
        Cx::new(trace, place).is_some_and(|cx| node.holds(&cx))
    }
}

fn all(of: Vec<Conditions>) -> Conditions {
    let mut flat = Vec::new();
    for one in of {
        match one {
            Conditions::All(of) => flat.extend(of),
            one if one.is_always() => {}
            one => flat.push(one),
        }
    }
    match flat.len() {
        1 => flat.swap_remove(0),
        _ => Conditions::All(flat),
    }
}

fn of_pipeline(pipeline: &Pipeline) -> Conditions {
    let selections = pipeline.stages.iter().filter_map(|stage| match stage {
        Stage::Spans(spans) => Some(of_spans(spans)),
        _ => None,
    });
    all(selections.collect())
}

fn of_spans(spans: &Spans) -> Conditions {
    match spans {
        Spans::Filter(None) => Conditions::ALWAYS,
        Spans::Filter(Some(condition)) => match of_expr(condition) {
            of if of.is_always() => Conditions::ALWAYS,
            of => Conditions::Span(of),
        },
        Spans::Op { op, left, right } => match op {
            SpansOp::NotRelated(_) => of_spans(right),
            SpansOp::Or => {
                let (left, right) = (of_spans(left), of_spans(right));
                if left.is_always() || right.is_always() {
                    return Conditions::ALWAYS;
                }
                let mut flat = Vec::new();
                for one in [left, right] {
                    match one {
                        Conditions::Any(of) => flat.extend(of),
                        one => flat.push(one),
                    }
                }
                Conditions::Any(flat)
            }
            SpansOp::And | SpansOp::Related(_) | SpansOp::UnionRelated(_) => {
                all(vec![of_spans(left), of_spans(right)])
            }
        },
        Spans::Pipeline(pipeline) => of_pipeline(pipeline),
    }
}

/// A negation says nothing: `!(x = 1)` holds where `x` is absent, which no index lists.
fn of_expr(expr: &Expr) -> SpanCondition {
    match expr {
        Expr::Static(Static::Bool(false)) => SpanCondition::Any(Vec::new()),
        Expr::Field(field) => is(field, CompareOp::Eq, &Static::Bool(true)),
        Expr::Compare(op, left, right) => match (&**left, &**right) {
            (Expr::Field(field), Expr::Static(value)) => is(field, *op, value),
            (Expr::Static(value), Expr::Field(field)) => is(field, turned(*op), value),
            _ => SpanCondition::All(Vec::new()),
        },
        Expr::Logic(LogicOp::And, left, right) => {
            let mut flat = Vec::new();
            for one in [of_expr(left), of_expr(right)] {
                match one {
                    SpanCondition::All(of) => flat.extend(of),
                    one => flat.push(one),
                }
            }
            match flat.len() {
                1 => flat.swap_remove(0),
                _ => SpanCondition::All(flat),
            }
        }
        Expr::Logic(LogicOp::Or, left, right) => {
            let mut flat = Vec::new();
            for one in [of_expr(left), of_expr(right)] {
                match one {
                    one if one.is_always() => return SpanCondition::All(Vec::new()),
                    SpanCondition::Any(of) => flat.extend(of),
                    one => flat.push(one),
                }
            }
            SpanCondition::Any(flat)
        }
        Expr::Static(_) | Expr::Arithmetic(..) | Expr::Not(_) | Expr::Minus(_) => {
            SpanCondition::All(Vec::new())
        }
    }
}

fn is(field: &Field, op: CompareOp, value: &Static) -> SpanCondition {
    if let Field::Attribute {
        scope: Scope::Parent | Scope::ParentSpan | Scope::ParentResource,
        ..
    } = field
    {
        return SpanCondition::All(Vec::new());
    }
    SpanCondition::Is(Condition {
        field: field.clone(),
        op,
        value: value.clone(),
    })
}

/// The operator with the sides exchanged.
fn turned(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        other => other,
    }
}
