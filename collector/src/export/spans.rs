//! The spans of a bucket, sorted in memory by trace and start, a stretch at a time. The store shows each once, whether its runs
//! were merged or not.

use event::Span;
use tables::recorded::{STRETCH_BYTES_MAX, SpanRow};

use super::bucket::{BucketExport, Failed, Written, each};
use super::plan::Next;
use super::spool::Spool;

/// About what a span takes in memory beside its attributes, events and links, and each of these.
const SPAN_BYTES: usize = 600;
const ATTRIBUTE_BYTES: usize = 110;
const EVENT_BYTES: usize = 300;

pub(super) fn write(of: &BucketExport<'_>, next: Next, mut spool: Spool<'_>) -> Result<Written, Failed> {
    let mut stretch = Stretch::default();
    let unreadable = each(
        |visit| of.store.visit_bucket_spans(next.bucket, visit),
        |spans| {
            for span in spans {
                stretch.add(span);
            }
            if stretch.bytes < STRETCH_BYTES_MAX {
                return Ok(());
            }
            of.sink.check()?;
            // Here no trace is cut, unless it is in several blocks.
            stretch.end(&mut spool)
        },
    )?;
    stretch.end(&mut spool)?;
    let files = spool.finish()?;
    Ok(Written { files, unreadable })
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
