//! Searches the greatest rate that is sustained: everything due was begun, everything sent was acknowledged, the 99th
//! percentile (from the due time) is within its limit. Rises by a quarter until a step breaks, then halves the interval.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::load::Pace;
use crate::load::otlp::Ended;
use crate::measure::latency::ms;
use crate::measure::progress::Progress;

/// Factor from step to step while nothing breaks.
const RISE: f64 = 1.25;
/// Steps of each phase, at most.
const STEPS_MAX: u32 = 24;
/// The search ends when the interval is this narrow.
const PRECISION: f64 = 1.04;
/// Requests that a step must have measured: fewer say nothing.
const SAMPLES_MIN: u64 = 5;
/// Share of the asked rate that must be acknowledged.
const SHARE_MIN: f64 = 0.98;

/// One step of the search.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Items a second asked for.
    pub(crate) asked: f64,
    /// Items a second acknowledged.
    pub(crate) achieved: f64,
    /// 99th percentile, ms.
    pub(crate) p99_ms: f64,
    /// Did it hold?
    pub(crate) holds: bool,
}

impl Step {
    /// For a program.
    pub(crate) fn json(&self) -> Value {
        json!({"asked": self.asked, "achieved": self.achieved, "p99_ms": self.p99_ms, "holds": self.holds})
    }
}

/// What a step must keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    /// Length of a step.
    pub(crate) step: Duration,
    /// Greatest 99th percentile, ms.
    pub(crate) p99_max_ms: f64,
}

impl Search {
    /// Finds the rate; `start` from where, or from half of what a closed loop reaches. `run` makes one load.
    pub(crate) fn find(
        &self,
        start: Option<f64>,
        mut run: impl FnMut(&Pace, &Progress) -> Result<Ended>,
    ) -> Result<(f64, Vec<Step>)> {
        let mut pace = Pace {
            rate: None,
            warmup: Duration::from_secs(1),
            length: self.step,
            count: None,
        };
        let mut asked = match start {
            Some(rate) => rate,
            None => run(&pace, &Progress::default())?.seen.rate() / 2.0,
        };
        let mut steps = Vec::new();
        let (mut good, mut bad): (Option<f64>, Option<f64>) = (None, None);
        for _ in 0..STEPS_MAX {
            pace.rate = Some(asked);
            let progress = Progress::default();
            let ended = run(&pace, &progress)?;
            let step = self.judge(asked, &ended, &progress)?;
            if step.holds {
                good = Some(asked);
            } else {
                bad = Some(asked);
            }
            steps.push(step);
            asked = match (good, bad) {
                (Some(good), Some(bad)) if bad / good <= PRECISION => break,
                (Some(good), Some(bad)) => f64::midpoint(good, bad),
                (_, None) => asked * RISE,
                (None, _) => asked / 2.0,
            };
        }
        match good {
            Some(rate) => Ok((rate, steps)),
            None => bail!("no rate is sustained: {steps:?}"),
        }
    }

    fn judge(&self, asked: f64, ended: &Ended, progress: &Progress) -> Result<Step> {
        let counts = progress.counts();
        let latency_us = ended.seen.latency_us()?;
        let (p99_ms, samples) = (ms(&latency_us, 0.99), latency_us.len());
        let achieved = ended.seen.rate();
        let holds = samples >= SAMPLES_MIN
            && counts.lossless()
            && ended.behind == 0
            && p99_ms <= self.p99_max_ms
            && achieved >= asked * SHARE_MIN;
        Ok(Step {
            asked,
            achieved,
            p99_ms,
            holds,
        })
    }
}
