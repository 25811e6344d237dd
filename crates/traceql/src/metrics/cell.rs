//! What is kept of the spans of one series in one step. Merging is adding: in any order the same, but for the rounding of sums of
//! fractions.

use std::collections::BTreeMap;

use super::bucket::fine;
use crate::ast::OverTime;
use crate::eval::Val;

/// A step's numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cell {
    /// Spans, or numbers.
    pub(crate) count: u64,
    /// What depends on the numbers, if they matter.
    pub(crate) numbers: Option<Box<Numbers>>,
}

/// Sum, bounds and distribution of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Numbers {
    /// Sum of whole numbers, exact.
    whole: i128,
    /// Sum of fractions.
    fractions: f64,
    least: f64,
    greatest: f64,
    /// Numbers by bucket, if quantiles are asked for.
    buckets: BTreeMap<i32, Bucket>,
}

/// Numbers that are nearly alike.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    count: u64,
    least: f64,
    greatest: f64,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            count: 0,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
        }
    }
}

impl Bucket {
    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            whole: 0,
            fractions: 0.0,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            buckets: BTreeMap::new(),
        }
    }
}

impl Cell {
    /// One more number, which is one and not NaN.
    pub(crate) fn add(&mut self, value: Val<'_>, distribution: bool) {
        let Some(number) = value.number().filter(|number| number.is_finite()) else {
            return;
        };
        self.count += 1;
        let numbers = self.numbers.get_or_insert_default();
        match value {
            Val::Int(whole) | Val::Duration(whole) => numbers.whole += i128::from(whole),
            _ => numbers.fractions += number,
        }
        numbers.least = numbers.least.min(number);
        numbers.greatest = numbers.greatest.max(number);
        if distribution {
            numbers.buckets.entry(fine(number)).or_default().merge(Bucket {
                count: 1,
                least: number,
                greatest: number,
            });
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        if let Some(other) = other.numbers {
            self.numbers.get_or_insert_default().merge(*other);
        }
    }

    /// Sum, mean, least or greatest; nothing of nothing.
    pub(crate) fn over(&self, which: OverTime) -> Option<f64> {
        let numbers = self.numbers.as_deref().filter(|_| self.count > 0)?;
        let sum = numbers.whole as f64 + numbers.fractions;
        Some(match which {
            OverTime::Sum => sum,
            OverTime::Avg => sum / self.count as f64,
            OverTime::Min => numbers.least,
            OverTime::Max => numbers.greatest,
        })
    }

    /// The number at rank `ceil(quantile * count)` (the first at 0): the middle between the least and the greatest of its bucket, so
    /// within 1.6 %, and exact where a bucket has one number only.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<f64> {
        let numbers = self.numbers.as_deref().filter(|_| self.count > 0)?;
        let rank = ((quantile * self.count as f64).ceil() as u64).max(1);
        let mut below = 0;
        for bucket in numbers.buckets.values() {
            below += bucket.count;
            if below >= rank {
                return Some(bucket.least + (bucket.greatest - bucket.least) / 2.0);
            }
        }
        Some(numbers.greatest)
    }
}

impl Numbers {
    fn merge(&mut self, other: Self) {
        self.whole += other.whole;
        self.fractions += other.fractions;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
        for (key, bucket) in other.buckets {
            self.buckets.entry(key).or_default().merge(bucket);
        }
    }
}
