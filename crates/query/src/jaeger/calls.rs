//! Who called whom: edges between services, counted from the spans that are kept.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use event::{Span, SpanId};

use super::shape::Dependency;
use crate::tempo::{Missing, SpanSource, TempoError, TimeRange, out_of_time};

/// Edges of an answer; calls of those beyond are not counted, and it says so.
const EDGES_MAX: usize = 10_000;

type Edges = BTreeMap<(String, String), u64>;

/// Calls between services in a range of time, by caller and called. A call is a span that began in the range and whose parent, of
/// another service, is in its trace, whenever that began: what adjacent ranges count adds up. A span whose parent is not kept
/// counts nowhere.
pub fn dependencies(
    source: &dyn SpanSource,
    range: TimeRange,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Dependency>, Missing), TempoError> {
    let (mut edges, mut full, mut stopped) = (Edges::new(), false, false);
    let inspected = source.candidates(&traceql::Conditions::ALWAYS, range, &mut |spans| {
        full |= !count(&spans, range, &mut edges);
        stopped = stop();
        if stopped {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let mut missing = inspected.missing;
    if stopped {
        out_of_time(&mut missing);
    }
    if full {
        missing.push(format!(
            "more than {EDGES_MAX} pairs of services; calls of the others are not counted"
        ));
    }
    let edge = |((parent, child), call_count)| Dependency {
        parent,
        child,
        call_count,
    };
    Ok((edges.into_iter().map(edge).collect(), missing))
}

/// Counts a trace's calls; false if there was no room for an edge.
fn count(spans: &[Span], range: TimeRange, edges: &mut Edges) -> bool {
    let services: HashMap<SpanId, &str> = spans
        .iter()
        .map(|span| (span.id, span.resource.service()))
        .collect();
    let mut room = true;
    for span in spans {
        if !(range.start_ns..range.end_ns).contains(&span.start_ns) {
            continue;
        }
        let child = span.resource.service();
        let Some(parent) = services.get(&span.parent).filter(|parent| **parent != child) else {
            continue;
        };
        let ends = ((*parent).to_owned(), child.to_owned());
        if edges.len() < EDGES_MAX || edges.contains_key(&ends) {
            *edges.entry(ends).or_default() += 1;
        } else {
            room = false;
        }
    }
    room
}
