//! What a store can ask its columns before spans are read: the conditions of a query as tests of columns, and the terms that a
//! block must have. Both let too much pass rather than too little.

use regex::Regex;
use store::{Clause, Needs};
use traceql::ast::{CompareOp, Field as Asked, Intrinsic, Scope, Static};
use traceql::{Condition, Conditions, SpanCondition};
use wire::spans::{Cell, Field, Wanted, term};

type Test = Box<dyn Fn(Cell<'_>) -> bool + Sync>;

/// Conditions as tests; nothing where any span will do.
#[derive(Default)]
pub(super) struct Plan {
    root: Option<Node>,
}

enum Node {
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
        let root = of_trace(conditions);
        let clauses = needs_of_trace(conditions);
        (Self { root }, Needs { clauses })
    }

    /// As the columns are asked; `None`: every trace.
    pub(super) fn wanted(&self) -> Option<Wanted<'_>> {
        self.root.as_ref().map(Node::wanted)
    }
}

impl Node {
    fn wanted(&self) -> Wanted<'_> {
        match self {
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

/// Spans of a trace may be in several frames: of conditions on several spans only one can be asked of each.
fn of_trace(conditions: &Conditions) -> Option<Node> {
    match conditions {
        Conditions::All(parts) => parts.iter().find_map(of_trace),
        Conditions::Any(parts) => any(parts.iter().map(of_trace)),
        Conditions::Span(span) => of_span(span),
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
    let op = condition.op;
    let test: Test = match (&condition.value, op) {
        // Absence is not in columns; presence is any value.
        (Static::Nil, CompareOp::Ne) => Box::new(|_| true),
        (Static::Nil, _) => return None,
        (Static::String(pattern), CompareOp::Match | CompareOp::NoMatch) => {
            let regex = Regex::new(&format!(r"\A(?:{pattern})\z")).ok()?;
            Box::new(move |cell| match cell {
                Cell::Text(text) => {
                    let text = String::from_utf8_lossy(text);
                    regex.is_match(&text) == (op == CompareOp::Match)
                }
                Cell::Other => true,
                Cell::Int(_) | Cell::Double(_) | Cell::Bool(_) => op == CompareOp::NoMatch,
            })
        }
        (Static::String(wanted), _) => {
            let wanted = wanted.clone();
            Box::new(move |cell| match cell {
                Cell::Text(text) => holds(
                    op,
                    String::from_utf8_lossy(text)
                        .as_ref()
                        .partial_cmp(wanted.as_str()),
                ),
                cell => otherwise(op, cell),
            })
        }
        (Static::Bool(wanted), _) => {
            let wanted = *wanted;
            Box::new(move |cell| match cell {
                Cell::Bool(truth) => holds(op, truth.partial_cmp(&wanted)),
                cell => otherwise(op, cell),
            })
        }
        (Static::Int(wanted) | Static::Duration(wanted), _) => number(op, *wanted as f64, Some(*wanted)),
        (Static::Float(wanted), _) => number(op, *wanted, None),
        (Static::Status(code), _) => code_is(op, code.code()),
        (Static::Kind(code), _) => code_is(op, code.code()),
    };
    Some(Node::Has(place, test))
}

fn number(op: CompareOp, wanted: f64, exact: Option<i64>) -> Test {
    Box::new(move |cell| match (cell, exact) {
        (Cell::Int(number), Some(exact)) => holds(op, number.partial_cmp(&exact)),
        (Cell::Int(number), None) => holds(op, (number as f64).partial_cmp(&wanted)),
        (Cell::Double(number), _) => holds(op, number.partial_cmp(&wanted)),
        (cell, _) => otherwise(op, cell),
    })
}

fn code_is(op: CompareOp, wanted: u8) -> Test {
    Box::new(move |cell| match cell {
        Cell::Int(code) => holds(op, code.partial_cmp(&i64::from(wanted))),
        cell => otherwise(op, cell),
    })
}

/// Of a value of another type: unequal, nothing else. What was not looked at may be anything.
fn otherwise(op: CompareOp, cell: Cell<'_>) -> bool {
    matches!(cell, Cell::Other) || op == CompareOp::Ne
}

fn holds(op: CompareOp, order: Option<std::cmp::Ordering>) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match op {
        CompareOp::Eq => order == Some(Equal),
        CompareOp::Ne => order != Some(Equal),
        CompareOp::Lt => order == Some(Less),
        CompareOp::Le => matches!(order, Some(Less | Equal)),
        CompareOp::Gt => order == Some(Greater),
        CompareOp::Ge => matches!(order, Some(Greater | Equal)),
        CompareOp::Match | CompareOp::NoMatch => true,
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
