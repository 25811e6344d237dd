//! Spans into series, a trace at a time.

use std::collections::BTreeMap;

use event::Span;

use super::bounded::Bounded;
use super::bucket::power_of_two;
use super::cell::Cell;
use super::compare::{Compare, Compared};
use super::exemplar::Exemplars;
use super::{Limits, Range};
use crate::ast::{Field, Intrinsic, Measure, Metrics, Root, Static};
use crate::eval::{Cx, Val, many, one};
use crate::{Label, Query, Trace};

/// Labels of a series: the values of `by`, then the bucket of a histogram.
pub(crate) type Key = Vec<Label>;

/// Steps of a series that have something.
pub(crate) type Steps<T> = BTreeMap<u32, T>;

/// A query for time series over a range, ready to be asked of traces.
#[derive(Debug)]
pub struct Evaluator<'q> {
    query: &'q Query,
    pub(crate) metrics: &'q Metrics,
    pub(crate) range: Range,
    limits: Limits,
    compare: Option<Compare>,
    /// By what numbers are divided in answers: durations are seconds there.
    pub(crate) unit: f64,
}

/// What is known after some traces. Partial results of one evaluator merge; so do those of equal evaluators on other members.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partial {
    pub(crate) series: Bounded<Key, Steps<Cell>>,
    pub(crate) compared: Compared,
    pub(crate) exemplars: Exemplars,
    pub(crate) spans: u64,
}

impl<'q> Evaluator<'q> {
    /// Nothing if the query does not ask for time series.
    pub fn new(query: &'q Query, range: Range, limits: Limits) -> Option<Self> {
        let Root::Metrics(metrics) = &query.ast().root else {
            return None;
        };
        let (field, share) = match &metrics.measure {
            Measure::Over(_, field) | Measure::Histogram(field) => (Some(field), 1),
            Measure::Quantiles(field, _) => (Some(field), 16),
            _ => (None, 1),
        };
        let compare = match &metrics.measure {
            Measure::Compare { filter, within, .. } => Some(Compare::of(filter.as_ref(), *within)),
            _ => None,
        };
        let fit = limits.samples / share / range.count() as usize;
        let exemplars = match query.hint("exemplars") {
            Some(Static::Bool(false)) => 0,
            Some(Static::Int(number)) => usize::try_from(*number).unwrap_or(0).min(limits.exemplars),
            _ => limits.exemplars,
        };
        Some(Self {
            query,
            metrics,
            range,
            limits: Limits {
                series: limits.series.min(fit).max(1),
                exemplars,
                ..limits
            },
            compare,
            unit: if field.is_some_and(is_duration) { 1e9 } else { 1.0 },
        })
    }

    /// The range.
    pub fn range(&self) -> Range {
        self.range
    }

    /// Adds a trace, which must be whole: structural operators see all its spans. Spans that start outside of the range do not count.
    pub fn observe(&self, partial: &mut Partial, trace: &Trace<'_>) {
        for set in self.query.search(trace) {
            for cx in set.spans.iter().filter_map(|place| Cx::new(trace, *place)) {
                let Some(step) = self.range.step_of(cx.span.start_ns) else {
                    continue;
                };
                partial.spans += 1;
                match &self.compare {
                    Some(compare) => compare.observe(&mut partial.compared, &cx, step),
                    None => self.measure(partial, &cx, step),
                }
            }
        }
    }

    fn measure(&self, partial: &mut Partial, cx: &Cx<'_>, step: u32) {
        let by = || -> Key {
            self.metrics
                .by
                .iter()
                .map(|field| Label::of(one(field, cx)))
                .collect()
        };
        match &self.metrics.measure {
            Measure::Rate | Measure::Count => {
                let key = by();
                if let Some(steps) = partial.series.entry(key, self.limits.series) {
                    steps.entry(step).or_default().count += 1;
                }
                self.exemplar(partial, cx.span, step, None, by);
            }
            Measure::Over(_, field) | Measure::Quantiles(field, _) => {
                let distribution = matches!(self.metrics.measure, Measure::Quantiles(..));
                many(field, cx, &mut |value| {
                    if let Some(number) = finite(value) {
                        if let Some(steps) = partial.series.entry(by(), self.limits.series) {
                            steps.entry(step).or_default().add(value, distribution);
                        }
                        self.exemplar(partial, cx.span, step, Some(number), by);
                    }
                    false
                });
            }
            Measure::Histogram(field) => many(field, cx, &mut |value| {
                if let Some(number) = finite(value) {
                    let key = || {
                        let mut key = by();
                        key.push(Label::Float(power_of_two(number) / self.unit));
                        key
                    };
                    if let Some(steps) = partial.series.entry(key(), self.limits.series) {
                        steps.entry(step).or_default().count += 1;
                    }
                    self.exemplar(partial, cx.span, step, Some(number), key);
                }
                false
            }),
            Measure::Compare { .. } => {}
        }
    }

    fn exemplar(
        &self,
        partial: &mut Partial,
        span: &Span,
        step: u32,
        number: Option<f64>,
        series: impl FnOnce() -> Key,
    ) {
        let max = self.limits.exemplars;
        partial.exemplars.offer(max, span, step, number, series);
    }

    /// Joins two partial results.
    pub fn merge(&self, into: &mut Partial, other: Partial) {
        into.spans += other.spans;
        into.series.merge(other.series, self.limits.series, |own, other| {
            for (step, cell) in other {
                own.entry(step).or_default().merge(cell);
            }
        });
        into.compared.merge(other.compared);
        into.exemplars.merge(other.exemplars, self.limits.exemplars);
    }
}

fn finite(value: Val<'_>) -> Option<f64> {
    value.number().filter(|number| number.is_finite())
}

fn is_duration(field: &Field) -> bool {
    matches!(
        field,
        Field::Intrinsic {
            which: Intrinsic::Duration | Intrinsic::TraceDuration | Intrinsic::EventTimeSinceStart,
            ..
        }
    )
}
