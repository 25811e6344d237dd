//! What taking, encoding, merging and reading spans costs, for `cargo xtask bench spans`: nanoseconds and bytes a span, on the
//! load that peers were measured with (traces of 20 spans over 3 services, 8 attributes, about 309 bytes a span as OTLP).
//! Prints one JSON object a figure.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "what it prints is its result; it is no part of the product"
)]

use std::time::Instant;

use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard, TraceId};
use wire::otlp::proto::{FIXED64, LENGTH, VARINT, Writer, key};
use wire::spans::{Cut, Packer, Skim, SpanBuilder, SpanFrame};

const REQUESTS: usize = 64;
const TRACES: usize = 50;
const SHARDS: u128 = 64;

fn length(number: u32) -> u32 {
    key(number, LENGTH)
}

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

fn text(w: &mut Writer, name: &str, value: &str) {
    w.message(length(9), |w| {
        w.bytes(length(1), name.as_bytes());
        w.message(length(2), |w| w.bytes_always(length(1), value.as_bytes()));
    });
}

fn number(w: &mut Writer, name: &str, value: u64) {
    w.message(length(9), |w| {
        w.bytes(length(1), name.as_bytes());
        w.message(length(2), |w| w.varint_always(key(3, VARINT), value));
    });
}

fn request(random: &mut Random, now: u64) -> Vec<u8> {
    let traces: Vec<(u128, u64)> = (0..TRACES)
        .map(|_| {
            let id = u128::from(random.next()) << 64 | u128::from(random.next());
            (id, now + random.below(20_000_000))
        })
        .collect();
    let mut spans: Vec<Vec<(u128, u64, u64, u64)>> = vec![Vec::new(); 3];
    for (trace, start) in &traces {
        let mut ids: Vec<u64> = Vec::new();
        for i in 0..20u64 {
            let id = random.next() | 1;
            let parent = if i == 0 { 0 } else { ids[random.below(i) as usize] };
            ids.push(id);
            spans[random.below(3) as usize].push((
                *trace,
                id,
                parent,
                start + i * 50_000 + random.below(50_000),
            ));
        }
    }
    let mut w = Writer::new();
    for (service, spans) in spans.iter().enumerate() {
        w.message(length(1), |w| {
            w.message(length(1), |w| {
                w.message(length(1), |w| {
                    w.bytes(length(1), b"service.name");
                    w.message(length(2), |w| {
                        w.bytes_always(length(1), format!("shop-{service}").as_bytes());
                    });
                });
            });
            w.message(length(2), |w| {
                w.message(length(1), |w| w.bytes(length(1), b"elixir_scope"));
                for (trace, id, parent, start) in spans {
                    let (one, other) = (random.below(500), random.below(500));
                    let skewed = one * other / 500;
                    w.message(length(2), |w| {
                        w.bytes(length(1), &trace.to_be_bytes());
                        w.bytes(length(2), &id.to_be_bytes());
                        if *parent != 0 {
                            w.bytes(length(4), &parent.to_be_bytes());
                        }
                        let mfa = format!("Shop.Module{}.function_{skewed}/2", skewed % 40);
                        w.bytes(length(5), mfa.as_bytes());
                        w.varint(key(6, VARINT), 1 + random.below(3));
                        let size = 10 + random.below(16);
                        let duration = random.below(1 << size);
                        w.fixed64(key(7, FIXED64), *start);
                        w.fixed64(key(8, FIXED64), start + duration);
                        text(w, "beam.node", &format!("shop@10.0.0.{service}"));
                        text(w, "beam.pid", &format!("<0.{}.0>", 100 + random.below(6000)));
                        text(w, "code.mfa", &mfa);
                        number(w, "ast.node", random.below(20_000));
                        text(
                            w,
                            "event.kind",
                            ["call", "return", "callback"][random.below(3) as usize],
                        );
                        number(w, "code.line", 1 + random.below(1000));
                        number(w, "duration.us", duration / 1000);
                        number(w, "arity", random.below(4));
                        w.message(length(15), |w| {
                            w.varint(key(3, VARINT), u64::from(random.below(50) == 0) * 2);
                        });
                    });
                }
            });
        });
    }
    w.into_bytes()
}

fn figure(name: &str, value: f64, unit: &str) {
    println!(r#"{{"name":"{name}","value":{value:.2},"unit":"{unit}","goal":null}}"#);
}

fn main() {
    let mut random = Random(7);
    let requests: Vec<Vec<u8>> = (0..REQUESTS)
        .map(|i| request(&mut random, 1_790_000_000_000_000_000 + i as u64 * 1_000_000))
        .collect();
    let bytes: usize = requests.iter().map(Vec::len).sum();
    let spans = (REQUESTS * TRACES * 20) as f64;
    figure("OTLP bytes a span", bytes as f64 / spans, "bytes");
    let cut = Cut {
        producer: Producer(1),
        epoch: Epoch(1),
        hlc: Hlc(1),
        bucket: Bucket(1),
    };
    let shard = |trace: TraceId| Shard((trace.0 % SHARDS) as u16);
    let mut packer = Packer::default();
    let mut builder = SpanBuilder::new(7);
    for per_frame in [1, 16] {
        let (mut skim, mut finish) = (0.0, 0.0);
        let mut frames = Vec::new();
        for round in 0..6 {
            frames.clear();
            for some in requests.chunks(per_frame) {
                builder.clear();
                let start = Instant::now();
                for request in some {
                    let done = Skim::new(request).fill(&mut builder, usize::MAX).unwrap();
                    assert!(done);
                }
                if round > 0 {
                    skim += start.elapsed().as_secs_f64();
                }
                let start = Instant::now();
                frames.push(builder.finish(cut, shard, |_| Seq(1), &mut packer).unwrap());
                if round > 0 {
                    finish += start.elapsed().as_secs_f64();
                }
            }
        }
        let name = |what: &str| format!("{what}, {} spans a frame", per_frame * TRACES * 20);
        figure(&name("skim"), skim * 1e9 / spans / 5.0, "ns/span");
        figure(&name("encode"), finish * 1e9 / spans / 5.0, "ns/span");
        let stored: usize = frames.iter().map(Vec::len).sum();
        figure(&name("frame"), stored as f64 / spans, "bytes/span");
        if per_frame == 16 {
            for (name, stored, _) in SpanFrame::open(&frames[0]).unwrap().sizes() {
                figure(&name, stored as f64 / 16_000.0, "bytes/span");
            }
        }
        let mut merged = SpanBuilder::new(9);
        let start = Instant::now();
        for frame in &frames {
            merged.append(&SpanFrame::open(frame).unwrap()).unwrap();
            if merged.len() >= 16_000 {
                merged.clear();
            }
        }
        figure(
            &name("append"),
            start.elapsed().as_secs_f64() * 1e9 / spans,
            "ns/span",
        );
        let opened = SpanFrame::open(&frames[0]).unwrap();
        let traces = opened.traces().unwrap();
        let start = Instant::now();
        let mut read = 0;
        for at in 0..traces.len().min(50) {
            read += opened.spans(&traces, at..at + 1).unwrap().len();
        }
        assert_eq!(read, 20 * traces.len().min(50));
        figure(
            &name("read a trace"),
            start.elapsed().as_secs_f64() * 1e6 / traces.len().min(50) as f64,
            "us",
        );
    }
}
