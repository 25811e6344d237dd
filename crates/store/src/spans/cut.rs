//! From a builder to blocks: its spans in the order of traces' places, repeats dropped, cut where blocks of other runs are cut
//! too. What making a run writes and what an export reads.

use super::make::unreadable;
use super::run::place;
use crate::error::StoreError;
use crate::runs::filter::hash;
use event::{Bucket, Epoch, Hlc, Producer, Seq, TraceId};
use std::ops::{ControlFlow, Range};
use wire::frame::FrameError;
use wire::spans::{Cut, Packer, Sorted, SpanBuilder};

/// Spans of a block, about. A trace is read out of one: the smaller, the sooner; the larger, the better it is compressed.
pub(super) const BLOCK_ROWS: u32 = 16 << 10;
/// Most slices of a run.
const SLICES_MAX: u64 = 1 << 14;

/// Takes a block and its traces; says whether it wants more.
pub(crate) type Keep<'k> = dyn FnMut(&[u8], &[Trace]) -> Result<ControlFlow<()>, StoreError> + 'k;

/// In how many equal parts the places of a run of so many spans are cut, so that one has about `rows` of them; a power of two.
/// Blocks of different runs end at the same places then, and each is decoded once when they are merged.
pub(super) fn slices(all: u64, rows: u64) -> u64 {
    let parts = (all + rows / 2) / rows.max(1);
    parts.next_power_of_two().clamp(1, SLICES_MAX)
}

/// A trace of a block.
pub(crate) struct Trace {
    id: TraceId,
    pub(super) hash: u64,
    rows: u32,
}

impl Trace {
    fn of((id, rows): (TraceId, u32)) -> Self {
        Self {
            id,
            hash: hash(id),
            rows,
        }
    }
}

/// Cuts what becomes the blocks of one run.
pub(crate) struct Cutter {
    bucket: Bucket,
    slices: u64,
    /// Spans of one trace in a block.
    trace_rows: u32,
}

impl Cutter {
    /// Of about `rows` spans.
    pub(crate) fn new(bucket: Bucket, rows: u64) -> Self {
        Self {
            bucket,
            slices: slices(rows, u64::from(BLOCK_ROWS)),
            trace_rows: u32::MAX,
        }
    }

    /// With at most so many spans of one trace in a block; the others in the next ones.
    pub(super) fn trace_rows(self, trace_rows: u32) -> Self {
        Self { trace_rows, ..self }
    }

    /// The spans of a builder as blocks, in order.
    pub(crate) fn cut(
        &self,
        builder: &SpanBuilder,
        packer: &mut Packer,
        keep: &mut Keep<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let sorted = builder.sorted_by(|trace| place(hash(trace)), packer);
        let traces: Vec<Trace> = sorted.traces().into_iter().map(Trace::of).collect();
        let slice_of = |trace: &Trace| (u64::from(place(trace.hash)) * self.slices) >> 16;
        let mut cuts: Vec<Range<usize>> = Vec::new();
        let mut first = 0;
        for slice in traces.chunk_by(|one, other| slice_of(one) == slice_of(other)) {
            cut(slice, first, &mut cuts);
            first += slice.len();
        }
        let mut blocks = Blocks {
            sorted: &sorted,
            traces: &traces,
            at: Cut {
                producer: Producer(0),
                epoch: Epoch(0),
                hlc: Hlc(0),
                bucket: self.bucket,
            },
            trace_rows: self.trace_rows.max(1),
            packer,
            keep,
        };
        for some in cuts {
            if blocks.block(some)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        sorted.give_back(packer);
        Ok(ControlFlow::Continue(()))
    }
}

struct Blocks<'b, 'k> {
    sorted: &'b Sorted<'b>,
    traces: &'b [Trace],
    at: Cut,
    trace_rows: u32,
    packer: &'b mut Packer,
    keep: &'b mut Keep<'k>,
}

impl Blocks<'_, '_> {
    /// Some adjacent traces as one block; as more, if they do not fit. It halves them at most as often as there are bits in
    /// their number.
    fn block(&mut self, some: Range<usize>) -> Result<ControlFlow<()>, StoreError> {
        let of = self.traces.get(some.clone()).unwrap_or_default();
        let encoded = if of.iter().any(|trace| trace.rows > self.trace_rows) {
            None
        } else {
            let encoded = self.sorted.encode(some.clone(), self.at, |_| Seq(1), self.packer);
            encoded.ok()
        };
        match (encoded, of) {
            (Some(bytes), _) => (self.keep)(&bytes, of),
            (None, [trace]) => self.parts(some.start, trace.rows),
            (None, _) => {
                let middle = some.start + some.len() / 2;
                if self.block(some.start..middle)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                self.block(middle..some.end)
            }
        }
    }

    /// A trace with too many spans for one block.
    fn parts(&mut self, trace: usize, rows: u32) -> Result<ControlFlow<()>, StoreError> {
        for from in (0..rows).step_by(self.trace_rows as usize) {
            let to = rows.min(from.saturating_add(self.trace_rows));
            if self.part(trace, from as usize..to as usize)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Some spans of a trace that is too large for one block, in the same way.
    fn part(&mut self, trace: usize, spans: Range<usize>) -> Result<ControlFlow<()>, StoreError> {
        let of = self.traces.get(trace..=trace).unwrap_or_default();
        let seq = |_| Seq(1);
        let encoded = self
            .sorted
            .encode_part(trace, spans.clone(), self.at, seq, self.packer);
        match encoded {
            Ok(bytes) => (self.keep)(&bytes, of),
            Err(error) if spans.len() <= 1 => {
                let id = of.first().map(|trace| trace.id);
                tracing::error!(%error, trace = ?id, "a span is too large for a block");
                Err(unreadable(&FrameError::PayloadTooLarge(u32::MAX)))
            }
            Err(_) => {
                let middle = spans.start + spans.len() / 2;
                if self.part(trace, spans.start..middle)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                self.part(trace, middle..spans.end)
            }
        }
    }
}

/// Cuts the traces of a slice into blocks of about equal size. Those of one place stay together, if they are not too many.
fn cut(slice: &[Trace], first: usize, cuts: &mut Vec<Range<usize>>) {
    let all: u64 = slice.iter().map(|trace| u64::from(trace.rows)).sum();
    let parts = ((all + u64::from(BLOCK_ROWS) / 2) / u64::from(BLOCK_ROWS)).max(1);
    let wanted = all.div_ceil(parts);
    let (mut from, mut sum, mut before) = (first, 0u64, None);
    for (at, trace) in (first..).zip(slice) {
        let here = place(trace.hash);
        let enough = sum >= wanted && before != Some(here);
        if at > from && (enough || sum + u64::from(trace.rows) > 2 * u64::from(BLOCK_ROWS)) {
            cuts.push(from..at);
            (from, sum) = (at, 0);
        }
        sum += u64::from(trace.rows);
        before = Some(here);
    }
    if from < first + slice.len() {
        cuts.push(from..first + slice.len());
    }
}
