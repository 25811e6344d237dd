//! Time ranges cut into steps.

use thiserror::Error;

/// Most steps of a range.
pub const STEPS_MAX: u64 = 11_000;

/// Steps from a start on. A sample with time `t` stands for `t` to `t + step`, its end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    start_ns: u64,
    step_ns: u64,
    steps: u32,
}

/// A range that cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RangeError {
    /// The end does not come after the start.
    #[error("end {end_ns} is not after start {start_ns} (nanoseconds)")]
    Empty {
        /// Start, Unix nanoseconds.
        start_ns: u64,
        /// End, Unix nanoseconds.
        end_ns: u64,
    },
    /// The step is 0.
    #[error("step of 0 ns")]
    NoStep,
    /// The step is too short.
    #[error("{steps} steps exceed the limit of {STEPS_MAX}; take a longer step")]
    TooManySteps {
        /// Steps.
        steps: u64,
    },
}

impl Range {
    /// Steps of a length that begin at its multiples, so that answers for windows that move agree: the start is rounded down, the
    /// end up.
    pub fn steps(start_ns: u64, end_ns: u64, step_ns: u64) -> Result<Self, RangeError> {
        if end_ns <= start_ns {
            return Err(RangeError::Empty { start_ns, end_ns });
        }
        if step_ns == 0 {
            return Err(RangeError::NoStep);
        }
        let first = start_ns / step_ns;
        let steps = end_ns.div_ceil(step_ns) - first;
        match u32::try_from(steps) {
            Ok(few) if steps <= STEPS_MAX => Ok(Self {
                start_ns: first * step_ns,
                step_ns,
                steps: few,
            }),
            _ => Err(RangeError::TooManySteps { steps }),
        }
    }

    /// One step from start to end, neither rounded.
    pub fn instant(start_ns: u64, end_ns: u64) -> Result<Self, RangeError> {
        if end_ns <= start_ns {
            return Err(RangeError::Empty { start_ns, end_ns });
        }
        Ok(Self {
            start_ns,
            step_ns: end_ns - start_ns,
            steps: 1,
        })
    }

    /// How many steps.
    pub fn count(&self) -> u32 {
        self.steps
    }

    /// Where it begins, Unix nanoseconds.
    pub fn start_ns(&self) -> u64 {
        self.start_ns
    }

    /// Where it ends, not included; Unix nanoseconds.
    pub fn end_ns(&self) -> u64 {
        self.start_ns
            .saturating_add(self.step_ns.saturating_mul(self.steps.into()))
    }

    /// Length of a step, seconds.
    pub fn step_seconds(&self) -> f64 {
        self.step_ns as f64 / 1e9
    }

    /// The step in which a time lies.
    pub(crate) fn step_of(&self, time_ns: u64) -> Option<u32> {
        let step = time_ns.checked_sub(self.start_ns)? / self.step_ns;
        u32::try_from(step).ok().filter(|step| *step < self.steps)
    }

    /// Where a step begins, Unix milliseconds.
    pub(crate) fn time_ms(&self, step: u32) -> i64 {
        (self
            .start_ns
            .saturating_add(self.step_ns.saturating_mul(step.into()))
            / 1_000_000) as i64
    }
}
