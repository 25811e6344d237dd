//! What counting a span costs: `cargo run -p query --example bench_span_metrics`. Frames of 8,000 spans, 20 in a trace, three services,
//! 300 names, as the load test sends them; the traces whole, and each in three frames.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program for the terminal"
)]

use std::sync::Arc;
use std::time::Instant;

use event::{KeyValue, Resource, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use query::span_metrics::{Settings, SpanMetrics};
use wire::otlp::encode_traces;
use wire::spans::{Skim, SpanBuilder};

const SPANS: u64 = 8_000;
const ROUNDS: u64 = 200;

/// A number that looks random.
fn mixed(n: u64) -> u64 {
    let n = (n ^ n >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (n ^ n >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ n >> 32
}

fn span(frame: u64, n: u64, calls: bool) -> Span {
    let (trace, place) = ((frame * SPANS + n) / 20, n % 20);
    let service = ["shop", "pay", "stock"]
        .get((mixed(n) % 3) as usize)
        .copied()
        .unwrap_or_default();
    let text = |key: &str, value: String| KeyValue {
        key: key.to_owned(),
        value: Value::String(value),
    };
    let kind = match (place, place % 2, calls) {
        (0, _, _) => SpanKind::Server,
        (_, 1, _) => SpanKind::Client,
        (_, _, true) => SpanKind::Server,
        (_, _, false) => SpanKind::Internal,
    };
    Span {
        trace: TraceId(u128::from(mixed(trace)) << 64 | u128::from(mixed(trace + 1))),
        id: SpanId(mixed(trace * 20 + place) | 1),
        parent: SpanId(if place == 0 {
            0
        } else {
            mixed(trace * 20 + place - 1) | 1
        }),
        trace_state: String::new(),
        flags: 0,
        name: format!("function {}", mixed(n + frame) % 300),
        kind,
        start_ns: 1_000_000_000,
        end_ns: 1_000_000_000 + (1 << (10 + mixed(n) % 14)) + mixed(n) % 1_000,
        status: if mixed(n).is_multiple_of(50) {
            StatusCode::Error
        } else {
            StatusCode::Ok
        },
        status_message: String::new(),
        attributes: vec![
            text("pid", n.to_string()),
            text("code.mfa", (n % 300).to_string()),
        ],
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        resource: Arc::new(Resource {
            attributes: vec![text("service.name", service.to_owned())],
            ..Resource::default()
        }),
        scope: Arc::default(),
    }
}

fn frame(spans: &[Span]) -> SpanBuilder {
    let mut builder = SpanBuilder::new(1);
    let request = encode_traces(spans);
    Skim::new(&request)
        .fill(&mut builder, usize::MAX)
        .expect("our own encoding");
    builder
}

fn measure(name: &str, frames: &[SpanBuilder]) {
    let mut metrics = SpanMetrics::new(Settings::default(), 7, 0);
    let spans: u64 = frames.iter().map(|frame| frame.len() as u64).sum();
    let (mut spent, mut now) = (0, 0u64);
    for _ in 0..ROUNDS / frames.len() as u64 {
        for frame in frames {
            // At 400,000 spans a second.
            now += frame.len() as u64 * 2_500;
            let began = Instant::now();
            metrics.take(frame, now);
            spent += began.elapsed().as_nanos() as u64;
        }
    }
    let counted = ROUNDS / frames.len() as u64 * spans;
    println!(
        "{name}: {:.1} ns a span; {:?}",
        spent as f64 / counted as f64,
        metrics.sizes()
    );
}

fn main() {
    for (name, calls) in [
        ("clients that nobody answers", false),
        ("every second span calls the next", true),
    ] {
        let all: Vec<Span> = (0..4)
            .flat_map(|at| (0..SPANS).map(move |n| span(at, n, calls)))
            .collect();
        let whole: Vec<SpanBuilder> = all.chunks(SPANS as usize).map(frame).collect();
        measure(&format!("{name}, traces whole"), &whole);
        let part = |of: usize| -> Vec<Span> {
            let spans = all.iter().enumerate().filter(|(n, _)| n % 3 == of);
            spans.map(|(_, span)| span.clone()).collect()
        };
        let spread: Vec<SpanBuilder> = (0..3).map(|of| frame(&part(of))).collect();
        measure(&format!("{name}, traces in three frames"), &spread);
    }
}
