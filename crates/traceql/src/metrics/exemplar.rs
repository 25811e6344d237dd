//! Spans that stand for a series: a few, chosen evenly by a hash of their ids, so that any order of merging chooses the same.

use std::collections::BTreeSet;

use event::{Span, SpanId, TraceId};

use super::partial::Key;

/// A span that stands for others.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Its trace.
    pub trace: TraceId,
    /// Itself.
    pub span: SpanId,
    /// When it started, Unix milliseconds.
    pub time_ms: i64,
    /// Where it lies on the series' axis.
    pub value: f64,
}

/// A span that may become an exemplar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    hash: u64,
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) step: u32,
    pub(crate) start_ns: u64,
    /// Bits of what was measured; none where spans are counted.
    pub(crate) number: Option<u64>,
    pub(crate) series: Key,
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The candidates with the least hashes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Exemplars(BTreeSet<Candidate>);

impl Exemplars {
    /// Offers a span; `series` is made only if it is taken.
    pub(crate) fn offer(
        &mut self,
        max: usize,
        span: &Span,
        step: u32,
        number: Option<f64>,
        series: impl FnOnce() -> Key,
    ) {
        let hash = mix(span.trace.0 as u64 ^ mix((span.trace.0 >> 64) as u64 ^ mix(span.id.0)));
        let full = self.0.len() >= max;
        if max == 0 || full && self.0.last().is_some_and(|last| last.hash < hash) {
            return;
        }
        self.take(
            max,
            Candidate {
                hash,
                trace: span.trace,
                span: span.id,
                step,
                start_ns: span.start_ns,
                number: number.map(f64::to_bits),
                series: series(),
            },
        );
    }

    fn take(&mut self, max: usize, candidate: Candidate) {
        self.0.insert(candidate);
        if self.0.len() > max {
            self.0.pop_last();
        }
    }

    pub(crate) fn merge(&mut self, other: Self, max: usize) {
        for candidate in other.0 {
            self.take(max, candidate);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.0.iter()
    }
}
