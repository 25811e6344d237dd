//! Parts of an answer: lists whose items follow one another until the part ends, many parts an answer.

use std::ops::ControlFlow;

use event::{
    Epoch, Event, EventIdentity, Hlc, LogRecord, Micros, NodeInfo, NodeKey, Producer, Seq, Shard, Span,
    TraceId, Value,
};
use wire::bytes::{Put, Reader};
use wire::otlp::{decode_logs, decode_traces, encode_logs, encode_traces};

use super::Malformed;
use super::end::{END, End, HEAD};
use super::events::{put_event, read_events};
use super::pack::{MESSAGE_BYTES_MAX, PART_BYTES, pack, unpack};
use super::values::{bytes, count, put_bytes, put_text, put_value, text, truth, value};

const EVENTS: u8 = 1;
const NODES: u8 = 2;
const SUMMARIES: u8 = 3;
const GAPS: u8 = 4;
const SPANS: u8 = 5;
const NAMES: u8 = 6;
const VALUES: u8 = 7;
const LOGS: u8 = 8;
const AUDIT: u8 = 9;

/// Spans and records that are encoded as one item.
const ITEM_SPANS: usize = 512;
const ITEM_LOGS: usize = 256;

/// A message of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// What the answer will be worth.
    Head(End),
    Part(Part),
    End(End),
}

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
}

/// `store::TraceSummary`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) trace: TraceId,
    pub(crate) time: (Micros, Micros),
    pub(crate) hlc: (Hlc, Hlc),
    pub(crate) events: u64,
    pub(crate) errors: u64,
    pub(crate) nodes: Vec<NodeKey>,
    pub(crate) root: Option<String>,
    pub(crate) content: u64,
}

/// `store::GapRecord`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Gap {
    pub(crate) hlc: Hlc,
    pub(crate) producer: Producer,
    pub(crate) epoch: Epoch,
    pub(crate) shard: Shard,
    pub(crate) first: Seq,
    pub(crate) last: Seq,
    pub(crate) reason: u8,
    pub(crate) events: u64,
}

/// `store::Audit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audited {
    /// Events, duplicates, losses, batches, missing and given-up batches, damaged frames.
    pub(crate) counts: [u64; 7],
    pub(crate) by_node: Vec<(NodeKey, u64)>,
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

impl Heard {
    /// Reads a message of an answer.
    pub(crate) fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let (what, body) = unpack(message)?;
        let r = Reader::new(&body);
        let part = match what {
            END => return End::read(&body).map(Self::End),
            HEAD => return End::read(&body).map(Self::Head),
            EVENTS => Part::Events(read_events(&body)?),
            NODES => Part::Nodes(all(r, |r| {
                Ok(NodeInfo {
                    key: NodeKey(r.u64()?),
                    creation: r.u32()?,
                    name: text(r)?,
                })
            })?),
            SUMMARIES => Part::Summaries(all(r, Summary::read)?),
            GAPS => Part::Gaps(all(r, Gap::read)?),
            SPANS => Part::Spans(all(r, spans)?),
            NAMES => Part::Names(all(r, |r| Ok((r.u8()?, text(r)?)))?),
            VALUES => Part::Values(all(r, |r| value(r, 0))?),
            LOGS => Part::Logs(all(r, logs)?.into_iter().flatten().collect()),
            AUDIT => Part::Audit(audited(r)?),
            other => return Err(Malformed::Unknown("part", other.into())),
        };
        Ok(Self::Part(part))
    }
}

fn all<T>(
    mut r: Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut items = Vec::new();
    while !r.is_empty() {
        items.push(item(&mut r)?);
    }
    Ok(items)
}

fn spans(r: &mut Reader<'_>) -> Result<(TraceId, bool, Vec<Span>), Malformed> {
    let (trace, more) = (TraceId(r.u128()?), truth(r)?);
    let decoded = decode_traces(bytes(r)?).map_err(|_| Malformed::Otlp("spans"))?;
    // A span that is refused here would be missing without a word.
    if decoded.notes.rejected_total() > 0 || decoded.records.iter().any(|span| span.trace != trace) {
        return Err(Malformed::Otlp("spans of a trace"));
    }
    Ok((trace, more, decoded.records))
}

fn logs(r: &mut Reader<'_>) -> Result<Vec<LogRecord>, Malformed> {
    let decoded = decode_logs(bytes(r)?).map_err(|_| Malformed::Otlp("log records"))?;
    if decoded.notes.rejected_total() > 0 {
        return Err(Malformed::Otlp("log records"));
    }
    Ok(decoded.records)
}

fn audited(mut r: Reader<'_>) -> Result<Audited, Malformed> {
    let mut audited = Audited::default();
    for n in &mut audited.counts {
        *n = r.varint()?;
    }
    for _ in 0..count(&mut r, 9)? {
        audited.by_node.push((NodeKey(r.u64()?), r.varint()?));
    }
    r.finish()?;
    Ok(audited)
}

impl Summary {
    fn put(&self, out: &mut Vec<u8>) {
        out.put_u128(self.trace.0);
        let times = [self.time.0.0, self.time.1.0, self.hlc.0.0, self.hlc.1.0];
        for time in times {
            out.put_u64(time);
        }
        out.put_varint(self.events);
        out.put_varint(self.errors);
        out.put_u64(self.content);
        out.put_varint(self.nodes.len() as u64);
        for node in &self.nodes {
            out.put_u64(node.0);
        }
        out.put_u8(self.root.is_some().into());
        if let Some(root) = &self.root {
            put_text(out, root);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            trace: TraceId(r.u128()?),
            time: (Micros(r.u64()?), Micros(r.u64()?)),
            hlc: (Hlc(r.u64()?), Hlc(r.u64()?)),
            events: r.varint()?,
            errors: r.varint()?,
            content: r.u64()?,
            nodes: {
                let n = count(r, 8)?;
                let nodes: Result<_, Malformed> = (0..n).map(|_| Ok(NodeKey(r.u64()?))).collect();
                nodes?
            },
            root: truth(r)?.then(|| text(r)).transpose()?,
        })
    }
}

impl Gap {
    fn put(&self, out: &mut Vec<u8>) {
        out.put_u64(self.hlc.0);
        out.put_u128(self.producer.0);
        out.put_varint(self.epoch.0);
        out.put_u16(self.shard.0);
        out.put_varint(self.first.0);
        out.put_varint(self.last.0);
        out.put_u8(self.reason);
        out.put_varint(self.events);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            hlc: Hlc(r.u64()?),
            producer: Producer(r.u128()?),
            epoch: Epoch(r.varint()?),
            shard: Shard(r.u16()?),
            first: Seq(r.varint()?),
            last: Seq(r.varint()?),
            reason: r.u8()?,
            events: r.varint()?,
        })
    }
}
