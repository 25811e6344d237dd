//! Events of an application on three BEAM nodes, trace by trace. A pure function of a seed, a number and a time.

use clap::ValueEnum;
use event::{
    Event, EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Pid, ResultClass, SiteId,
    TraceId, ValueRole,
};
use wire::etf::ValuePayload;

use crate::otlp::functions::{FUNCTIONS, NODES};
use crate::random::{Random, Zipf};

/// What the events tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Traces of ten nested calls and their returns over three nodes; no values.
    BeamCalls,
    /// The calls of `otlp-spans`: trees of twenty calls and their returns over three nodes.
    BeamCallSpans,
    /// Messages between processes of three nodes: ten callbacks and their returns, with the shapes of messages.
    Messages,
    /// Calls with two arguments and a result captured as terms.
    Values,
}

/// Processes of a node.
const PIDS: u64 = 6_000;
/// Modules of the application.
const MODULES: usize = 50;
/// Shapes of messages.
const SHAPES: u64 = 40;
/// Between two events of a trace, at most, microseconds.
const STEP_US: u64 = 200;

/// Makes the events of one producer.
#[derive(Debug)]
pub(crate) struct Events {
    shape: Shape,
    nodes: [NodeInfo; 3],
    random: Random,
    zipf: Zipf,
    /// Events so far on each node.
    counts: [u64; 3],
    hlc: u64,
    /// Places in `out` of the calls of the trace that is being made.
    open: Vec<usize>,
    /// Random bytes in each value.
    value_bytes: usize,
}

impl Events {
    /// Of producer `number`; `run` tells its nodes from those of other runs.
    pub(crate) fn new(shape: Shape, run: u64, number: usize) -> Self {
        let mut random = Random::new(run ^ (number as u64 + 1));
        let nodes = NODES.map(|name| NodeInfo {
            key: NodeKey(random.next() >> 5 | 1),
            creation: 1,
            name: node_name(run, number, name),
        });
        Self {
            shape,
            nodes,
            random,
            zipf: Zipf::new(FUNCTIONS),
            counts: [0; 3],
            hlc: 0,
            open: Vec::new(),
            value_bytes: 0,
        }
    }

    /// With so many random bytes more in each value.
    pub(crate) fn with_value_bytes(self, value_bytes: usize) -> Self {
        Self { value_bytes, ..self }
    }

    /// The nodes that the events name.
    pub(crate) fn nodes(&self) -> &[NodeInfo] {
        &self.nodes
    }

    /// Events of a trace.
    pub(crate) fn trace_events(shape: Shape) -> usize {
        match shape {
            Shape::BeamCalls | Shape::Messages | Shape::Values => 20,
            Shape::BeamCallSpans => 40,
        }
    }

    /// Appends one trace that began a little before `now`.
    pub(crate) fn trace(&mut self, now: Micros, out: &mut Vec<Event>) -> TraceId {
        let trace = TraceId(u128::from(self.random.next()) << 64 | u128::from(self.random.next() | 1));
        let mut time = now.0.saturating_sub(self.random.below(20_000));
        self.open.clear();
        match self.shape {
            Shape::BeamCalls => self.nested(trace, &mut time, 10, EventKind::Call, EventKind::Return, out),
            Shape::Messages => self.nested(
                trace,
                &mut time,
                10,
                EventKind::Callback,
                EventKind::CallbackReturn,
                out,
            ),
            Shape::BeamCallSpans => self.tree(trace, &mut time, out),
            Shape::Values => self.with_values(trace, &mut time, out),
        }
        trace
    }

    /// Calls in calls, from node to node; then their returns.
    fn nested(
        &mut self,
        trace: TraceId,
        time: &mut u64,
        calls: usize,
        call: EventKind,
        end: EventKind,
        out: &mut Vec<Event>,
    ) {
        for k in 0..calls {
            let parent = self.open.last().copied();
            self.call(call, trace, k * 3 / calls, parent, time, out);
        }
        while let Some(place) = self.open.pop() {
            self.end(end, place, time, out);
        }
    }

    /// Calls as a binary tree, depth after depth; each returns before the next of its depth begins.
    fn tree(&mut self, trace: TraceId, time: &mut u64, out: &mut Vec<Event>) {
        for k in 0..20_usize {
            let parent = k.checked_sub(1).and_then(|k| self.open.get(k / 2).copied());
            self.call(EventKind::Call, trace, k % 3, parent, time, out);
        }
        while let Some(place) = self.open.pop() {
            self.end(EventKind::Return, place, time, out);
        }
    }

    /// Four calls, each with two arguments and a result.
    fn with_values(&mut self, trace: TraceId, time: &mut u64, out: &mut Vec<Event>) {
        for k in 0..4 {
            let parent = self.open.last().copied();
            self.call(EventKind::Call, trace, k % 3, parent, time, out);
            let place = out.len() - 1;
            for name in ["order", "state"] {
                self.value(ValueRole::Argument, name, place, time, out);
            }
        }
        while let Some(place) = self.open.pop() {
            self.value(ValueRole::Result, "", place, time, out);
            self.end(EventKind::Return, place, time, out);
        }
    }

    fn next(&mut self, kind: EventKind, node: usize, trace: TraceId, time: &mut u64) -> Event {
        *time += 1 + self.random.below(STEP_US);
        self.hlc = (Hlc::from_micros(Micros(*time)).0).max(self.hlc + 1);
        let count = self.counts.get_mut(node);
        let number = count.map_or(0, |c| {
            *c += 1;
            *c
        });
        let key = self.nodes.get(node).map_or(NodeKey(1), |n| n.key);
        Event {
            id: EventId(number << 10 | (number & 1)),
            hlc: Hlc(self.hlc),
            time: Micros(*time),
            trace,
            ..Event::blank(kind, key)
        }
    }

    fn call(
        &mut self,
        kind: EventKind,
        trace: TraceId,
        node: usize,
        parent: Option<usize>,
        time: &mut u64,
        out: &mut Vec<Event>,
    ) {
        let mut event = self.next(kind, node, trace, time);
        let function = self.zipf.choose(&mut self.random);
        event.module = ModuleKey(crate::random::mix((function % MODULES) as u64) >> 5 | 1);
        event.site = SiteId((function / MODULES * 2 + 1) as u32);
        event.pid = Pid(100 + self.random.below(PIDS));
        event.ordinal = self.random.below(1 << 20) as u32;
        if kind == EventKind::Callback {
            event.shape = format!("{{:message_{}, _, _}}", self.random.below(SHAPES));
        }
        match parent.and_then(|p| out.get(p)) {
            Some(parent) => {
                event.parent = parent.id;
                if parent.node == event.node {
                    event.pid = parent.pid;
                    event.ordinal = parent.ordinal + 1;
                } else {
                    event.remote_node = parent.node;
                    event.remote_time = parent.time;
                    event.flags = Flags(Flags::REMOTE);
                }
            }
            None => event.flags = Flags(Flags::ROOT),
        }
        self.open.push(out.len());
        out.push(event);
    }

    fn end(&mut self, kind: EventKind, place: usize, time: &mut u64, out: &mut Vec<Event>) {
        let Some((trace, key, parent)) = out.get(place).map(|call| (call.trace, call.node, call.clone()))
        else {
            return;
        };
        let mut event = self.next(kind, self.node_of(key), trace, time);
        event.module = parent.module;
        event.site = SiteId(parent.site.0 + 1);
        event.pid = parent.pid;
        event.ordinal = parent.ordinal + 10;
        event.parent = parent.id;
        event.class = match self.random.below(50) {
            0 => ResultClass::ErrorTuple,
            1..30 => ResultClass::OkTuple,
            _ => ResultClass::Map,
        };
        out.push(event);
    }

    fn value(&mut self, role: ValueRole, name: &str, place: usize, time: &mut u64, out: &mut Vec<Event>) {
        let Some((trace, key, parent)) = out.get(place).map(|call| (call.trace, call.node, call.clone()))
        else {
            return;
        };
        let mut event = self.next(EventKind::Value, self.node_of(key), trace, time);
        event.module = parent.module;
        event.site = parent.site;
        event.pid = parent.pid;
        event.ordinal = parent.ordinal + 1;
        event.parent = parent.id;
        event.flags = Flags(Flags::PAYLOAD);
        let term = order(&mut self.random, self.value_bytes);
        event.payload = ValuePayload {
            role,
            cut: false,
            redacted: false,
            name: name.to_owned(),
            term: &term,
        }
        .encode();
        out.push(event);
    }

    fn node_of(&self, key: NodeKey) -> usize {
        self.nodes.iter().position(|n| n.key == key).unwrap_or_default()
    }
}

/// Name of a node of one run and producer.
pub(crate) fn node_name(run: u64, producer: usize, name: &str) -> String {
    format!("loadtest{run:016x}-{producer}-{name}")
}

/// `%{id: 123456789, sku: "SKU-00000000", quantity: 7}` in the external term format
/// (<https://www.erlang.org/doc/apps/erts/erl_ext_dist.html>), with `image: <<...>>` if that is to have bytes.
fn order(random: &mut Random, image_bytes: usize) -> Vec<u8> {
    let mut out = vec![131, 116, 0, 0, 0, 3 + u8::from(image_bytes > 0)];
    let atom = |out: &mut Vec<u8>, name: &str| {
        out.extend([119, name.len() as u8]);
        out.extend(name.as_bytes());
    };
    atom(&mut out, "id");
    out.push(98);
    out.extend((random.below(1 << 30) as u32).to_be_bytes());
    atom(&mut out, "sku");
    let sku = format!("SKU-{:08}", random.below(100_000_000));
    out.extend([109, 0, 0, 0, sku.len() as u8]);
    out.extend(sku.as_bytes());
    atom(&mut out, "quantity");
    out.extend([97, random.below(100) as u8]);
    if image_bytes > 0 {
        atom(&mut out, "image");
        out.push(109);
        out.extend((image_bytes as u32).to_be_bytes());
        let end = out.len() + image_bytes;
        while out.len() < end {
            let word = random.next().to_le_bytes();
            out.extend(word.iter().take(end - out.len()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};
    use wire::etf::Term;

    const ALL: [Shape; 4] = [
        Shape::BeamCalls,
        Shape::BeamCallSpans,
        Shape::Messages,
        Shape::Values,
    ];

    /// Scenario: fifty traces of each shape. Guarantee: as many events as said, ids of a node differ, parents are in the trace and
    /// before their children, three nodes each.
    #[test]
    fn traces_are_well_formed() {
        for shape in ALL {
            let mut events = Events::new(shape, 9, 0);
            let mut ids = HashSet::new();
            for _ in 0..50 {
                let mut out = Vec::new();
                let trace = events.trace(Micros(200_000_000_000_000), &mut out);
                assert_eq!(out.len(), Events::trace_events(shape), "{shape:?}");
                let by_id: HashMap<_, _> = out.iter().map(|e| ((e.node, e.id), e)).collect();
                assert_eq!(out.iter().map(|e| e.node).collect::<HashSet<_>>().len(), 3);
                for (i, event) in out.iter().enumerate() {
                    assert!(event.trace == trace && ids.insert((event.node, event.id)));
                    match event.parent_ref() {
                        Some(parent) => assert!(by_id[&parent].hlc < event.hlc),
                        None => assert_eq!(i, 0),
                    }
                }
            }
        }
    }

    /// Guarantee: captured values are terms that our own reader reads; with more bytes, if these are wanted.
    #[test]
    fn values_are_terms() {
        for bytes in [0, 1, 1001] {
            values_of(bytes);
        }
    }

    fn values_of(bytes: usize) {
        let mut out = Vec::new();
        let mut events = Events::new(Shape::Values, 9, 0).with_value_bytes(bytes);
        events.trace(Micros(200_000_000_000_000), &mut out);
        let values: Vec<_> = out.iter().filter(|e| e.kind == EventKind::Value).collect();
        assert_eq!(values.len(), 12);
        for value in values {
            let payload = ValuePayload::decode(&value.payload).unwrap();
            assert!(matches!(Term::decode(payload.term), Ok(Term::Map(_))));
            assert!((bytes..bytes + 100).contains(&payload.term.len()));
        }
    }
}
