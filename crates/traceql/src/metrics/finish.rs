//! Partial results into series, with labels as Tempo has them.

use event::Value;

use super::compare::{GROUPS, META_ERROR, META_TYPE, TOO_MANY_VALUES};
use super::partial::{Key, Steps};
use super::then::then;
use super::{Evaluator, Exemplar, Partial};
use crate::Label;
use crate::ast::Measure;

/// Series, and how much they rest on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// In the order of their labels.
    pub series: Vec<Series>,
    /// Whether there were more series than are kept.
    pub truncated: bool,
    /// Spans that were measured.
    pub spans: u64,
}

/// A time series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Names and values of labels.
    pub labels: Vec<(String, Value)>,
    /// Unix milliseconds at which the step begins, and the sample; ascending. Durations are seconds.
    pub samples: Vec<(i64, f64)>,
    /// Spans that stand for others.
    pub exemplars: Vec<Exemplar>,
}

/// The label of a series without others.
const NAME: &str = "__name__";
/// The upper bound of a histogram's bucket.
const BUCKET: &str = "__bucket";
/// The quantile.
const QUANTILE: &str = "p";

impl Evaluator<'_> {
    /// The answer.
    pub fn finish(&self, partial: &Partial) -> Answer {
        let mut series = match &self.metrics.measure {
            Measure::Compare { top, .. } => self.compared(partial, *top as usize),
            _ => self.measured(partial),
        };
        then(&self.metrics.then, &mut series);
        Answer {
            series,
            truncated: partial.series.truncated() || partial.compared.truncated(),
            spans: partial.spans,
        }
    }

    fn measured(&self, partial: &Partial) -> Vec<Series> {
        let mut all = Vec::new();
        for (key, steps) in partial.series.iter() {
            let mut of_key = Vec::new();
            match &self.metrics.measure {
                Measure::Rate => {
                    of_key.push(self.counts(steps, self.range.step_seconds(), |cell| cell.count));
                }
                Measure::Count | Measure::Histogram(_) => {
                    of_key.push(self.counts(steps, 1.0, |cell| cell.count));
                }
                Measure::Over(which, _) => of_key.push(self.values(steps, |cell| cell.over(*which))),
                Measure::Quantiles(_, quantiles) => {
                    for quantile in quantiles {
                        of_key.push(self.values(steps, |cell| cell.quantile(*quantile)));
                    }
                }
                Measure::Compare { .. } => {}
            }
            self.add_exemplars(partial, key, &mut of_key);
            for (number, mut series) in of_key.into_iter().enumerate() {
                series.labels = self.labels(key, number);
                all.push(series);
            }
        }
        all
    }

    /// A sample at each step, 0 where nothing was.
    fn counts<T>(&self, steps: &Steps<T>, unit: f64, count: impl Fn(&T) -> u64) -> Series {
        let samples = (0..self.range.count()).map(|step| {
            let count = steps.get(&step).map_or(0, &count);
            (self.range.time_ms(step), count as f64 / unit)
        });
        Series {
            samples: samples.collect(),
            ..Series::default()
        }
    }

    /// A sample at each step that has one.
    fn values<T>(&self, steps: &Steps<T>, value: impl Fn(&T) -> Option<f64>) -> Series {
        let samples = steps.iter().filter_map(|(step, cell)| {
            let value = value(cell)? / self.unit;
            Some((self.range.time_ms(*step), value))
        });
        Series {
            samples: samples.collect(),
            ..Series::default()
        }
    }

    /// Labels of the series of a key; `number` counts the quantiles.
    fn labels(&self, key: &Key, number: usize) -> Vec<(String, Value)> {
        let by = || self.metrics.by.iter().zip(key);
        let absent = by().all(|(_, label)| *label == Label::Nil);
        let mut labels: Vec<(String, Value)> = Vec::new();
        for (place, (field, label)) in by().enumerate() {
            if *label != Label::Nil || absent && place == 0 {
                labels.push((field.to_string(), label.to_value()));
            }
        }
        match &self.metrics.measure {
            Measure::Quantiles(_, quantiles) => {
                let quantile = quantiles.get(number).copied().unwrap_or_default();
                labels.push((QUANTILE.to_owned(), Value::Double(quantile)));
            }
            Measure::Histogram(_) => {
                if let Some(bucket) = key.last() {
                    labels.push((BUCKET.to_owned(), bucket.to_value()));
                }
            }
            measure if labels.is_empty() => {
                let text = measure.to_string();
                let name = text.split('(').next().unwrap_or_default();
                labels.push((NAME.to_owned(), name.into()));
            }
            _ => {}
        }
        labels
    }

    /// Exemplars where they lie: counted ones on the series, others at their number; of quantiles at the first that is not below.
    fn add_exemplars(&self, partial: &Partial, key: &Key, of_key: &mut [Series]) {
        for candidate in partial
            .exemplars
            .iter()
            .filter(|candidate| candidate.series == *key)
        {
            let step_ms = self.range.time_ms(candidate.step);
            let at = |series: &Series| {
                series
                    .samples
                    .iter()
                    .find(|(time, _)| *time == step_ms)
                    .map(|(_, v)| *v)
            };
            let number = candidate.number.map(|bits| f64::from_bits(bits) / self.unit);
            let first = of_key
                .iter()
                .enumerate()
                .filter(|(_, series)| {
                    at(series).is_some_and(|value| number.is_none_or(|number| value >= number))
                })
                .min_by(|(_, one), (_, two)| at(one).unwrap_or(0.0).total_cmp(&at(two).unwrap_or(0.0)));
            let place = first.map_or(0, |(place, _)| place);
            if let Some(series) = of_key.get_mut(place) {
                let value = number.or_else(|| at(series)).unwrap_or_default();
                series.exemplars.push(Exemplar {
                    trace: candidate.trace,
                    span: candidate.span,
                    time_ms: (candidate.start_ns / 1_000_000) as i64,
                    value,
                });
            }
        }
        for series in of_key {
            series
                .exemplars
                .sort_by_key(|exemplar| (exemplar.time_ms, exemplar.trace, exemplar.span));
        }
    }

    fn compared(&self, partial: &Partial, top: usize) -> Vec<Series> {
        let mut all = Vec::new();
        let none = || Value::from("nil");
        for (name, groups) in partial.compared.iter() {
            for (group, kind) in groups.iter().zip(GROUPS) {
                let (values, more) = group.top(top);
                let mut push = |labels: Vec<(&str, Value)>, steps: &Steps<u64>| {
                    let mut series = self.counts(steps, 1.0, |count| *count);
                    series.labels = labels
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect();
                    all.push(series);
                };
                for (label, steps) in values {
                    push(vec![(META_TYPE, kind.into()), (name, label.to_value())], steps);
                }
                if more {
                    let error = (META_ERROR, TOO_MANY_VALUES.into());
                    push(
                        vec![(META_TYPE, kind.into()), error, (name, none())],
                        &Steps::new(),
                    );
                }
                if !group.total.is_empty() {
                    let total = format!("{kind}_total");
                    push(
                        vec![(META_TYPE, total.as_str().into()), (name, none())],
                        &group.total,
                    );
                }
            }
        }
        all
    }
}
