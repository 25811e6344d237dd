//! What a store can ask its columns before spans are read: the conditions of a query as tests of columns, and the terms that a
//! block must have. Both let too much pass rather than too little.

use event::{SpanKind, StatusCode};
use store::{Clause, Needs};
use traceql::ast::{CompareOp, Field as Asked, Intrinsic, Scope, Static};
use traceql::{Comparison, Condition, Conditions, Scalar, SpanCondition};
use wire::spans::{Cell, Field, Wanted, term};

type Test = Box<dyn Fn(Cell<'_>) -> bool + Sync>;

/// Conditions as tests, each of which some span of a trace must meet; none where any trace will do.
#[derive(Default)]
pub(super) struct Plan {
    parts: Vec<Node>,
}

enum Node {
    /// All of them, of one span.
    Same(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    Has(Place, Test),
}

enum Place {
    Name,
    StatusMessage,
    Status,
    Kind,
    Duration,
    Span(String),
    Resource(String),
    Either(String),
}

impl Plan {
    pub(super) fn of(conditions: &Conditions) -> (Self, Needs) {
        let clauses = needs_of_trace(conditions);
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

impl Node {
    fn wanted(&self) -> Wanted<'_> {
        match self {
            Self::Same(part) => Wanted::Same(Box::new(part.wanted())),
            Self::All(parts) => Wanted::All(parts.iter().map(Self::wanted).collect()),
            Self::Any(parts) => Wanted::Any(parts.iter().map(Self::wanted).collect()),
            Self::Has(place, test) => Wanted::Has(place.field(), &**test),
        }
    }
}

impl Place {
    fn field(&self) -> Field<'_> {
        match self {
            Self::Name => Field::Name,
            Self::StatusMessage => Field::StatusMessage,
            Self::Status => Field::Status,
            Self::Kind => Field::Kind,
            Self::Duration => Field::Duration,
            Self::Span(name) => Field::Span(name),
            Self::Resource(name) => Field::Resource(name),
            Self::Either(name) => Field::Either(name),
        }
    }
}

/// Of several that must all hold, deeper than at the top, the first one that asks anything.
fn of_trace(conditions: &Conditions) -> Option<Node> {
    match conditions {
        Conditions::All(parts) => parts.iter().find_map(of_trace),
        Conditions::Any(parts) => any(parts.iter().map(of_trace)),
        Conditions::Span(span) => of_span(span).map(|part| Node::Same(Box::new(part))),
    }
}

/// The question whose spans meet exactly these conditions; none if columns do not show all of it.
pub(super) fn exactly(conditions: &Conditions) -> Option<Plan> {
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
pub(super) fn column_of(field: &Asked) -> Option<Field<'_>> {
    match field {
        Asked::Attribute { scope, name } => match scope {
            Scope::Any => Some(Field::Either(name)),
            Scope::Span => Some(Field::Span(name)),
            Scope::Resource => Some(Field::Resource(name)),
            _ => None,
        },
        Asked::Intrinsic { which, .. } => match which {
            Intrinsic::Name => Some(Field::Name),
            Intrinsic::StatusMessage => Some(Field::StatusMessage),
            _ => None,
        },
    }
}

fn of_span(condition: &SpanCondition) -> Option<Node> {
    match condition {
        SpanCondition::All(parts) => {
            let parts: Vec<Node> = parts.iter().filter_map(of_span).collect();
            (!parts.is_empty()).then_some(Node::All(parts))
        }
        SpanCondition::Any(parts) => any(parts.iter().map(of_span)),
        SpanCondition::Is(condition) => leaf(condition),
    }
}

/// If any span will do for one part, it will do for all.
fn any(parts: impl Iterator<Item = Option<Node>>) -> Option<Node> {
    parts.collect::<Option<Vec<Node>>>().map(Node::Any)
}

fn place(field: &Asked) -> Option<Place> {
    match field {
        Asked::Attribute { scope, name } => match scope {
            Scope::Any => Some(Place::Either(name.clone())),
            Scope::Span => Some(Place::Span(name.clone())),
            Scope::Resource => Some(Place::Resource(name.clone())),
            _ => None,
        },
        Asked::Intrinsic { which, .. } => match which {
            Intrinsic::Name => Some(Place::Name),
            Intrinsic::Status => Some(Place::Status),
            Intrinsic::StatusMessage => Some(Place::StatusMessage),
            Intrinsic::Kind => Some(Place::Kind),
            Intrinsic::Duration => Some(Place::Duration),
            _ => None,
        },
    }
}

fn leaf(condition: &Condition) -> Option<Node> {
    let place = place(&condition.field)?;
    let comparison = Comparison::of(condition)?;
    let test: Test = match place {
        // Cells of these are codes and nanoseconds.
        Place::Status => Box::new(move |cell| {
            let code = code(cell).and_then(|code| StatusCode::try_from(code).ok());
            code.is_none_or(|code| comparison.holds(Scalar::Status(code)))
        }),
        Place::Kind => Box::new(move |cell| {
            let code = code(cell).and_then(|code| SpanKind::try_from(code).ok());
            code.is_none_or(|code| comparison.holds(Scalar::Kind(code)))
        }),
        Place::Duration => Box::new(move |cell| match cell {
            Cell::Int(ns) => comparison.holds(Scalar::Duration(ns)),
            _ => true,
        }),
        Place::Name | Place::StatusMessage | Place::Span(_) | Place::Resource(_) | Place::Either(_) => {
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
    Some(Node::Has(place, test))
}

fn code(cell: Cell<'_>) -> Option<u8> {
    match cell {
        Cell::Int(code) => u8::try_from(code).ok(),
        _ => None,
    }
}

fn needs_of_trace(conditions: &Conditions) -> Vec<Clause> {
    match conditions {
        Conditions::All(parts) => {
            // As the columns are asked: of the first part that asks anything.
            let asked = parts.iter().find(|part| of_trace(part).is_some());
            asked.map(needs_of_trace).unwrap_or_default()
        }
        Conditions::Any(parts) => either(parts.iter().map(needs_of_trace)),
        Conditions::Span(span) => needs_of_span(span),
    }
}

fn needs_of_span(condition: &SpanCondition) -> Vec<Clause> {
    match condition {
        SpanCondition::All(parts) => parts.iter().flat_map(needs_of_span).collect(),
        SpanCondition::Any(parts) => either(parts.iter().map(needs_of_span)),
        SpanCondition::Is(condition) => equal_text(condition).into_iter().collect(),
    }
}

/// One clause of each alternative, joined; nothing if one of them needs nothing.
fn either(parts: impl Iterator<Item = Vec<Clause>>) -> Vec<Clause> {
    let mut joined = Clause::default();
    for part in parts {
        let Some(clause) = part.into_iter().next() else {
            return Vec::new();
        };
        joined.terms.extend(clause.terms);
        joined.keys.extend(clause.keys);
    }
    vec![joined]
}

fn equal_text(condition: &Condition) -> Option<Clause> {
    let (CompareOp::Eq, Static::String(text)) = (condition.op, &condition.value) else {
        return None;
    };
    let bytes = text.as_bytes();
    match place(&condition.field)? {
        Place::Name => Some(Clause {
            terms: vec![term(Field::Name, bytes)],
            keys: Vec::new(),
        }),
        // The empty key: spans whose attributes are in no column.
        Place::Span(name) => Some(Clause {
            terms: vec![term(Field::Span(&name), bytes)],
            keys: vec![name, String::new()],
        }),
        Place::Resource(name) => Some(Clause {
            terms: vec![term(Field::Resource(&name), bytes)],
            keys: Vec::new(),
        }),
        Place::Either(name) => Some(Clause {
            terms: vec![
                term(Field::Span(&name), bytes),
                term(Field::Resource(&name), bytes),
            ],
            keys: vec![name, String::new()],
        }),
        Place::StatusMessage | Place::Status | Place::Kind | Place::Duration => None,
    }
}
