//! The spans of a bucket: the blocks of its runs one after the other, sorted in memory by trace and start, a stretch at a time.
//! The store merges runs that have traces in common, and drops what is there twice, before.

use event::Span;
use store::SpanRun;
use tables::recorded::{STRETCH_BYTES_MAX, SpanRow};
use wire::spans::SpanFrame;

use super::bucket::{BucketExport, Failed};
use super::manifest::ExportedFile;
use super::plan::Next;
use super::spool::Spool;

/// Spans that are decoded at once, but for a trace with more.
const DECODED_ROWS: u32 = 2_048;
/// About what a span takes in memory beside its attributes, events and links, and each of these.
const SPAN_BYTES: usize = 600;
const ATTRIBUTE_BYTES: usize = 110;
const EVENT_BYTES: usize = 300;

pub(super) fn write(
    of: &BucketExport<'_>,
    next: Next,
    mut spool: Spool<'_>,
) -> Result<Vec<ExportedFile>, Failed> {
    let mut stretch = Stretch::default();
    for run in of.store.span_runs(next.bucket) {
        for block in 0..run.blocks() {
            of.sink.check()?;
            take(of, &run, block, &mut stretch, &mut spool)?;
        }
    }
    stretch.end(&mut spool)?;
    spool.finish()
}

fn take(
    of: &BucketExport<'_>,
    run: &SpanRun,
    block: u32,
    stretch: &mut Stretch,
    spool: &mut Spool<'_>,
) -> Result<(), Failed> {
    let bytes = of.store.span_block(run, block)?.ok_or(Failed::Gone)?;
    let frame = SpanFrame::open(&bytes)?;
    let traces = frame.traces()?;
    let mut first = 0;
    while first < traces.len() {
        let mut rows = 0;
        let some = traces.iter().skip(first).take_while(|trace| {
            let room = rows == 0 || rows + trace.rows.len() as u32 <= DECODED_ROWS;
            rows += trace.rows.len() as u32;
            room
        });
        let after = first + some.count();
        for span in frame.spans(&traces, first..after)? {
            stretch.add(span);
        }
        first = after;
        // Here no trace is cut, unless it is in several blocks.
        if stretch.bytes >= STRETCH_BYTES_MAX {
            stretch.end(spool)?;
        }
    }
    Ok(())
}

/// Spans that are sorted together.
#[derive(Default)]
struct Stretch {
    spans: Vec<Span>,
    bytes: usize,
}

impl Stretch {
    fn add(&mut self, span: Span) {
        let more =
            span.attributes.len() * ATTRIBUTE_BYTES + (span.events.len() + span.links.len()) * EVENT_BYTES;
        self.bytes += SPAN_BYTES + more;
        self.spans.push(span);
    }

    fn end(&mut self, spool: &mut Spool<'_>) -> Result<(), Failed> {
        self.bytes = 0;
        self.spans
            .sort_by_key(|span| (span.trace, span.start_ns, span.id));
        for span in self.spans.drain(..) {
            spool.span(SpanRow(&span))?;
        }
        spool.end_stretch()?;
        spool.between()
    }
}
