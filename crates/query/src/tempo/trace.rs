//! A trace by its id, or those of its spans that a filter selects.

use event::{Span, TraceId};
use traceql::{Query, Trace};

use super::source::may_ask;
use super::{Found, SpanSource, TempoError, TimeRange};

/// A question for a trace.
#[derive(Debug)]
pub struct TraceRequest {
    /// Which.
    pub id: TraceId,
    /// Where to look for it.
    pub range: TimeRange,
    /// Only spans that it selects: one `{ ... }`.
    pub filter: Option<Query>,
    /// With the spans from the root to each of those.
    pub keep_hierarchy: bool,
}

/// Its spans; none if it is not known, or if the filter selects none.
pub fn trace(source: &dyn SpanSource, request: &TraceRequest) -> Result<Found, TempoError> {
    if request.filter.as_ref().is_some_and(|filter| !filter.is_filter()) {
        let why = "expected one spanset filter, { ... }";
        return Err(TempoError::parameter("q", why));
    }
    if let Some(filter) = &request.filter {
        may_ask(source, filter)?;
    }
    let mut found = source.trace(request.id, request.range)?;
    if let Some(filter) = &request.filter {
        let keep = selected(filter, &found.spans, request.keep_hierarchy);
        let mut keep = keep.into_iter();
        found.spans.retain(|_| keep.next().unwrap_or(false));
    }
    Ok(found)
}

/// Which spans stay.
fn selected(filter: &Query, spans: &[Span], keep_hierarchy: bool) -> Vec<bool> {
    let trace = Trace::new(spans);
    let mut keep = vec![false; spans.len()];
    for set in filter.search(&trace) {
        for place in set.spans {
            let mut next = Some(place);
            while let Some(place) = next {
                match keep.get_mut(place as usize) {
                    Some(kept) if !*kept => *kept = true,
                    _ => break,
                }
                next = if keep_hierarchy {
                    trace.shape().parent(place)
                } else {
                    None
                };
            }
        }
    }
    keep
}
