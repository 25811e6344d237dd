//! What a query says, as a tree. Made by `parse`, shown by its `Display` (`print`), which parses to the same tree.

mod field;
mod fields;
mod op;
mod print;
mod value;

pub(crate) use field::Type;
pub(crate) use print::{COMPARE, LOGIC, SIGN, binding};
pub(crate) use value::UNITS;

pub use field::{Field, Intrinsic, Scope};
pub use op::{Aggregate, ArithmeticOp, CompareOp, LogicOp, OverTime, Relation, SpansOp};
pub use value::Static;

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub struct Ast {
    /// What is asked for.
    pub root: Root,
    /// `with (key = value, ...)`.
    pub hints: Vec<Hint>,
}

/// What a query asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Root {
    /// Sets of spans of each trace.
    Search(Pipeline),
    /// Time series.
    Metrics(Metrics),
}

/// `key = value` in `with (...)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// `most_recent`.
    pub key: String,
    /// Its value.
    pub value: Static,
}

/// Stages in order, `|` between them; never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The stages.
    pub stages: Vec<Stage>,
}

/// A stage of a pipeline: sets of spans in, sets of spans out.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Selects spans of each set.
    Spans(Spans),
    /// Keeps the sets for which it holds: `count() > 2`.
    Where {
        /// How the two compare.
        op: CompareOp,
        /// Left side.
        left: Scalar,
        /// Right side.
        right: Scalar,
    },
    /// Splits each set by a value: `by(resource.service.name)`.
    By(Expr),
    /// Joins all sets of a trace into one.
    Coalesce,
    /// Names fields that come back with each span.
    Select(Vec<Field>),
}

/// Selects spans of a trace.
#[derive(Clone, Debug, PartialEq)]
pub enum Spans {
    /// `{ ... }`; without a condition all spans.
    Filter(Option<Expr>),
    /// Two selections, related.
    Op {
        /// How.
        op: SpansOp,
        /// Left side.
        left: Box<Self>,
        /// Right side.
        right: Box<Self>,
    },
    /// `( ... | ... )`: the spans of all sets that the pipeline gives; it has two stages or more.
    Pipeline(Box<Pipeline>),
}

/// An expression over one span.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A literal.
    Static(Static),
    /// Something of the span.
    Field(Field),
    /// `=`, `=~`, ...
    Compare(CompareOp, Box<Self>, Box<Self>),
    /// `&&`, `||`.
    Logic(LogicOp, Box<Self>, Box<Self>),
    /// `+`, `*`, ...
    Arithmetic(ArithmeticOp, Box<Self>, Box<Self>),
    /// `!x`.
    Not(Box<Self>),
    /// `-x`, of what is no literal.
    Minus(Box<Self>),
}

/// An expression over a set of spans.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A number or duration.
    Static(Static),
    /// `count()`, `avg(duration)`; only `count` has no expression.
    Aggregate(Aggregate, Option<Expr>),
    /// `+`, `*`, ...
    Arithmetic(ArithmeticOp, Box<Self>, Box<Self>),
}

/// A query for time series.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Which spans.
    pub spans: Pipeline,
    /// What is measured.
    pub measure: Measure,
    /// A series for each combination of their values.
    pub by: Vec<Field>,
    /// What becomes of the series.
    pub then: Vec<Then>,
}

/// What is measured of the spans of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// Spans a second.
    Rate,
    /// Spans.
    Count,
    /// Sum, average, minimum or maximum of a number.
    Over(OverTime, Field),
    /// Quantiles of a number, each from 0 to 1; never empty.
    Quantiles(Field, Vec<f64>),
    /// How often the number lay in each of the buckets that powers of two bound.
    Histogram(Field),
    /// Counts of all values of all attributes, in two groups.
    Compare {
        /// Spans for which it holds are the selection, others the baseline.
        filter: Option<Expr>,
        /// Values returned for an attribute and group.
        top: u32,
        /// The selection starts at the first, before the second (Unix nanoseconds).
        within: Option<(u64, u64)>,
    },
}

/// What becomes of series.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    /// The greatest so many at each step.
    Top(u32),
    /// The least so many at each step.
    Bottom(u32),
    /// Samples for which it holds.
    Keep(CompareOp, Static),
}
