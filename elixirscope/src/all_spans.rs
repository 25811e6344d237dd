//! What Grafana's doors show: spans that came over OTLP, and what BEAM nodes did as spans, as one source. A trace that both have
//! part in is one trace.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use collector::{StoredSpans, unanswered};
use event::{Micros, NodeInfo, NodeKey, Span, TraceId};
use query::tempo::{Found, Inspected, SourceError, SpanSource, TimeRange};
use query::{BeamTrace, CodeIndex, Recorded, beam_spans};
use store::{Store, TraceFilter};
use traceql::Conditions;

/// BEAM traces that one search looks at, the newest; each is put together from its events.
const BEAM_TRACES_MAX: usize = 100;

/// Both kinds.
pub(crate) struct AllSpans {
    store: Arc<Store>,
    stored: StoredSpans,
    code: Arc<CodeIndex>,
}

impl AllSpans {
    pub(crate) fn new(store: Arc<Store>, code: Arc<CodeIndex>) -> Self {
        Self {
            stored: StoredSpans(Arc::clone(&store)),
            store,
            code,
        }
    }

    /// What BEAM nodes did in a trace; none if they had no part in it.
    fn beam(&self, trace: TraceId, others: &[Span]) -> Result<Vec<Span>, SourceError> {
        let rows = self.store.trace_rows(trace).map_err(|error| unanswered(&error))?;
        if rows.events.is_empty() {
            return Ok(Vec::new());
        }
        let nodes: BTreeMap<NodeKey, NodeInfo> =
            rows.nodes.into_iter().map(|node| (node.key, node)).collect();
        let recorded = |(identity, event)| Recorded { identity, event };
        let recorded: Vec<Recorded> = rows.events.into_iter().map(recorded).collect();
        let beam = BeamTrace {
            trace,
            recorded: &recorded,
            nodes: &nodes,
            code: &*self.code,
        };
        Ok(beam_spans(beam, others))
    }

    /// The newest BEAM traces of a range.
    fn beam_traces(&self, range: TimeRange) -> Result<Vec<TraceId>, SourceError> {
        let micros = |ns: u64| Micros::from_unix_us(ns / 1_000);
        let filter = TraceFilter {
            since: Some(micros(range.start_ns)),
            until: (range.end_ns != u64::MAX).then(|| micros(range.end_ns)),
            errors: false,
            sites: None,
            node: None,
            limit: BEAM_TRACES_MAX,
        };
        let listed = self.store.traces(&filter).map_err(|error| unanswered(&error))?;
        Ok(listed.into_iter().map(|summary| summary.trace).collect())
    }
}

impl SpanSource for AllSpans {
    fn trace(&self, id: TraceId, range: TimeRange) -> Result<Found, SourceError> {
        let mut found = self.stored.trace(id, range)?;
        let beam = self.beam(id, &found.spans)?;
        if !beam.is_empty() {
            found.spans.extend(beam);
            found.spans.sort_by_key(|span| (span.start_ns, span.id));
        }
        Ok(found)
    }

    fn candidates(
        &self,
        conditions: &Conditions,
        range: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Inspected, SourceError> {
        let beam = self.beam_traces(range)?;
        let mut read = 0;
        for trace in &beam {
            let spans = self.trace(*trace, range)?.spans;
            read += 1;
            if !spans.is_empty() && each(spans).is_break() {
                return Ok(Inspected {
                    traces: read,
                    ..Inspected::default()
                });
            }
        }
        let mut inspected = self.stored.candidates(conditions, range, &mut |spans| {
            // Those with a part on BEAM nodes were shown whole.
            let shown = spans.first().is_some_and(|span| beam.contains(&span.trace));
            if shown {
                ControlFlow::Continue(())
            } else {
                each(spans)
            }
        })?;
        inspected.traces += read;
        if beam.len() >= BEAM_TRACES_MAX {
            let said = format!("of traces of BEAM nodes only the newest {BEAM_TRACES_MAX} were looked at");
            inspected.missing.push(said);
        }
        Ok(inspected)
    }
}
