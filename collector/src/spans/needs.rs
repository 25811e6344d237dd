//! The terms that a block of spans must have, if it is to hold what a query asks for: equal texts and statuses, and each of them
//! together with the service, if the query names both of one span. Lets too much pass rather than too little.

use event::StatusCode;
use store::Clause;
use traceql::ast::{CompareOp, Static};
use traceql::{Condition, Conditions, SpanCondition};
use wire::spans::{Field, LeftOut, SERVICE, Term};

use super::plan::{field_of, is_asked};

/// Of conditions, of which a unit is only asked the first part: what a trace lacks here it may have in another unit.
pub(super) fn of_trace(conditions: &Conditions) -> Vec<Clause> {
    match conditions {
        Conditions::All(parts) => {
            let asked = parts.iter().find(|part| is_asked(part));
            asked.map(of_trace).unwrap_or_default()
        }
        Conditions::Any(parts) => either(parts.iter().map(of_trace)),
        Conditions::Span(span) => of_span(span, &services(span)),
    }
}

/// The services that a span must have, all of them, by what must hold of it.
fn services(condition: &SpanCondition) -> Vec<&str> {
    match condition {
        SpanCondition::All(parts) => parts.iter().flat_map(services).collect(),
        SpanCondition::Any(_) => Vec::new(),
        SpanCondition::Is(condition) => service(condition).into_iter().collect(),
    }
}

fn service(condition: &Condition) -> Option<&str> {
    match (field_of(&condition.field), condition.op, &condition.value) {
        (Some(Field::Resource(SERVICE)), CompareOp::Eq, Static::String(text)) => Some(text),
        _ => None,
    }
}

fn of_span(condition: &SpanCondition, services: &[&str]) -> Vec<Clause> {
    match condition {
        SpanCondition::All(parts) => parts.iter().flat_map(|part| of_span(part, services)).collect(),
        SpanCondition::Any(parts) => either(parts.iter().map(|part| of_span(part, services))),
        SpanCondition::Is(condition) => equal(condition, services.first().copied()).into_iter().collect(),
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
        joined.hidden_by.extend(clause.hidden_by);
    }
    vec![joined]
}

/// What is equal to something, on a span of a service, if one is known.
fn equal(condition: &Condition, service: Option<&str>) -> Option<Clause> {
    if condition.op != CompareOp::Eq {
        return None;
    }
    let paired = |term: Term| service.map_or(term, |service| term.with_service(service.as_bytes()));
    let pairs = |what: LeftOut| service.is_some().then_some(what);
    let other = |term: Term| Clause {
        terms: vec![paired(term)],
        hidden_by: pairs(LeftOut::OtherPairs).into_iter().collect(),
    };
    let field = field_of(&condition.field)?;
    match (field, &condition.value) {
        (Field::Name, Static::String(text)) => Some(other(Term::of(field, text.as_bytes()))),
        // A code that is none is read as unset.
        (Field::Status, Static::Status(status @ (StatusCode::Ok | StatusCode::Error))) => {
            Some(other(Term::of_status(status.code())))
        }
        (Field::Resource(_), Static::String(text)) => Some(Clause {
            terms: vec![Term::of(field, text.as_bytes())],
            hidden_by: Vec::new(),
        }),
        (Field::Span(name) | Field::Either(name), Static::String(text)) => {
            let mut terms = vec![paired(Term::of(Field::Span(name), text.as_bytes()))];
            if matches!(field, Field::Either(_)) {
                terms.push(Term::of(Field::Resource(name), text.as_bytes()));
            }
            let mut hidden_by = vec![LeftOut::Attribute(name.to_owned()), LeftOut::OtherAttributes];
            hidden_by.extend(pairs(LeftOut::AttributePairs(name.to_owned())));
            Some(Clause { terms, hidden_by })
        }
        _ => None,
    }
}
