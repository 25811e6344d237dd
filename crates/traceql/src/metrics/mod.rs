//! Queries for time series: each matched span counts in the step in which it starts. [`Partial`] results of parts of the traces
//! merge into those of all, in any order; only [`Evaluator::finish`] makes numbers of them.

mod bounded;
mod bucket;
mod cell;
mod compare;
mod exemplar;
mod finish;
mod partial;
mod range;
mod then;

pub use compare::{META_ERROR, META_TYPE, TOO_MANY_VALUES};
pub use exemplar::Exemplar;
pub use finish::{Answer, Series};
pub use partial::{Evaluator, Partial};
pub use range::{Range, RangeError, STEPS_MAX};

/// Bounds of a query for time series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most series kept; of more, those with the least labels are kept, and the answer says so.
    pub series: usize,
    /// Most samples kept over all series: the more steps, the fewer series.
    pub samples: usize,
    /// Most exemplars kept.
    pub exemplars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series: 1_000,
            samples: 2_000_000,
            exemplars: 100,
        }
    }
}
