//! What a BEAM node did, as spans: the form in which Grafana and every other client of OpenTelemetry sees it.
//!
//! A frame (entry, call, function, callback) is a span; a point (branch, send, exception, ...) is an event of the span that it
//! happened in, or a span without duration if it happened in none; a link is a link. Ids are those that a node itself puts into
//! `traceparent` ([`span_id`]), so that spans of other services hang below the frames that called them. Times are clock-corrected.
//! Names of attributes: OpenTelemetry's semantic conventions (`code.*`, `exception.*`, `service.*`), `beam.*` for the rest.

mod attributes;
mod forest;
mod point;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use event::{
    Event, EventId, EventKind, Flags, Micros, NodeInfo, NodeKey, Resource, ResultClass, Scope, Span, SpanId,
    SpanKind, StatusCode, TraceId,
};
use sha2::{Digest as _, Sha256};

use crate::answer::{Closed, FrameEnd, Item};
use crate::code::CodeSource;
use crate::payload;
use crate::tree::{Arranged, Recorded, arrange};

/// Recorded events of one trace, and what explains them.
#[derive(Clone, Copy)]
pub struct BeamTrace<'a> {
    /// The trace.
    pub trace: TraceId,
    /// Its events, in any order.
    pub recorded: &'a [Recorded],
    /// Names of nodes.
    pub nodes: &'a BTreeMap<NodeKey, NodeInfo>,
    /// Names and places of sites.
    pub code: &'a dyn CodeSource,
}

impl std::fmt::Debug for BeamTrace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("BeamTrace");
        shown
            .field("trace", &self.trace)
            .field("events", &self.recorded.len());
        shown.finish_non_exhaustive()
    }
}

/// `OTLP`'s flags: it is known whether the parent is remote, and it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
/// W3C: sampled.
const SAMPLED: u32 = 1;

/// The spans of a BEAM trace. `others` are spans of the same trace that came over OTLP: an entry that continued one of them is its
/// child. Parents are spans of the answer or of `others`, or 0; ids are unique, and never 0.
pub fn beam_spans(of: BeamTrace<'_>, others: &[Span]) -> Vec<Span> {
    let arranged = arrange(of.trace, of.recorded, of.nodes, of.code, Vec::new());
    let mut writer = Writer {
        arranged: &arranged,
        nodes: of.nodes,
        trace: of.trace,
        resources: HashMap::new(),
        scope: Arc::new(Scope {
            name: "elixir_scope".to_owned(),
            ..Scope::default()
        }),
        taken: others.iter().map(|span| span.id.0).collect(),
        span_of: vec![None; arranged.events.len()],
        spans: Vec::new(),
    };
    for (at, (item, event)) in arranged.answer.items.iter().zip(&arranged.events).enumerate() {
        writer.add(at, item, event);
    }
    let mut spans = writer.spans;
    let continued: Vec<(usize, SpanId)> = spans
        .iter()
        .enumerate()
        .filter(|(_, made)| made.continues.0 != 0)
        .map(|(at, made)| (at, made.continues))
        .collect();
    forest::continue_spans(&mut spans, &continued, others);
    spans.into_iter().map(|made| made.span).collect()
}

/// The span id of an event: the first 8 bytes of SHA-256 over `"elixirscope span 1\n"`, node key and event id (u64 big-endian each),
/// as `ElixirScope.Identity.span_id/2`.
pub fn span_id(node: NodeKey, event: EventId) -> SpanId {
    let mut hash = Sha256::new();
    hash.update(b"elixirscope span 1\n");
    hash.update(node.0.to_be_bytes());
    hash.update(event.0.to_be_bytes());
    let digest = hash.finalize();
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    SpanId(u64::from_be_bytes(first))
}

/// A span, and the W3C parent that its entry continued.
struct Made {
    span: Span,
    continues: SpanId,
}

struct Writer<'a> {
    arranged: &'a Arranged<'a>,
    nodes: &'a BTreeMap<NodeKey, NodeInfo>,
    trace: TraceId,
    resources: HashMap<NodeKey, Arc<Resource>>,
    scope: Arc<Scope>,
    /// Ids that are used.
    taken: HashSet<u64>,
    /// The span of each item that has one.
    span_of: Vec<Option<usize>>,
    spans: Vec<Made>,
}

impl Writer<'_> {
    fn add(&mut self, at: usize, item: &Item, event: &Event) {
        let time_ns = self.time_ns(item);
        let parent = item
            .parent
            .and_then(|parent| self.span_of.get(parent).copied().flatten());
        let inside = parent.and_then(|parent| self.spans.get_mut(parent));
        match (&item.frame, inside) {
            (Some(frame), _) => {
                let end_ns = time_ns.saturating_add(frame.duration_us.saturating_mul(1_000));
                let mut span = self.span(item, event, parent, (time_ns, end_ns));
                attributes::of_frame(&mut span.attributes, item, frame);
                fail(&mut span, frame);
                self.push(at, span, payload_parent(event));
            }
            (None, Some(made)) => point::add(&mut made.span, item, event, time_ns),
            (None, None) => {
                let mut span = self.span(item, event, None, (time_ns, time_ns));
                point::add(&mut span, item, event, time_ns);
                self.push(at, span, SpanId(0));
            }
        }
    }

    fn push(&mut self, at: usize, span: Span, continues: SpanId) {
        if let Some(place) = self.span_of.get_mut(at) {
            *place = Some(self.spans.len());
        }
        self.spans.push(Made { span, continues });
    }

    fn span(&mut self, item: &Item, event: &Event, parent: Option<usize>, times: (u64, u64)) -> Span {
        let parent = parent.and_then(|parent| self.spans.get(parent));
        let parent = parent.map_or(SpanId(0), |made| made.span.id);
        let remote = if event.flags.has(Flags::REMOTE) {
            IS_REMOTE
        } else {
            0
        };
        Span {
            trace: self.trace,
            id: self.unused_id(event),
            parent,
            flags: SAMPLED | HAS_IS_REMOTE | remote,
            name: attributes::name(item),
            kind: match event.kind {
                EventKind::Root => SpanKind::Server,
                EventKind::Callback if event.flags.has(Flags::REMOTE) => SpanKind::Consumer,
                _ => SpanKind::Internal,
            },
            start_ns: times.0,
            end_ns: times.1,
            attributes: attributes::of_item(item, event),
            resource: self.resource(event.node),
            scope: Arc::clone(&self.scope),
            ..Span::blank()
        }
    }

    /// The event's id; the next free one for an event that claims the id of another.
    fn unused_id(&mut self, event: &Event) -> SpanId {
        let mut id = span_id(event.node, event.id).0;
        while id == 0 || !self.taken.insert(id) {
            id = id.wrapping_add(1);
        }
        SpanId(id)
    }

    fn resource(&mut self, node: NodeKey) -> Arc<Resource> {
        let nodes = self.nodes;
        let made = self
            .resources
            .entry(node)
            .or_insert_with(|| Arc::new(attributes::resource(node, nodes)));
        Arc::clone(made)
    }

    /// Unix nanoseconds after clock correction.
    fn time_ns(&self, item: &Item) -> u64 {
        let since_2020 = self.arranged.start.saturating_add(item.start_us);
        let micros = Micros(u64::try_from(since_2020).unwrap_or_default());
        micros.to_unix_ns()
    }
}

fn payload_parent(event: &Event) -> SpanId {
    match event.kind {
        EventKind::Root => payload::parent_span(&event.payload),
        _ => SpanId(0),
    }
}

/// The status that a frame's end gives.
fn fail(span: &mut Span, frame: &FrameEnd) {
    let errors = [ResultClass::Error.name(), ResultClass::ErrorTuple.name()];
    if frame.closed == Closed::ExceptionInferred {
        span.status = StatusCode::Error;
        span.status_message.push_str("an exception passed through");
    } else if errors.contains(&frame.result.as_str()) {
        span.status = StatusCode::Error;
        span.status_message = format!("returned {}", frame.result);
    }
}
