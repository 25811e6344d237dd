//! Numbers out of a set of spans. Spans without a number do not count; of none there is none.

use super::arithmetic::arithmetic;
use super::{Cx, Node, Val};
use crate::Trace;
use crate::ast::{Aggregate, ArithmeticOp, CompareOp, Scalar, Static};
use crate::eval::holds;

/// A number out of a set, made ready.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    Static(Static),
    Aggregate {
        which: Aggregate,
        of: Option<Node>,
        /// As written: `avg(duration)`.
        key: String,
    },
    Arithmetic(ArithmeticOp, Box<Self>, Box<Self>),
}

impl Number {
    pub(crate) fn of(scalar: &Scalar) -> Self {
        match scalar {
            Scalar::Static(value) => Self::Static(value.clone()),
            Scalar::Aggregate(which, of) => Self::Aggregate {
                which: *which,
                of: of.as_ref().map(Node::of),
                key: scalar.to_string(),
            },
            Scalar::Arithmetic(op, left, right) => {
                Self::Arithmetic(*op, Box::new(Self::of(left)), Box::new(Self::of(right)))
            }
        }
    }

    /// Its value over a set; calls for each aggregate in it.
    pub(crate) fn value<'t>(
        &'t self,
        trace: &'t Trace<'t>,
        spans: &[u32],
        each: &mut dyn FnMut(&str, Val<'t>),
    ) -> Val<'t> {
        match self {
            Self::Static(value) => value.into(),
            Self::Arithmetic(op, left, right) => {
                let left = left.value(trace, spans, each);
                arithmetic(*op, left, right.value(trace, spans, each))
            }
            Self::Aggregate { which, of, key } => {
                let value = match of {
                    None => Val::Int(spans.len() as i64),
                    Some(of) => aggregate(*which, of, trace, spans),
                };
                each(key, value);
                value
            }
        }
    }

    /// Calls for each field in it.
    pub(crate) fn fields(&self, each: &mut dyn FnMut(&crate::ast::Field)) {
        match self {
            Self::Static(_) => {}
            Self::Aggregate { of, .. } => of.iter().for_each(|of| of.fields(each)),
            Self::Arithmetic(_, left, right) => {
                left.fields(each);
                right.fields(each);
            }
        }
    }
}

fn aggregate<'t>(which: Aggregate, of: &'t Node, trace: &'t Trace<'t>, spans: &[u32]) -> Val<'t> {
    let (mut so_far, mut count) = (Val::Nil, 0_i64);
    for cx in spans.iter().filter_map(|place| Cx::new(trace, *place)) {
        of.values(&cx, &mut |value| {
            if value.number().is_none() {
                return;
            }
            count += 1;
            so_far = match (so_far, which) {
                (Val::Nil, _) => value,
                (least, Aggregate::Min) if holds(CompareOp::Lt, value, least, None) => value,
                (greatest, Aggregate::Max) if holds(CompareOp::Gt, value, greatest, None) => value,
                (same, Aggregate::Min | Aggregate::Max) => same,
                (sum, _) => arithmetic(ArithmeticOp::Add, sum, value),
            };
        });
    }
    match which {
        Aggregate::Count => Val::Int(count),
        Aggregate::Avg if count > 0 => arithmetic(ArithmeticOp::Div, so_far, Val::Int(count)),
        _ => so_far,
    }
}
