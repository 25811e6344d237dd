//! What is counted of this member's questions.

use std::time::Instant;

use host::Registry;
use host::metrics::counters;
use placement::MemberId;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec};

use crate::asked::SECONDS;

/// Counts questions.
#[derive(Clone, Debug)]
pub(super) struct AskMetrics {
    asked: IntCounterVec,
    answers: IntCounterVec,
    seconds: HistogramVec,
}

impl AskMetrics {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "elixirscope_questions_seconds",
                "From a question about shards to the whole answer of all members that were asked",
            )
            .buckets(SECONDS.into()),
            &["question"],
        )?;
        r.register(Box::new(seconds.clone()))?;
        Ok(Self {
            asked: counters(
                r,
                "elixirscope_questions_asked_total",
                "Other members asked about shards, by what became of it",
                &["question", "member", "outcome"],
            )?,
            answers: counters(
                r,
                "elixirscope_questions_total",
                "Questions about shards that several members hold, by whether the answer is complete",
                &["question", "answer"],
            )?,
            seconds,
        })
    }

    pub(super) fn asked(&self, question: &str, member: MemberId, outcome: &str) {
        let member = member.to_string();
        self.asked.with_label_values(&[question, &member, outcome]).inc();
    }

    pub(super) fn done(&self, question: &str, complete: bool, began: Instant) {
        let answer = if complete { "complete" } else { "incomplete" };
        self.answers.with_label_values(&[question, answer]).inc();
        self.seconds
            .with_label_values(&[question])
            .observe(began.elapsed().as_secs_f64());
    }
}
