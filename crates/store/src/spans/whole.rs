//! All spans of a bucket that are in runs, each once: slice by slice of the order of traces, as merging takes them, so that memory is
//! bounded and what is there twice is dropped, whether its runs were merged or not.

use super::cut::Cutter;
use super::make::unreadable;
use super::merge::{Group, parts};
use crate::error::StoreError;
use crate::runs::SEED;
use crate::state::Shared;
use event::{Bucket, Span};
use std::ops::ControlFlow;
use std::sync::Arc;
use wire::frame::FrameError;
use wire::spans::{Packer, SpanBuilder, SpanFrame};

/// Spans that are shown at once, but for a trace with more.
const SHOWN_ROWS: u32 = 2_048;

/// Takes some spans; says whether it wants more.
type Visit<'v> = dyn FnMut(Vec<Span>) -> ControlFlow<()> + 'v;

impl Shared {
    /// Shows the spans of a bucket that are sealed, a trace's together. How many blocks could not be read.
    pub(crate) fn visit_bucket_spans(
        &self,
        bucket: Bucket,
        visit: &mut Visit<'_>,
    ) -> Result<u64, StoreError> {
        // Their blocks stay while somebody has them, merged meanwhile or not.
        let group: Group = {
            let buckets = self.spans.buckets.read();
            let runs = buckets.get(&bucket).map(|known| &known.runs);
            let runs = runs.into_iter().flatten();
            runs.map(|(number, run)| (*number, Arc::clone(run))).collect()
        };
        let rows = group.iter().map(|(_, run)| run.rows()).sum();
        let cutter = Cutter::new(bucket, rows);
        let mut builder = SpanBuilder::new(SEED);
        let mut packer = Packer::quick();
        let mut damaged = 0;
        for places in parts(&group) {
            self.gather(bucket, &group, &places, &mut builder, &mut |error| {
                if bucket < self.floor() {
                    return Err(error);
                }
                damaged += 1;
                Ok(())
            })?;
            let shown = cutter.cut(&builder, &mut packer, &mut |bytes, _| {
                show(bytes, visit).map_err(|error| unreadable(&error))
            })?;
            if shown.is_break() {
                break;
            }
        }
        Ok(damaged)
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
