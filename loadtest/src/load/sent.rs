//! What was sent and acknowledged, so that it can be asked for again: 32 bytes a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use event::{Span, TraceId};
use parking_lot::Mutex;

use crate::otlp::decode::traces_data;
use crate::otlp::functions::{Functions, SERVICES};
use crate::otlp::template::{Part, Template};
use crate::otlp::values::{TRACE_SPANS, TraceValues};
use crate::random::Random;

/// Templates of each part; requests take them in turn.
const TEMPLATES: u64 = 8;
/// Batches that are remembered, at most; of more, the last.
const BATCHES_MAX: usize = 4_000_000;

/// Traces that were made together: one request, or three parts of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Its number, from 0.
    pub(crate) number: u64,
    /// When it was made, Unix nanoseconds.
    pub(crate) base_ns: u64,
}

/// What a load consists of: a pure function of a seed.
#[derive(Debug)]
pub(crate) struct Content {
    seed: u64,
    traces: usize,
    parts: Vec<Vec<Template>>,
}

impl Content {
    /// Batches of `traces` traces, in one request each or, `spread`, in three.
    pub(crate) fn new(seed: u64, traces: usize, spread: bool) -> Self {
        let functions = Functions::new();
        let parts: Vec<Part> = if spread {
            (0..SERVICES.len()).map(Part::Service).collect()
        } else {
            vec![Part::Whole]
        };
        let parts = parts
            .iter()
            .map(|part| {
                let of = |t| Template::new(&functions, traces, *part, seed ^ (t + 1));
                (0..TEMPLATES).map(of).collect()
            })
            .collect();
        Self { seed, traces, parts }
    }

    /// Parts of a batch.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Templates of a part.
    fn templates(&self, part: usize) -> &[Template] {
        self.parts.get(part).map(Vec::as_slice).unwrap_or_default()
    }

    /// Which of the templates a batch takes.
    fn template_of(batch: Batch) -> usize {
        (batch.number % TEMPLATES) as usize
    }

    /// Items of a request, on average over the parts.
    pub(crate) fn items(&self) -> u64 {
        (self.traces * TRACE_SPANS / self.parts().max(1)) as u64
    }

    /// Writes a batch's part into a copy of its template's body.
    fn write(&self, batch: Batch, part: usize, body: &mut [u8]) {
        if let Some(template) = self.templates(part).get(Self::template_of(batch)) {
            let first = batch.number * self.traces as u64;
            template.write(body, self.seed, first, batch.base_ns);
        }
    }

    /// Makes `body` that of a batch's part; its spans.
    pub(crate) fn fill(&self, batch: Batch, part: usize, body: &mut Vec<u8>) -> u64 {
        body.clear();
        let Some(template) = self.templates(part).get(Self::template_of(batch)) else {
            return 0;
        };
        body.extend_from_slice(&template.body);
        self.write(batch, part, body);
        template.spans() as u64
    }

    /// The body of a batch's part.
    pub(crate) fn body(&self, batch: Batch, part: usize) -> Vec<u8> {
        let mut body = Vec::new();
        self.fill(batch, part, &mut body);
        body
    }

    /// Id of one of a batch's traces.
    pub(crate) fn trace_id(&self, batch: Batch, which: usize) -> TraceId {
        let number = batch.number * self.traces as u64 + which as u64;
        TraceId(u128::from_be_bytes(
            TraceValues::new(self.seed, number, batch.base_ns).id,
        ))
    }

    /// All traces of a batch, each with its spans as they were sent.
    pub(crate) fn batch_traces(&self, batch: Batch) -> BTreeMap<TraceId, Vec<Span>> {
        let mut traces: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
        for part in 0..self.parts() {
            for span in traces_data(&self.body(batch, part)).unwrap_or_default() {
                traces.entry(span.trace).or_default().push(span);
            }
        }
        traces
    }

    /// The spans of a trace as they were sent.
    pub(crate) fn trace(&self, batch: Batch, trace: TraceId) -> Vec<Span> {
        let mut spans = Vec::new();
        for part in 0..self.parts() {
            spans.extend(traces_data(&self.body(batch, part)).unwrap_or_default());
        }
        spans.retain(|span| span.trace == trace);
        spans
    }
}

/// Batches whose every part was acknowledged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    batches: Arc<Mutex<Vec<(Batch, Instant)>>>,
}

impl Sent {
    /// A batch is complete.
    pub(crate) fn add(&self, batch: Batch) {
        let mut batches = self.batches.lock();
        if batches.len() >= BATCHES_MAX {
            let half = batches.len() / 2;
            batches.drain(..half);
        }
        batches.push((batch, Instant::now()));
    }

    /// All that are remembered.
    pub(crate) fn all(&self) -> Vec<Batch> {
        self.batches.lock().iter().map(|(batch, _)| *batch).collect()
    }

    /// A random trace of those acknowledged before `before`.
    pub(crate) fn any(
        &self,
        content: &Content,
        random: &mut Random,
        before: Instant,
    ) -> Option<(Batch, TraceId)> {
        let batches = self.batches.lock();
        let old = batches.partition_point(|(_, at)| *at <= before);
        let (batch, _) = *batches
            .get(random.below(old as u64) as usize)
            .filter(|_| old > 0)?;
        drop(batches);
        let which = random.below(content.traces as u64) as usize;
        Some((batch, content.trace_id(batch, which)))
    }
}
