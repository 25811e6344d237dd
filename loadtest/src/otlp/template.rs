//! Requests made beforehand, into which what is random is written at each send: ids, times, pid, syntax node, line,
//! duration. So the generator costs little, and compression cannot feed on repeats. The shape is the one that peers
//! were measured with: about 309 bytes a span, 20 spans a trace, three services, 8 attributes.

use super::functions::{Function, Functions, NODES, SERVICES};
use super::proto::{bytes, fixed64, number};
use super::values::{TRACE_SPANS, TraceValues, parent};
use crate::random::Random;

/// Bytes of a varint field whose values are fixed in length.
const WIDE_ZERO: [u8; 3] = [0x80, 0x80, 0x00];

/// One request's bytes (`ExportTraceServiceRequest`), and where in them what is written.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// The request.
    pub(crate) body: Vec<u8>,
    spans: Vec<Slots>,
    traces: usize,
}

/// Where a span's random parts are, from the beginning of the request.
#[derive(Clone, Copy, Debug)]
struct Slots {
    trace: u16,
    place: u8,
    ids: u32,
    times: u32,
    /// The five digits of the process.
    pid: u32,
    ast: u32,
    line: u32,
    duration: u32,
}

/// Which spans of a trace a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of them.
    Whole,
    /// Those of one service.
    Service(usize),
}

impl Template {
    /// A request of `traces` traces. The functions that their spans name are chosen by the seed.
    pub(crate) fn new(functions: &Functions, traces: usize, part: Part, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut template = Self {
            body: Vec::new(),
            spans: Vec::with_capacity(traces * TRACE_SPANS),
            traces,
        };
        for service in 0..SERVICES.len() {
            if part == Part::Whole || part == Part::Service(service) {
                template.resource(functions, service, &mut random);
            }
        }
        template
    }

    /// Spans of the request.
    pub(crate) fn spans(&self) -> usize {
        self.spans.len()
    }

    fn resource(&mut self, functions: &Functions, service: usize, random: &mut Random) {
        let mut scope = Vec::new();
        bytes(&mut scope, 1, &scope_message());
        let first = self.spans.len();
        for trace in 0..self.traces {
            for place in (service..TRACE_SPANS).step_by(SERVICES.len()) {
                let Some(function) = functions.choose(random) else {
                    continue;
                };
                let failed = random.below(50) == 0;
                let (span, mut slots) = span_message(function, service, place, failed);
                slots.trace = trace as u16;
                bytes(&mut scope, 2, &span);
                slots.shift((scope.len() - span.len()) as u32);
                self.spans.push(slots);
            }
        }
        let mut resource = Vec::new();
        bytes(&mut resource, 1, &resource_message(service));
        bytes(&mut resource, 2, &scope);
        let inner = resource.len() - scope.len();
        bytes(&mut self.body, 1, &resource);
        let shift = (self.body.len() - resource.len() + inner) as u32;
        for slots in self.spans.iter_mut().skip(first) {
            slots.shift(shift);
        }
    }

    /// Writes the random parts of the traces from `first_trace` on into `body`, a copy of [`Self::body`].
    pub(crate) fn write(&self, body: &mut [u8], seed: u64, first_trace: u64, base_ns: u64) {
        let mut trace = TraceValues::new(seed, first_trace, base_ns);
        let mut number = 0;
        for slots in &self.spans {
            if number != slots.trace {
                number = slots.trace;
                trace = TraceValues::new(seed, first_trace + u64::from(number), base_ns);
            }
            slots.write(body, &trace);
        }
    }
}

impl Slots {
    fn shift(&mut self, by: u32) {
        for at in [
            &mut self.ids,
            &mut self.times,
            &mut self.pid,
            &mut self.ast,
            &mut self.line,
            &mut self.duration,
        ] {
            *at += by;
        }
    }

    fn write(&self, body: &mut [u8], trace: &TraceValues) {
        let place = usize::from(self.place);
        let span = trace.span(place);
        // trace id: 16 bytes; tag and length; span id: 8 bytes; tag and length; parent: 8 bytes.
        put(body, self.ids, &trace.id);
        put(body, self.ids + 18, &span.id.to_le_bytes());
        if let Some(parent) = parent(place) {
            put(body, self.ids + 28, &trace.span_id(parent).to_le_bytes());
        }
        put(body, self.times, &span.start_ns.to_le_bytes());
        let end = span.start_ns + span.duration_us * 1_000;
        put(body, self.times + 9, &end.to_le_bytes());
        put(body, self.pid, &digits(span.pid));
        put(body, self.ast, &wide(span.ast));
        put(body, self.line, &[span.line as u8 | 0x80, (span.line >> 7) as u8]);
        put(body, self.duration, &wide(span.duration_us));
    }
}

fn put<const N: usize>(body: &mut [u8], at: u32, value: &[u8; N]) {
    if let Some(slot) = body.get_mut(at as usize..).and_then(<[u8]>::first_chunk_mut) {
        *slot = *value;
    }
}

/// A number from 16,384 to 2,097,151 as a varint: three bytes.
fn wide(n: u64) -> [u8; 3] {
    [n as u8 | 0x80, (n >> 7) as u8 | 0x80, (n >> 14) as u8]
}

/// A number of five decimal digits.
fn digits(n: u64) -> [u8; 5] {
    let n = n as u32;
    [10_000, 1_000, 100, 10, 1].map(|unit| b'0' + (n / unit % 10) as u8)
}

fn resource_message(service: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |table: [&'static str; 3]| table.get(service).copied().unwrap_or_default();
    for (key, value) in [
        ("service.name", text(SERVICES)),
        ("service.instance.id", text(NODES)),
        ("telemetry.sdk.language", "erlang"),
    ] {
        bytes(&mut out, 1, &attribute(key, &string(value)));
    }
    out
}

fn scope_message() -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, b"elixir_scope");
    bytes(&mut out, 2, b"0.1.0");
    out
}

fn string(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, text.as_bytes());
    out
}

fn int(value: &[u8]) -> Vec<u8> {
    let mut out = vec![3 << 3];
    out.extend_from_slice(value);
    out
}

/// A `KeyValue` of a key and an encoded `AnyValue`. Its value is what it ends with.
fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, key.as_bytes());
    bytes(&mut out, 2, value);
    out
}

/// A span whose random parts are blank, and where they are in it.
fn span_message(function: &Function, service: usize, place: usize, failed: bool) -> (Vec<u8>, Slots) {
    let mut out = Vec::new();
    bytes(&mut out, 1, &[0; 16]);
    bytes(&mut out, 2, &[0; 8]);
    if place > 0 {
        bytes(&mut out, 4, &[0; 8]);
    }
    bytes(&mut out, 5, function.name.as_bytes());
    // Server at the root, client and internal calls below it (`SpanKind`).
    let kind = if place == 0 { 2 } else { 1 + 2 * (place as u64 % 2) };
    number(&mut out, 6, kind);
    fixed64(&mut out, 7, 0);
    let times = out.len() - 8;
    fixed64(&mut out, 8, 0);
    let node = NODES.get(service).copied().unwrap_or_default();
    let mut add = |key: &str, value: &[u8]| {
        bytes(&mut out, 9, &attribute(key, value));
        out.len() as u32
    };
    add("beam.node", &string(node));
    let pid = add("beam.pid", &string("<0.00000.0>")) - 8;
    add("code.mfa", &string(&function.mfa));
    let ast = add("ast.node_id", &int(&WIDE_ZERO)) - 3;
    add("event.kind", &string("call"));
    let line = add("code.line", &int(&[0x80, 0])) - 2;
    let duration = add("duration_us", &int(&WIDE_ZERO)) - 3;
    add("mfa.arity", &int(&[function.arity as u8]));
    let mut status = Vec::new();
    number(&mut status, 3, if failed { 2 } else { 1 });
    bytes(&mut out, 15, &status);
    let slots = Slots {
        trace: 0,
        place: place as u8,
        ids: 2,
        times: times as u32,
        pid,
        ast,
        line,
        duration,
    };
    (out, slots)
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
