//! What building, checking, merging and reading frames of events costs, for `cargo xtask bench events`: nanoseconds and bytes an event, on
//! the load of `loadtest quic --shape beam-calls` (traces of ten nested calls and their returns over three nodes, no values).
//! Prints one JSON object a figure.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "what it prints is its result; it is no part of the product"
)]

use std::time::Instant;

use event::{
    Bucket, Epoch, Event, EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Pid,
    Producer, ResultClass, Seq, Shard, SiteId, TraceId,
};
use wire::events::{BlockOrder, Digest, EventBuilder, EventFrame, Packer};
use wire::frame::{Compression, Cut, FrameBuilder};

const SHARDS: u128 = 64;
const FUNCTIONS: u64 = 500;
const MODULES: u64 = 50;
/// How long a figure is measured.
const LEAST_NS: f64 = 3e8;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Events of one producer, as `loadtest/src/native/events.rs` makes them.
struct Load {
    random: Random,
    nodes: [NodeKey; 3],
    counts: [u64; 3],
    hlc: u64,
    zipf: Vec<f64>,
}

impl Load {
    fn new() -> Self {
        let mut random = Random(7);
        let nodes = [0, 1, 2].map(|_| NodeKey(random.next() >> 5 | 1));
        let mut sum = 0.0;
        let zipf = (1..=FUNCTIONS)
            .map(|n| {
                sum += 1.0 / n as f64;
                sum
            })
            .collect();
        Self {
            random,
            nodes,
            counts: [0; 3],
            hlc: 0,
            zipf,
        }
    }

    fn function(&mut self) -> u64 {
        let all = self.zipf[self.zipf.len() - 1];
        let at = self.random.next() as f64 / u64::MAX as f64 * all;
        self.zipf.partition_point(|sum| *sum < at) as u64
    }

    fn event(&mut self, kind: EventKind, node: usize, trace: TraceId, time: &mut u64) -> Event {
        *time += 1 + self.random.below(200);
        self.hlc = (*time << 10).max(self.hlc + 1);
        self.counts[node] += 1;
        let number = self.counts[node];
        Event {
            id: EventId(number << 10 | (number & 1)),
            hlc: Hlc(self.hlc),
            time: Micros(*time),
            trace,
            ..Event::blank(kind, self.nodes[node])
        }
    }

    fn trace(&mut self, now: u64, out: &mut Vec<Event>) {
        let trace = TraceId(u128::from(self.random.next()) << 64 | u128::from(self.random.next() | 1));
        let mut time = now - self.random.below(20_000);
        let first = out.len();
        for k in 0..10 {
            let mut event = self.event(EventKind::Call, k * 3 / 10, trace, &mut time);
            let function = self.function();
            event.module = ModuleKey(Random(function % MODULES).next() >> 5 | 1);
            event.site = SiteId((function / MODULES * 2 + 1) as u32);
            event.pid = Pid(100 + self.random.below(6_000));
            event.ordinal = self.random.below(1 << 20) as u32;
            if k == 0 {
                event.flags = Flags(Flags::ROOT);
            } else {
                let parent = &out[out.len() - 1];
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
            out.push(event);
        }
        for k in (0..10).rev() {
            let call = out[first + k].clone();
            let mut event = self.event(EventKind::Return, k * 3 / 10, trace, &mut time);
            event.module = call.module;
            event.site = SiteId(call.site.0 + 1);
            event.pid = call.pid;
            event.ordinal = call.ordinal + 10;
            event.parent = call.id;
            event.class = match self.random.below(50) {
                0 => ResultClass::ErrorTuple,
                1..30 => ResultClass::OkTuple,
                _ => ResultClass::Map,
            };
            out.push(event);
        }
    }
}

fn figure(name: &str, value: f64, unit: &str) {
    println!(r#"{{"name":"{name}","value":{value:.2},"unit":"{unit}","goal":null}}"#);
}

/// Nanoseconds that this thread has run, as the scheduler counts them; by the clock where it does not say.
fn ran_ns(start: Instant) -> f64 {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = said.and_then(|text| text.split(' ').next()?.parse().ok());
    ran.unwrap_or_else(|| start.elapsed().as_secs_f64() * 1e9)
}

/// Nanoseconds an event over so many rounds that the scheduler's ticks do not matter.
fn cost(events: usize, mut run: impl FnMut()) -> f64 {
    run();
    let start = Instant::now();
    let before = ran_ns(start);
    let mut rounds = 0;
    loop {
        run();
        rounds += 1;
        let ran = ran_ns(start) - before;
        if ran >= LEAST_NS {
            return ran / (events * rounds) as f64;
        }
    }
}

fn frame(batches: &[(Shard, Vec<Event>)], seq: u64, nodes: &[NodeKey; 3]) -> Vec<u8> {
    let mut builder = FrameBuilder::new(Producer(1), Epoch(1), Hlc(1), Bucket(1));
    for key in nodes {
        builder.node(NodeInfo {
            key: *key,
            creation: 1,
            name: "loadtest0123456789abcdef-0-shop@10.0.0.1".into(),
        });
    }
    for (shard, events) in batches {
        builder.section(*shard, Seq(seq), events);
    }
    builder.finish(Compression::Zstd).unwrap()
}

fn main() {
    for per_frame in [260usize, 1_000, 20_000] {
        run(per_frame, 320_000 / per_frame);
    }
}

fn run(per_frame: usize, frames: usize) {
    let events = per_frame * frames;
    let mut load = Load::new();
    let flushes: Vec<Vec<(Shard, Vec<Event>)>> = (0..frames)
        .map(|n| {
            let mut flat = Vec::new();
            while flat.len() < per_frame {
                load.trace(217_000_000_000_000 + (n * per_frame) as u64, &mut flat);
            }
            let mut by_shard: Vec<Vec<Event>> = vec![Vec::new(); SHARDS as usize];
            for event in flat {
                by_shard[(event.trace.0 % SHARDS) as usize].push(event);
            }
            let numbered = (0u16..).map(Shard).zip(by_shard);
            numbered.filter(|(_, events)| !events.is_empty()).collect()
        })
        .collect();
    let name = |what: &str| format!("{what}, {per_frame} events a frame");
    let made = build_and_check(&name, &flushes, &load.nodes, events);
    let blocks = merge(&name, &made, events);
    read(&name, &blocks, events);
}

fn build_and_check(
    name: &dyn Fn(&str) -> String,
    flushes: &[Vec<(Shard, Vec<Event>)>],
    nodes: &[NodeKey; 3],
    events: usize,
) -> Vec<Vec<u8>> {
    let mut made = Vec::new();
    let build = cost(events, || {
        made.clear();
        let numbered = (1u64..).zip(flushes);
        made.extend(numbered.map(|(seq, batches)| frame(batches, seq, nodes)));
    });
    figure(&name("build"), build, "ns/event");
    let bytes: usize = made.iter().map(Vec::len).sum();
    figure(&name("frame"), bytes as f64 / events as f64, "bytes/event");
    let mut digest = Digest::default();
    for (what, content) in [("check and summary", false), ("with content hashes", true)] {
        let check = cost(events, || {
            for frame in &made {
                EventFrame::open(frame)
                    .unwrap()
                    .digest_into(content, &mut digest)
                    .unwrap();
            }
        });
        figure(&name(what), check, "ns/event");
    }
    made
}

fn merge(name: &dyn Fn(&str) -> String, made: &[Vec<u8>], events: usize) -> Vec<Vec<u8>> {
    let mut builder = EventBuilder::new(3);
    let append = cost(events, || {
        builder.clear();
        for frame in made {
            builder
                .append(&EventFrame::open(frame).unwrap(), |_| true)
                .unwrap();
        }
    });
    figure(&name("merge: take"), append, "ns/event");
    let sort = cost(events, || {
        builder.sorted(BlockOrder::Shard);
    });
    figure(&name("merge: sort"), sort, "ns/event");
    let cut = Cut {
        producer: Producer(0),
        epoch: Epoch(0),
        hlc: Hlc(1),
        bucket: Bucket(1),
    };
    let sorted = builder.sorted(BlockOrder::Shard);
    let mut packer = Packer::default();
    let mut blocks = Vec::new();
    let encode = cost(events, || {
        blocks.clear();
        let cuts = sorted.cuts(16_384);
        blocks.extend(
            cuts.into_iter()
                .map(|runs| sorted.encode(runs, cut, &mut packer).unwrap()),
        );
    });
    figure(&name("merge: encode"), encode, "ns/event");
    let bytes: usize = blocks.iter().map(Vec::len).sum();
    figure(&name("block"), bytes as f64 / events as f64, "bytes/event");
    blocks
}

fn read(name: &dyn Fn(&str) -> String, blocks: &[Vec<u8>], events: usize) {
    let mut digest = Digest::default();
    let opened = EventFrame::open(&blocks[0]).unwrap();
    for (column, stored, raw) in opened.sizes() {
        let rows = f64::from(opened.rows());
        figure(
            &format!("block: {column} (raw {:.2})", raw as f64 / rows),
            stored as f64 / rows,
            "bytes/event",
        );
    }
    let check = cost(events, || {
        for block in blocks {
            EventFrame::open(block)
                .unwrap()
                .digest_into(false, &mut digest)
                .unwrap();
        }
    });
    figure(&name("summary of blocks"), check, "ns/event");
    let traces = opened.traces().unwrap();
    let wanted: Vec<TraceId> = traces.iter().step_by(16).map(|rows| rows.trace).collect();
    let read = cost(wanted.len(), || {
        for trace in &wanted {
            assert_eq!(opened.trace(*trace).unwrap().len(), 20);
        }
    });
    figure(&name("read a trace of an open block"), read / 1e3, "us");
    let cold = cost(wanted.len(), || {
        for trace in &wanted {
            assert_eq!(
                EventFrame::open(&blocks[0]).unwrap().trace(*trace).unwrap().len(),
                20
            );
        }
    });
    figure(&name("open a block and read a trace"), cold / 1e3, "us");
}
