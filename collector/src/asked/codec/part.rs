//! Parts of an answer: lists whose items follow one another until the part ends, many parts an answer.

use std::ops::ControlFlow;

use event::{Event, EventIdentity, LogRecord, NodeInfo, Span, TraceId, Value};
use wire::bytes::Put;
use wire::otlp::{encode_logs, encode_traces};

use super::end::END;
use super::events::put_event;
use super::pack::{MESSAGE_BYTES_MAX, PART_BYTES, pack};
use super::rows::{About, Audited, Gap, Summary};
use super::values::{put_bytes, put_text, put_value};

pub(super) const EVENTS: u8 = 1;
pub(super) const NODES: u8 = 2;
pub(super) const SUMMARIES: u8 = 3;
pub(super) const GAPS: u8 = 4;
pub(super) const SPANS: u8 = 5;
pub(super) const NAMES: u8 = 6;
pub(super) const VALUES: u8 = 7;
pub(super) const LOGS: u8 = 8;
pub(super) const AUDIT: u8 = 9;
pub(super) const ABOUT: u8 = 11;

/// Spans and records that are encoded as one item.
const ITEM_SPANS: usize = 512;
const ITEM_LOGS: usize = 256;

/// Some of what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Events(Vec<(EventIdentity, Event)>),
    Nodes(Vec<NodeInfo>),
    Summaries(Vec<Summary>),
    Gaps(Vec<Gap>),
    /// Spans by trace; whether more of the trace follow.
    Spans(Vec<(TraceId, bool, Vec<Span>)>),
    /// Number of the scope, name.
    Names(Vec<(u8, String)>),
    Values(Vec<Value>),
    Logs(Vec<LogRecord>),
    Audit(Audited),
    About(About),
}

/// Makes the messages of an answer, each given away when it is long enough. Once one is refused nothing more is made.
pub(crate) struct Parts<'s> {
    send: &'s mut dyn FnMut(Vec<u8>) -> ControlFlow<()>,
    what: u8,
    body: Vec<u8>,
    /// Items that no message can hold.
    pub(crate) too_long: u64,
}

impl<'s> Parts<'s> {
    pub(crate) fn new(send: &'s mut dyn FnMut(Vec<u8>) -> ControlFlow<()>) -> Self {
        Self {
            send,
            what: END,
            body: Vec::new(),
            too_long: 0,
        }
    }

    /// Gives away what there is.
    pub(crate) fn flush(&mut self) -> ControlFlow<()> {
        if self.body.is_empty() {
            return ControlFlow::Continue(());
        }
        let message = pack(self.what, &self.body);
        self.body.clear();
        match message {
            Some(message) => (self.send)(message),
            None => ControlFlow::Continue(()),
        }
    }

    fn item(&mut self, what: u8, put: impl FnOnce(&mut Vec<u8>)) -> ControlFlow<()> {
        if what != self.what {
            self.flush()?;
            self.what = what;
        }
        let before = self.body.len();
        put(&mut self.body);
        if self.body.len() - before > MESSAGE_BYTES_MAX / 2 {
            self.body.truncate(before);
            self.too_long += 1;
        }
        if self.body.len() >= PART_BYTES {
            self.flush()?;
        }
        ControlFlow::Continue(())
    }

    /// Adds a part, item by item.
    pub(crate) fn part(&mut self, part: &Part) -> ControlFlow<()> {
        match part {
            Part::Events(events) => events
                .iter()
                .try_for_each(|(identity, e)| self.event(identity, e)),
            Part::Nodes(nodes) => nodes.iter().try_for_each(|node| self.node(node)),
            Part::Summaries(of) => of.iter().try_for_each(|summary| self.summary(summary)),
            Part::Gaps(gaps) => gaps.iter().try_for_each(|gap| self.gap(gap)),
            Part::Spans(of) => of
                .iter()
                .try_for_each(|(trace, more, spans)| self.spans(*trace, *more, spans)),
            Part::Names(names) => names.iter().try_for_each(|(scope, name)| self.name(*scope, name)),
            Part::Values(values) => values.iter().try_for_each(|value| self.value(value)),
            Part::Logs(records) => self.logs(records),
            Part::Audit(audited) => self.audit(audited),
            Part::About(about) => self.item(ABOUT, |out| about.put(out)),
        }
    }

    fn event(&mut self, identity: &EventIdentity, event: &Event) -> ControlFlow<()> {
        self.item(EVENTS, |out| put_event(out, identity, event))
    }

    fn node(&mut self, node: &NodeInfo) -> ControlFlow<()> {
        self.item(NODES, |out| {
            out.put_u64(node.key.0);
            out.put_u32(node.creation);
            put_text(out, &node.name);
        })
    }

    fn summary(&mut self, summary: &Summary) -> ControlFlow<()> {
        self.item(SUMMARIES, |out| summary.put(out))
    }

    fn gap(&mut self, gap: &Gap) -> ControlFlow<()> {
        self.item(GAPS, |out| gap.put(out))
    }

    /// Spans of a trace; whether more of it follow.
    fn spans(&mut self, trace: TraceId, more: bool, spans: &[Span]) -> ControlFlow<()> {
        let last = spans.len().saturating_sub(1) / ITEM_SPANS;
        for (number, some) in spans.chunks(ITEM_SPANS).enumerate() {
            self.item(SPANS, |out| {
                out.put_u128(trace.0);
                out.put_u8((more || number < last).into());
                put_bytes(out, &encode_traces(some));
            })?;
        }
        ControlFlow::Continue(())
    }

    fn name(&mut self, scope: u8, name: &str) -> ControlFlow<()> {
        self.item(NAMES, |out| {
            out.put_u8(scope);
            put_text(out, name);
        })
    }

    fn value(&mut self, value: &Value) -> ControlFlow<()> {
        self.item(VALUES, |out| put_value(out, value, 0))
    }

    fn logs(&mut self, records: &[LogRecord]) -> ControlFlow<()> {
        for some in records.chunks(ITEM_LOGS) {
            self.item(LOGS, |out| put_bytes(out, &encode_logs(some)))?;
        }
        ControlFlow::Continue(())
    }

    fn audit(&mut self, audited: &Audited) -> ControlFlow<()> {
        self.item(AUDIT, |out| {
            for n in audited.counts {
                out.put_varint(n);
            }
            out.put_varint(audited.by_node.len() as u64);
            for (node, events) in &audited.by_node {
                out.put_u64(node.0);
                out.put_varint(*events);
            }
        })
    }
}
