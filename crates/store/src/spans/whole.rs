//! All spans of a bucket that are in runs, each once: slice by slice of the order of traces, as merging takes them, so that memory is
//! bounded and what is there twice is dropped, whether its runs were merged or not.

use super::cut::Cutter;
use super::make::unreadable;
use super::slice::{Group, SLICE_ROWS_MAX, parts};
use crate::error::StoreError;
use crate::runs::SEED;
use crate::state::Shared;
use event::{Bucket, Span};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use wire::frame::FrameError;
use wire::spans::{Packer, SpanBuilder, SpanFrame};

/// Spans that are shown at once, but for a trace with more; and of such a trace.
const SHOWN_ROWS: u32 = 2_048;
const SHOWN_TRACE_ROWS: u32 = 8_192;

/// Takes some spans; says whether it wants more.
type Visit<'v> = dyn FnMut(Vec<Span>) -> ControlFlow<()> + 'v;

impl Shared {
    /// Shows the spans of a bucket that are sealed, a trace's together. How many blocks could not be read.
    pub(crate) fn visit_bucket_spans(
        &self,
        bucket: Bucket,
        visit: &mut Visit<'_>,
    ) -> Result<u64, StoreError> {
        self.visit_slices(bucket, SLICE_ROWS_MAX, visit)
    }

    /// The same with so many spans in memory, about.
    fn visit_slices(&self, bucket: Bucket, most: u64, visit: &mut Visit<'_>) -> Result<u64, StoreError> {
        // Their blocks stay while somebody has them, merged meanwhile or not.
        let group: Group = {
            let buckets = self.spans.buckets.read();
            let runs = buckets.get(&bucket).map(|known| &known.runs);
            let runs = runs.into_iter().flatten();
            runs.map(|(number, run)| (*number, Arc::clone(run))).collect()
        };
        let rows = group.iter().map(|(_, run)| run.rows()).sum();
        let cutter = Cutter::new(bucket, rows).trace_rows(SHOWN_TRACE_ROWS);
        let mut builder = SpanBuilder::new(SEED);
        let mut packer = Packer::quick();
        let mut damaged = BTreeSet::new();
        for slice in parts(&group).flat_map(|slice| slice.shares(&group, most)) {
            self.gather(bucket, &group, &slice, &mut builder, &mut |block, error| {
                if bucket < self.floor() {
                    return Err(error);
                }
                damaged.insert(block);
                Ok(())
            })?;
            let shown = cutter.cut(&builder, &mut packer, &mut |bytes, _| {
                show(bytes, visit).map_err(|error| unreadable(&error))
            })?;
            if shown.is_break() {
                break;
            }
        }
        Ok(damaged.len() as u64)
    }
}

/// The spans of a block, some traces at a time.
fn show(bytes: &[u8], visit: &mut Visit<'_>) -> Result<ControlFlow<()>, FrameError> {
    let frame = SpanFrame::open(bytes)?;
    let traces = frame.traces()?;
    let mut first = 0;
    while first < traces.len() {
        let mut rows = 0;
        let some = traces.iter().skip(first).take_while(|trace| {
            let before = rows;
            rows += trace.rows.len() as u32;
            before == 0 || rows <= SHOWN_ROWS
        });
        let after = first + some.count();
        if visit(frame.spans(&traces, first..after)?).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        first = after;
    }
    Ok(ControlFlow::Continue(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SpanFrameToStore, Store, StoreOptions};
    use event::{Epoch, Hlc, Micros, Producer, Seq, Shard, SpanId, TraceId};
    use wire::otlp::encode_traces;
    use wire::spans::{Cut, Skim};

    fn span(trace: u128, id: u64) -> Span {
        Span {
            trace: TraceId(trace),
            id: SpanId(id),
            start_ns: id,
            end_ns: id + 1,
            name: format!("operation {id}"),
            ..Span::blank()
        }
    }

    /// Scenario: a trace of 20,000 spans and others in two runs that repeat each other in part; shown with memory for all of it, for
    /// 3,000 spans, for one in a hundred. Guarantee: each span once, always.
    #[test]
    fn more_than_memory_holds_is_shown_in_shares() {
        let folder = tempfile::tempdir().unwrap();
        let now = Arc::new(|| Micros(1 << 50));
        let mut options = StoreOptions::new(now);
        options.upkeep_interval_ms = 0;
        options.retention_seconds = 1 << 40;
        let store = Store::open(folder.path(), options).unwrap();
        let bucket = Bucket(7);
        let large = |ids: std::ops::Range<u64>| ids.map(|id| span(9, id));
        let small = |traces: std::ops::Range<u128>| traces.map(|trace| span(trace << 64, 1));
        let mut all = BTreeSet::new();
        for (seq, (ids, traces)) in (1..).zip([(1..15_000, 1..300), (10_000..20_001, 290..600)]) {
            let spans: Vec<Span> = large(ids).chain(small(traces)).collect();
            all.extend(spans.iter().map(|span| (span.trace, span.id)));
            let mut builder = SpanBuilder::new(3);
            let request = encode_traces(&spans);
            assert!(Skim::new(&request).fill(&mut builder, usize::MAX).unwrap());
            let cut = Cut {
                producer: Producer(1),
                epoch: Epoch(1),
                hlc: Hlc(1),
                bucket,
            };
            let bytes = builder.finish(cut, |_| Shard(0), |_| Seq(seq), &mut Packer::default());
            let frame = SpanFrameToStore::new(bytes.unwrap()).unwrap();
            store.append_spans(vec![frame]).unwrap();
            store.seal_spans(Micros(1 << 50)).unwrap();
        }
        assert_eq!(store.span_stats().runs, 2);
        for most in [1 << 20, 3_000, 200] {
            let mut shown: Vec<(TraceId, SpanId)> = Vec::new();
            let damaged = store.shared.visit_slices(bucket, most, &mut |spans| {
                assert!(spans.len() <= SHOWN_TRACE_ROWS as usize);
                shown.extend(spans.iter().map(|span| (span.trace, span.id)));
                ControlFlow::Continue(())
            });
            assert_eq!(damaged.unwrap(), 0);
            shown.sort_unstable();
            assert_eq!(shown, all.iter().copied().collect::<Vec<_>>());
        }
    }
}
