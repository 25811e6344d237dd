//! What must hold of a trace, as bytes. Names of operators and intrinsics are those of the language, so that they mean the same in every
//! release.

use event::{SpanKind, StatusCode};
use traceql::ast::{CompareOp, Field, Intrinsic, Scope, Static};
use traceql::{Condition, Conditions, HEIGHT_MAX, QUERY_BYTES_MAX, SpanCondition};
use wire::bytes::{Put, Reader, unzigzag, zigzag};

use super::values::{count, put_text, text, truth};
use super::{Malformed, at_most};

/// Conditions in one another: no query makes more of them.
const DEPTH_MAX: usize = 2 * HEIGHT_MAX as usize + 8;
/// All of them together.
const NODES_MAX: usize = QUERY_BYTES_MAX;

const SCOPES: [Scope; 9] = [
    Scope::Any,
    Scope::Span,
    Scope::Resource,
    Scope::Event,
    Scope::Link,
    Scope::Instrumentation,
    Scope::Parent,
    Scope::ParentSpan,
    Scope::ParentResource,
];

const ALL: u8 = 0;
const ANY: u8 = 1;
const ONE: u8 = 2;

pub(super) fn put_conditions(out: &mut Vec<u8>, conditions: &Conditions) {
    let mut list = |tag, of: &[Conditions]| {
        out.put_u8(tag);
        out.put_varint(of.len() as u64);
        for one in of {
            put_conditions(out, one);
        }
    };
    match conditions {
        Conditions::All(of) => list(ALL, of),
        Conditions::Any(of) => list(ANY, of),
        Conditions::Span(of) => {
            out.put_u8(ONE);
            put_span(out, of);
        }
    }
}

fn put_span(out: &mut Vec<u8>, condition: &SpanCondition) {
    let mut list = |tag, of: &[SpanCondition]| {
        out.put_u8(tag);
        out.put_varint(of.len() as u64);
        for one in of {
            put_span(out, one);
        }
    };
    match condition {
        SpanCondition::All(of) => list(ALL, of),
        SpanCondition::Any(of) => list(ANY, of),
        SpanCondition::Is(of) => {
            out.put_u8(ONE);
            put_field(out, &of.field);
            put_text(out, of.op.spelling());
            put_static(out, &of.value);
        }
    }
}

/// Conditions; nothing deeper or larger than a query can say.
pub(super) fn conditions(r: &mut Reader<'_>) -> Result<Conditions, Malformed> {
    let mut left = NODES_MAX;
    trace_conditions(r, 0, &mut left)
}

fn trace_conditions(r: &mut Reader<'_>, depth: usize, left: &mut usize) -> Result<Conditions, Malformed> {
    enter(depth, left)?;
    let tag = r.u8()?;
    if tag == ONE {
        return Ok(Conditions::Span(span_condition(r, depth + 1, left)?));
    }
    let n = count(r, 1)?;
    let mut of = Vec::new();
    for _ in 0..n {
        of.push(trace_conditions(r, depth + 1, left)?);
    }
    match tag {
        ALL => Ok(Conditions::All(of)),
        ANY => Ok(Conditions::Any(of)),
        other => Err(Malformed::Unknown("condition", other.into())),
    }
}

fn span_condition(r: &mut Reader<'_>, depth: usize, left: &mut usize) -> Result<SpanCondition, Malformed> {
    enter(depth, left)?;
    let tag = r.u8()?;
    if tag == ONE {
        let field = field(r)?;
        let op = text(r)?;
        let op = CompareOp::of(&op).ok_or(Malformed::Unknown("operator of length", op.len() as u64))?;
        let value = literal(r)?;
        return Ok(SpanCondition::Is(Condition { field, op, value }));
    }
    let n = count(r, 1)?;
    let mut of = Vec::new();
    for _ in 0..n {
        of.push(span_condition(r, depth + 1, left)?);
    }
    match tag {
        ALL => Ok(SpanCondition::All(of)),
        ANY => Ok(SpanCondition::Any(of)),
        other => Err(Malformed::Unknown("condition of a span", other.into())),
    }
}

fn enter(depth: usize, left: &mut usize) -> Result<(), Malformed> {
    at_most("conditions in one another", depth, DEPTH_MAX)?;
    *left = left.checked_sub(1).ok_or(Malformed::TooMuch {
        what: "conditions",
        found: NODES_MAX + 1,
        max: NODES_MAX,
    })?;
    Ok(())
}

pub(super) fn put_field(out: &mut Vec<u8>, field: &Field) {
    match field {
        Field::Attribute { scope, name } => {
            let scope = SCOPES.iter().position(|known| known == scope);
            out.put_u8(scope.unwrap_or_default() as u8);
            put_text(out, name);
        }
        Field::Intrinsic { which, scoped } => {
            out.put_u8(0x80 | u8::from(*scoped));
            put_text(out, which.spelling(*scoped));
        }
    }
}

pub(super) fn field(r: &mut Reader<'_>) -> Result<Field, Malformed> {
    let tag = r.u8()?;
    let name = text(r)?;
    if let 0x80 | 0x81 = tag {
        let unknown = Malformed::Unknown("intrinsic of length", name.len() as u64);
        let (which, _) = Intrinsic::of(&name).ok_or(unknown)?;
        return Ok(Field::Intrinsic {
            which,
            scoped: tag == 0x81,
        });
    }
    let scope = SCOPES.get(usize::from(tag)).copied();
    let scope = scope.ok_or_else(|| Malformed::Unknown("scope", tag.into()))?;
    Ok(Field::Attribute { scope, name })
}

fn put_static(out: &mut Vec<u8>, value: &Static) {
    match value {
        Static::Nil => out.put_u8(0),
        Static::Bool(truth) => {
            out.put_u8(1);
            out.put_u8((*truth).into());
        }
        Static::Int(number) => {
            out.put_u8(2);
            out.put_varint(zigzag(*number));
        }
        Static::Float(number) => {
            out.put_u8(3);
            out.put_u64(number.to_bits());
        }
        Static::Duration(ns) => {
            out.put_u8(4);
            out.put_varint(zigzag(*ns));
        }
        Static::String(text) => {
            out.put_u8(5);
            put_text(out, text);
        }
        Static::Status(code) => {
            out.put_u8(6);
            out.put_u8(code.code());
        }
        Static::Kind(kind) => {
            out.put_u8(7);
            out.put_u8(kind.code());
        }
    }
}

fn literal(r: &mut Reader<'_>) -> Result<Static, Malformed> {
    Ok(match r.u8()? {
        0 => Static::Nil,
        1 => Static::Bool(truth(r)?),
        2 => Static::Int(unzigzag(r.varint()?)),
        3 => {
            let number = f64::from_bits(r.u64()?);
            if !number.is_finite() {
                return Err(Malformed::Unknown("finite number", number.to_bits()));
            }
            Static::Float(number)
        }
        4 => Static::Duration(unzigzag(r.varint()?)),
        5 => Static::String(text(r)?),
        6 => {
            let code = r.u8()?;
            let status = StatusCode::try_from(code);
            Static::Status(status.map_err(|_| Malformed::Unknown("status", code.into()))?)
        }
        7 => {
            let code = r.u8()?;
            let kind = SpanKind::try_from(code);
            Static::Kind(kind.map_err(|_| Malformed::Unknown("kind", code.into()))?)
        }
        other => return Err(Malformed::Unknown("literal", other.into())),
    })
}
