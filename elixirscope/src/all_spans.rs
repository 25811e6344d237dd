//! What Grafana's doors show: spans that came over OTLP, and what BEAM nodes did as spans, as one source. A trace that both have
//! part in is one trace.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collector::{Shards, Whole};
use event::{Micros, NodeInfo, NodeKey, Span, TraceId, Value};
use query::tempo::{Found, Inspected, Missing, SourceError, SpanSource, TagScope, TimeRange};
use query::{BeamTrace, CodeIndex, Recorded, beam_spans};
use store::{TraceFilter, TraceRows};
use traceql::ast::Field;
use traceql::{Conditions, Trace};

/// BEAM traces that one question looks at, the newest; each is put together from its events.
const BEAM_TRACES_MAX: usize = 10_000;
/// Longest time that putting them together may take.
const BEAM_TIME_MAX: Duration = Duration::from_secs(2);
/// BEAM traces whose events are asked for at once: few at first, so that the first come early.
const FIRST: usize = 4;
const AT_ONCE_MAX: usize = 64;

/// Both kinds, of all members.
pub(crate) struct AllSpans {
    shards: Shards,
    code: Arc<CodeIndex>,
}

impl AllSpans {
    pub(crate) fn new(shards: Shards, code: Arc<CodeIndex>) -> Self {
        Self { shards, code }
    }

    /// What BEAM nodes did in a trace; none if they had no part in it.
    fn beam(&self, trace: TraceId, rows: TraceRows, others: &[Span]) -> Vec<Span> {
        if rows.events.is_empty() {
            return Vec::new();
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
        beam_spans(beam, others)
    }

    /// Some traces with all their spans; says what is missing of them.
    fn traces(&self, ids: &[TraceId], missing: &mut Missing) -> Result<Vec<Vec<Span>>, SourceError> {
        let rows = self.shards.trace_rows_of(ids)?;
        let stored = self.shards.traces_of(ids)?;
        add(missing, rows.missing);
        add(missing, stored.missing);
        let mut traces = Vec::with_capacity(ids.len());
        for ((id, rows), mut spans) in ids.iter().zip(rows.value).zip(stored.value) {
            if rows.damaged > 0 {
                add(
                    missing,
                    vec![format!("{} stored frames cannot be read", rows.damaged)],
                );
            }
            let beam = self.beam(*id, rows, &spans);
            if !beam.is_empty() {
                spans.extend(beam);
                spans.sort_by_key(|span| (span.start_ns, span.id));
            }
            traces.push(spans);
        }
        Ok(traces)
    }

    /// The newest BEAM traces of a range.
    fn beam_traces(&self, range: TimeRange) -> Result<Whole<Vec<TraceId>>, SourceError> {
        let micros = |ns: u64| Micros::from_unix_us(ns / 1_000);
        let filter = TraceFilter {
            since: Some(micros(range.start_ns)),
            until: (range.end_ns != u64::MAX).then(|| micros(range.end_ns)),
            errors: false,
            sites: None,
            node: None,
            limit: BEAM_TRACES_MAX,
        };
        let listed = self.shards.traces(&filter)?;
        Ok(Whole {
            value: listed.value.into_iter().map(|summary| summary.trace).collect(),
            missing: listed.missing,
        })
    }
}

impl SpanSource for AllSpans {
    fn trace(&self, id: TraceId, _range: TimeRange) -> Result<Found, SourceError> {
        let mut missing = Missing::new();
        let spans = self.traces(&[id], &mut missing)?.pop().unwrap_or_default();
        Ok(Found { spans, missing })
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
                bytes: 0,
                missing: beam.missing,
            });
        }
        let mut inspected = self.shards.candidates(conditions, range, &mut |spans| {
            // Those with a part on BEAM nodes were shown whole.
            let shown = spans.first().is_some_and(|span| beam.shown.contains(&span.trace));
            if shown {
                ControlFlow::Continue(())
            } else {
                each(spans)
            }
        })?;
        inspected.traces += beam.shown.len() as u64;
        add(&mut inspected.missing, beam.missing);
        Ok(inspected)
    }

    fn names(
        &self,
        range: TimeRange,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(TagScope, &str),
    ) -> Result<Option<Inspected>, SourceError> {
        let Some(mut inspected) = self.shards.names(range, stop, each)? else {
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
        add(&mut inspected.missing, beam.missing);
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
        let stored = self.shards.values(field, conditions, range, stop, each)?;
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
        add(&mut inspected.missing, beam.missing);
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
            missing: listed.missing,
        };
        let listed = listed.value;
        let began = Instant::now();
        let (mut rest, mut at_once) = (listed.as_slice(), FIRST);
        while !rest.is_empty() {
            if began.elapsed() > BEAM_TIME_MAX {
                let (looked, all) = (beam.shown.len(), listed.len());
                let said = format!("of {all} traces of BEAM nodes there was time for the newest {looked}");
                beam.missing.push(said);
                return Ok(beam);
            }
            let (some, others) = rest.split_at(at_once.min(rest.len()));
            (rest, at_once) = (others, (at_once * 2).min(AT_ONCE_MAX));
            let traces = self.traces(some, &mut beam.missing)?;
            for (trace, spans) in some.iter().zip(traces) {
                beam.shown.insert(*trace);
                if !spans.is_empty() && each(spans).is_break() {
                    beam.enough = true;
                    return Ok(beam);
                }
            }
        }
        if listed.len() >= BEAM_TRACES_MAX {
            let said = format!("of traces of BEAM nodes only the newest {BEAM_TRACES_MAX} were looked at");
            beam.missing.push(said);
        }
        Ok(beam)
    }
}

/// Adds what was not said before.
fn add(missing: &mut Missing, more: Missing) {
    for text in more {
        if !missing.contains(&text) {
            missing.push(text);
        }
    }
}

fn go_on_unless(stopped: bool) -> ControlFlow<()> {
    if stopped {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}
