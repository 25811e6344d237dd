//! What is counted of other members' questions.

use std::time::Instant;

use host::Registry;
use host::metrics::counters;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec};

/// Bounds of the histograms of questions, in seconds.
pub(crate) const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 5.0, 20.0,
];

/// Counts answers.
#[derive(Clone, Debug)]
pub(crate) struct DeskMetrics {
    answered: IntCounterVec,
    seconds: HistogramVec,
}

impl DeskMetrics {
    pub(crate) fn new(r: &Registry) -> prometheus::Result<Self> {
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "elixirscope_questions_answer_seconds",
                "From a member's question to the last byte of the answer, or to its end without one",
            )
            .buckets(SECONDS.into()),
            &["question"],
        )?;
        r.register(Box::new(seconds.clone()))?;
        Ok(Self {
            answered: counters(
                r,
                "elixirscope_questions_answered_total",
                "Questions of other members about shards, by what became of them",
                &["question", "outcome"],
            )?,
            seconds,
        })
    }

    pub(super) fn answered(&self, question: &str, outcome: &str, began: Instant) {
        self.answered.with_label_values(&[question, outcome]).inc();
        self.seconds
            .with_label_values(&[question])
            .observe(began.elapsed().as_secs_f64());
    }
}
