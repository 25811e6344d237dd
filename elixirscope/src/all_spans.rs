//! What Grafana's doors show: spans that came over OTLP, and what BEAM nodes did as spans, as one source. A trace that both have
//! part in is one trace.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collector::{StoredSpans, unanswered};
use event::{Micros, NodeInfo, NodeKey, Span, TraceId, Value};
use query::tempo::{Found, Inspected, Missing, SourceError, SpanSource, TagScope, TimeRange};
use query::{BeamTrace, CodeIndex, Recorded, beam_spans};
use store::{Store, TraceFilter};
use traceql::ast::Field;
use traceql::{Conditions, Trace};

/// BEAM traces that one question looks at, the newest; each is put together from its events.
const BEAM_TRACES_MAX: usize = 10_000;
/// Longest time that putting them together may take.
const BEAM_TIME_MAX: Duration = Duration::from_secs(2);

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
        let beam = self.each_beam(range, &mut |spans| each(spans))?;
        if beam.enough {
            return Ok(Inspected {
                traces: beam.shown.len() as u64,
                ..Inspected::default()
            });
        }
        let mut inspected = self.stored.candidates(conditions, range, &mut |spans| {
            // Those with a part on BEAM nodes were shown whole.
            let shown = spans.first().is_some_and(|span| beam.shown.contains(&span.trace));
            if shown {
                ControlFlow::Continue(())
            } else {
                each(spans)
            }
        })?;
        inspected.traces += beam.shown.len() as u64;
        inspected.missing.extend(beam.missing);
        Ok(inspected)
    }

    fn names(
        &self,
        range: TimeRange,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(TagScope, &str),
    ) -> Result<Option<Inspected>, SourceError> {
        let Some(mut inspected) = self.stored.names(range, stop, each)? else {
            return Ok(None);
        };
        let beam = self.each_beam(range, &mut |spans| {
            for span in &spans {
                let owned = [
                    (TagScope::Resource, &span.resource.attributes),
                    (TagScope::Span, &span.attributes),
                    (TagScope::Instrumentation, &span.scope.attributes),
                ];
                for (scope, attributes) in owned {
                    for attribute in attributes {
                        each(scope, &attribute.key);
                    }
                }
                let events = span.events.iter().flat_map(|event| &event.attributes);
                events.for_each(|attribute| each(TagScope::Event, &attribute.key));
                let links = span.links.iter().flat_map(|link| &link.attributes);
                links.for_each(|attribute| each(TagScope::Link, &attribute.key));
            }
            go_on_unless(stop())
        })?;
        inspected.traces += beam.shown.len() as u64;
        inspected.missing.extend(beam.missing);
        Ok(Some(inspected))
    }

    fn values(
        &self,
        field: &Field,
        conditions: &Conditions,
        range: TimeRange,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(&Value),
    ) -> Result<Option<Inspected>, SourceError> {
        let stored = self.stored.values(field, conditions, range, stop, each)?;
        let Some(mut inspected) = stored else {
            return Ok(None);
        };
        let beam = self.each_beam(range, &mut |spans| {
            let trace = Trace::new(&spans);
            for place in 0..spans.len() as u32 {
                if conditions.holds_at(&trace, place) {
                    trace.values(field, place, &mut |label| each(&label.to_value()));
                }
            }
            go_on_unless(stop())
        })?;
        inspected.traces += beam.shown.len() as u64;
        inspected.missing.extend(beam.missing);
        Ok(Some(inspected))
    }
}

/// What became of the BEAM traces of a range.
struct Beam {
    shown: HashSet<TraceId>,
    /// Whoever asked had enough.
    enough: bool,
    missing: Missing,
}

impl AllSpans {
    /// Shows the newest BEAM traces of a range, whole, until there is enough, or time is over.
    fn each_beam(
        &self,
        range: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Beam, SourceError> {
        let listed = self.beam_traces(range)?;
        let mut beam = Beam {
            shown: HashSet::new(),
            enough: false,
            missing: Missing::new(),
        };
        let began = Instant::now();
        for trace in &listed {
            if began.elapsed() > BEAM_TIME_MAX {
                let (looked, all) = (beam.shown.len(), listed.len());
                let said = format!("of {all} traces of BEAM nodes there was time for the newest {looked}");
                beam.missing.push(said);
                return Ok(beam);
            }
            let spans = self.trace(*trace, range)?.spans;
            beam.shown.insert(*trace);
            if !spans.is_empty() && each(spans).is_break() {
                beam.enough = true;
                return Ok(beam);
            }
        }
        if listed.len() >= BEAM_TRACES_MAX {
            let said = format!("of traces of BEAM nodes only the newest {BEAM_TRACES_MAX} were looked at");
            beam.missing.push(said);
        }
        Ok(beam)
    }
}

fn go_on_unless(stopped: bool) -> ControlFlow<()> {
    if stopped {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}
