//! A query that is ready to be asked of traces.

use event::KeyValue;

use crate::ast::{Ast, Expr, Field, Hint, Root, Scope, Spans, Stage, Static};
use crate::eval::{Selected, SpanSet, Stages};
use crate::metrics::{Evaluator, Limits, Range};
use crate::{Conditions, ParseError, Trace, parse};

/// A query, read and made ready once, then asked of any number of traces.
#[derive(Clone, Debug)]
pub struct Query {
    ast: Ast,
    stages: Stages,
    selected: Selected,
}

impl Query {
    /// Reads a query.
    pub fn new(text: &str) -> Result<Self, ParseError> {
        parse(text).map(Self::of)
    }

    /// The query that a tree says.
    pub fn of(ast: Ast) -> Self {
        let pipeline = match &ast.root {
            Root::Search(pipeline) => pipeline,
            Root::Metrics(metrics) => &metrics.spans,
        };
        let stages = Stages::of(pipeline);
        let selected = Selected::of(pipeline, &stages);
        Self {
            ast,
            stages,
            selected,
        }
    }

    /// Whether it is one `{ ... }` and nothing else.
    pub fn is_filter(&self) -> bool {
        let Root::Search(pipeline) = &self.ast.root else {
            return false;
        };
        matches!(pipeline.stages.as_slice(), [Stage::Spans(Spans::Filter(_))])
    }

    /// Whether its conditions say all that it says: one `{ ... }` of comparisons of a field with a literal, joined by `&&` and `||`.
    pub fn is_plain(&self) -> bool {
        let Root::Search(pipeline) = &self.ast.root else {
            return false;
        };
        match pipeline.stages.as_slice() {
            [Stage::Spans(Spans::Filter(filter))] => filter.as_ref().is_none_or(is_plain),
            _ => false,
        }
    }

    /// Its tree.
    pub fn ast(&self) -> &Ast {
        &self.ast
    }

    /// Whether it asks for time series.
    pub fn is_metrics(&self) -> bool {
        matches!(self.ast.root, Root::Metrics(_))
    }

    /// What must hold of a trace for the query to find anything in it.
    pub fn conditions(&self) -> Conditions {
        Conditions::of(&self.ast)
    }

    /// The query over a range, if it asks for time series.
    pub fn metrics(&self, range: Range, limits: Limits) -> Option<Evaluator<'_>> {
        Evaluator::new(self, range, limits)
    }

    /// The value of a hint.
    pub fn hint(&self, key: &str) -> Option<&Static> {
        let found = self.ast.hints.iter().find(|Hint { key: name, .. }| name == key);
        found.map(|hint| &hint.value)
    }

    /// The sets of spans that it finds in a trace, none of them empty; of a query for time series those that it measures.
    pub fn search(&self, trace: &Trace<'_>) -> Vec<SpanSet> {
        self.stages.run(trace)
    }

    /// What the query wants to know of a span that it found: fields of its conditions, and those that `select` names; without name,
    /// duration and id, and without what the span does not have.
    pub fn attributes(&self, trace: &Trace<'_>, place: u32) -> Vec<KeyValue> {
        self.selected.values(trace, place)
    }
}

fn is_plain(expr: &Expr) -> bool {
    let own = |field: &Field| {
        let parent = matches!(
            field,
            Field::Attribute {
                scope: Scope::Parent | Scope::ParentSpan | Scope::ParentResource,
                ..
            }
        );
        !parent
    };
    match expr {
        Expr::Field(field) => own(field),
        Expr::Compare(_, left, right) => match (&**left, &**right) {
            (Expr::Field(field), Expr::Static(_)) | (Expr::Static(_), Expr::Field(field)) => own(field),
            _ => false,
        },
        Expr::Logic(_, left, right) => is_plain(left) && is_plain(right),
        Expr::Static(_) | Expr::Arithmetic(..) | Expr::Not(_) | Expr::Minus(_) => false,
    }
}
