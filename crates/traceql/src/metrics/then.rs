//! What becomes of series: the greatest or least at each step, samples that meet a comparison. Series without samples go.

use super::Series;
use crate::ast::{CompareOp, Static, Then};
use crate::eval::{Val, holds};

pub(crate) fn then(of: &[Then], series: &mut Vec<Series>) {
    for then in of {
        match then {
            Then::Top(count) => rank(series, *count as usize, true),
            Then::Bottom(count) => rank(series, *count as usize, false),
            Then::Keep(op, value) => keep(series, *op, value),
        }
        for one in series.iter_mut() {
            let Series {
                samples, exemplars, ..
            } = one;
            if samples.is_empty() {
                exemplars.clear();
            }
        }
        series.retain(|series| !series.samples.is_empty());
    }
}

/// Keeps so many samples of each step; of equal ones those of earlier series.
fn rank(series: &mut [Series], count: usize, greatest: bool) {
    let mut all: Vec<(i64, f64, usize)> = Vec::new();
    for (place, one) in series.iter().enumerate() {
        all.extend(one.samples.iter().map(|(time, value)| (*time, *value, place)));
    }
    all.sort_by(|one, two| {
        let by_value = if greatest {
            two.1.total_cmp(&one.1)
        } else {
            one.1.total_cmp(&two.1)
        };
        one.0.cmp(&two.0).then(by_value).then(one.2.cmp(&two.2))
    });
    for one in series.iter_mut() {
        one.samples.clear();
    }
    for step in all.chunk_by(|one, two| one.0 == two.0) {
        for (time, value, place) in step.iter().take(count) {
            if let Some(one) = series.get_mut(*place) {
                one.samples.push((*time, *value));
            }
        }
    }
}

/// Keeps samples for which the comparison holds; a duration is its seconds.
fn keep(series: &mut [Series], op: CompareOp, value: &Static) {
    let bound = match value {
        Static::Duration(ns) => Val::Float(*ns as f64 / 1e9),
        value => value.into(),
    };
    for one in series.iter_mut() {
        one.samples
            .retain(|(_, sample)| holds(op, Val::Float(*sample), bound, None));
    }
}
