//! Arithmetic. Whole numbers stay whole while they fit, except quotients; durations stay durations where that has a meaning.
//! What is no number, and division by zero, is nil, which no comparison matches.

use super::Val;
use crate::ast::ArithmeticOp;

pub(crate) fn arithmetic<'a>(op: ArithmeticOp, left: Val<'a>, right: Val<'a>) -> Val<'a> {
    let (Some(x), Some(y)) = (left.number(), right.number()) else {
        return Val::Nil;
    };
    if matches!(op, ArithmeticOp::Div | ArithmeticOp::Mod) && y == 0.0 {
        return Val::Nil;
    }
    let float = match op {
        ArithmeticOp::Add => x + y,
        ArithmeticOp::Sub => x - y,
        ArithmeticOp::Mul => x * y,
        ArithmeticOp::Div => x / y,
        ArithmeticOp::Mod => x % y,
        ArithmeticOp::Pow => x.powf(y),
    };
    let whole = match (left, right) {
        (Val::Int(x) | Val::Duration(x), Val::Int(y) | Val::Duration(y)) => match op {
            ArithmeticOp::Add => x.checked_add(y),
            ArithmeticOp::Sub => x.checked_sub(y),
            ArithmeticOp::Mul => x.checked_mul(y),
            ArithmeticOp::Div => x
                .checked_rem(y)
                .filter(|rest| *rest == 0)
                .and_then(|_| x.checked_div(y)),
            ArithmeticOp::Mod => x.checked_rem(y),
            ArithmeticOp::Pow => u32::try_from(y).ok().and_then(|y| x.checked_pow(y)),
        },
        _ => None,
    };
    if is_duration(op, left, right) {
        // A float beyond 64 bits saturates: no duration is longer.
        return Val::Duration(whole.unwrap_or(float as i64));
    }
    match whole {
        Some(number) => Val::Int(number),
        None if float.is_nan() => Val::Nil,
        None => Val::Float(float),
    }
}

/// A sum with a duration is one, so is a duration times or by a number; a ratio of two is a number.
fn is_duration(op: ArithmeticOp, left: Val<'_>, right: Val<'_>) -> bool {
    let of = |value| matches!(value, Val::Duration(_));
    match op {
        ArithmeticOp::Add | ArithmeticOp::Sub | ArithmeticOp::Mod => of(left) || of(right),
        ArithmeticOp::Mul => of(left) != of(right),
        ArithmeticOp::Div => of(left) && !of(right),
        ArithmeticOp::Pow => false,
    }
}

pub(crate) fn minus(value: Val<'_>) -> Val<'_> {
    match value {
        Val::Int(number) => number
            .checked_neg()
            .map_or(Val::Float(-(number as f64)), Val::Int),
        Val::Duration(number) => Val::Duration(number.saturating_neg()),
        Val::Float(number) => Val::Float(-number),
        _ => Val::Nil,
    }
}
