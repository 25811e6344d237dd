//! What a store can ask its columns before spans are read: the conditions of a query as tests of columns, and the terms that a
//! block must have. Both let too much pass rather than too little.

use event::{SpanKind, StatusCode};
use store::Needs;
use traceql::ast::{Field as Asked, Intrinsic, Scope};
use traceql::{Comparison, Condition, Conditions, Scalar, SpanCondition};
use wire::spans::{Cell, Field, Wanted};

use super::needs;

type Test = Box<dyn Fn(Cell<'_>) -> bool + Sync>;

/// Conditions as tests, each of which some span of a trace must meet; none where any trace will do.
#[derive(Default)]
pub(super) struct Plan<'q> {
    parts: Vec<Node<'q>>,
}

enum Node<'q> {
    /// All of them, of one span.
    Same(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    Has(Field<'q>, Test),
}

impl<'q> Plan<'q> {
    pub(super) fn of(conditions: &'q Conditions) -> (Self, Needs) {
        let clauses = needs::of_trace(conditions);
        let parts = match conditions {
            Conditions::All(parts) => parts.iter().filter_map(of_trace).collect(),
            one => of_trace(one).into_iter().collect(),
        };
        (Self { parts }, Needs { clauses })
    }

    /// As the columns are asked, one after the other; of none: every trace. A trace whose spans are in several units may meet
    /// some parts in one and some in another: of a unit only the first part may be asked of it.
    pub(super) fn wanted(&self) -> Vec<Wanted<'_>> {
        self.parts.iter().map(Node::wanted).collect()
    }
}

impl Node<'_> {
    fn wanted(&self) -> Wanted<'_> {
        match self {
            Self::Same(part) => Wanted::Same(Box::new(part.wanted())),
            Self::All(parts) => Wanted::All(parts.iter().map(Self::wanted).collect()),
            Self::Any(parts) => Wanted::Any(parts.iter().map(Self::wanted).collect()),
            Self::Has(field, test) => Wanted::Has(*field, &**test),
        }
    }
}

/// Of several that must all hold, deeper than at the top, the first one that asks anything.
fn of_trace(conditions: &Conditions) -> Option<Node<'_>> {
    match conditions {
        Conditions::All(parts) => parts.iter().find_map(of_trace),
        Conditions::Any(parts) => any(parts.iter().map(of_trace)),
        Conditions::Span(span) => of_span(span).map(|part| Node::Same(Box::new(part))),
    }
}

/// Do conditions ask anything of columns?
pub(super) fn is_asked(conditions: &Conditions) -> bool {
    of_trace(conditions).is_some()
}

/// The question whose spans meet exactly these conditions; none if columns do not show all of it.
pub(super) fn exactly(conditions: &Conditions) -> Option<Plan<'_>> {
    let parts = match conditions {
        Conditions::All(parts) if parts.is_empty() => Vec::new(),
        Conditions::Span(span) if is_shown(span) => vec![of_span(span)?],
        _ => return None,
    };
    Some(Plan { parts })
}

fn is_shown(condition: &SpanCondition) -> bool {
    match condition {
        SpanCondition::All(parts) | SpanCondition::Any(parts) => parts.iter().all(is_shown),
        SpanCondition::Is(condition) => leaf(condition).is_some(),
    }
}

/// The field of columns that a query's field is, if it is one.
pub(super) fn field_of(field: &Asked) -> Option<Field<'_>> {
    match field {
        Asked::Attribute { scope, name } => match scope {
            Scope::Any => Some(Field::Either(name)),
            Scope::Span => Some(Field::Span(name)),
            Scope::Resource => Some(Field::Resource(name)),
            _ => None,
        },
        Asked::Intrinsic { which, .. } => match which {
            Intrinsic::Name => Some(Field::Name),
            Intrinsic::Status => Some(Field::Status),
            Intrinsic::StatusMessage => Some(Field::StatusMessage),
            Intrinsic::Kind => Some(Field::Kind),
            Intrinsic::Duration => Some(Field::Duration),
            _ => None,
        },
    }
}

/// The same of fields whose values a frame lists.
pub(super) fn column_of(field: &Asked) -> Option<Field<'_>> {
    field_of(field).filter(|field| !matches!(field, Field::Status | Field::Kind | Field::Duration))
}

fn of_span(condition: &SpanCondition) -> Option<Node<'_>> {
    match condition {
        SpanCondition::All(parts) => {
            let parts: Vec<Node<'_>> = parts.iter().filter_map(of_span).collect();
            (!parts.is_empty()).then_some(Node::All(parts))
        }
        SpanCondition::Any(parts) => any(parts.iter().map(of_span)),
        SpanCondition::Is(condition) => leaf(condition),
    }
}

/// If any span will do for one part, it will do for all.
fn any<'q>(parts: impl Iterator<Item = Option<Node<'q>>>) -> Option<Node<'q>> {
    parts.collect::<Option<Vec<Node<'q>>>>().map(Node::Any)
}

fn leaf(condition: &Condition) -> Option<Node<'_>> {
    let field = field_of(&condition.field)?;
    let comparison = Comparison::of(condition)?;
    let test: Test = match field {
        // Cells of these are codes and nanoseconds.
        Field::Status => Box::new(move |cell| {
            let code = code(cell).and_then(|code| StatusCode::try_from(code).ok());
            code.is_none_or(|code| comparison.holds(Scalar::Status(code)))
        }),
        Field::Kind => Box::new(move |cell| {
            let code = code(cell).and_then(|code| SpanKind::try_from(code).ok());
            code.is_none_or(|code| comparison.holds(Scalar::Kind(code)))
        }),
        Field::Duration => Box::new(move |cell| match cell {
            Cell::Int(ns) => comparison.holds(Scalar::Duration(ns)),
            _ => true,
        }),
        Field::Name | Field::StatusMessage | Field::Span(_) | Field::Resource(_) | Field::Either(_) => {
            Box::new(move |cell| match cell {
                Cell::Text(text) => comparison.holds(Scalar::Text(&String::from_utf8_lossy(text))),
                Cell::Int(number) => comparison.holds(Scalar::Int(number)),
                Cell::Double(number) => comparison.holds(Scalar::Float(number)),
                Cell::Bool(truth) => comparison.holds(Scalar::Bool(truth)),
                // Not looked at: anything may be in it.
                Cell::Other => true,
            })
        }
    };
    Some(Node::Has(field, test))
}

fn code(cell: Cell<'_>) -> Option<u8> {
    match cell {
        Cell::Int(code) => u8::try_from(code).ok(),
        _ => None,
    }
}
