//! Tests of the templates: what they make is what peers were measured with. The tests decode with `decode.rs`, which is
//! not the encoder turned round; `tests/strict.rs` does it with OpenTelemetry's own definitions.

use std::collections::HashSet;

use event::{SpanId, SpanKind, Value, value_of};

use super::*;
use crate::otlp::decode::traces_data;

const BASE: u64 = 1_790_000_000_000_000_000;

fn made(part: Part, number: u64) -> (Template, Vec<u8>) {
    let template = Template::new(&Functions::new(), 50, part, 3);
    let mut body = template.body.clone();
    template.write(&mut body, 42, number * 50, BASE);
    (template, body)
}

/// Scenario: a request of 50 traces. Guarantee: 1,000 spans of 309 bytes each, to within a byte, over all templates.
#[test]
fn a_span_has_309_bytes() {
    let functions = Functions::new();
    let (mut bytes, mut spans) = (0, 0);
    for seed in 0..8 {
        let template = Template::new(&functions, 50, Part::Whole, seed);
        assert_eq!(template.spans(), 1_000);
        bytes += template.body.len();
        spans += template.spans();
    }
    let each = bytes as f64 / spans as f64;
    assert!((308.0..310.0).contains(&each), "{each}");
}

/// Scenario: a request. Guarantee: 50 traces of 20 spans over 3 services; each span has 8 attributes, a parent in its
/// trace (but the root), and values within their ranges.
#[test]
fn a_request_holds_whole_traces() {
    let spans = traces_data(&made(Part::Whole, 0).1).unwrap();
    assert_eq!(spans.len(), 1_000);
    let ids: HashSet<_> = spans.iter().map(|s| (s.trace, s.id)).collect();
    assert_eq!(ids.len(), 1_000);
    let traces: HashSet<_> = spans.iter().map(|s| s.trace).collect();
    assert_eq!(traces.len(), 50);
    for span in &spans {
        assert_eq!(span.attributes.len(), 8);
        if span.parent == SpanId(0) {
            assert_eq!(
                (span.kind, span.resource.service()),
                (SpanKind::Server, "shop-web")
            );
        } else {
            assert!(ids.contains(&(span.trace, span.parent)));
        }
        let int = |key| match value_of(&span.attributes, key) {
            Some(Value::Int(n)) => n.cast_unsigned(),
            other => panic!("{key}: {other:?}"),
        };
        assert_eq!(span.end_ns - span.start_ns, int("duration_us") * 1_000);
        assert!((16_384..=81_919).contains(&int("duration_us")));
        assert!((16_384..=32_767).contains(&int("ast.node_id")));
        assert!((128..=1_151).contains(&int("code.line")));
        assert!(span.start_ns.abs_diff(BASE) < 1 << 25);
        let pid = value_of(&span.attributes, "beam.pid")
            .and_then(Value::as_str)
            .unwrap();
        let number: u64 = pid[3..8].parse().unwrap();
        assert!((10_000..16_000).contains(&number) && &pid[..3] == "<0." && &pid[8..] == ".0>");
    }
    let services: HashSet<_> = spans.iter().map(|s| s.resource.service().to_owned()).collect();
    assert_eq!(services.len(), 3);
}

/// Scenario: the same template, sent twice. Guarantee: nothing that is random is repeated; names are.
#[test]
fn each_send_is_another() {
    let template = Template::new(&Functions::new(), 50, Part::Whole, 3);
    let mut body = template.body.clone();
    template.write(&mut body, 42, 0, BASE);
    let first = traces_data(&body).unwrap();
    template.write(&mut body, 42, 50, BASE + 1_000_000);
    let second = traces_data(&body).unwrap();
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a.name, b.name);
        assert!(a.trace != b.trace && a.id != b.id && a.start_ns != b.start_ns);
    }
}

/// Scenario: the three parts of a spread batch. Guarantee: together they are the traces, each span once.
#[test]
fn parts_make_a_whole() {
    let mut spans = Vec::new();
    for service in 0..3 {
        spans.extend(traces_data(&made(Part::Service(service), 0).1).unwrap());
    }
    let ids = |spans: &[event::Span]| {
        spans
            .iter()
            .map(|s| (s.trace, s.id, s.parent, s.start_ns))
            .collect::<HashSet<_>>()
    };
    let whole = traces_data(&made(Part::Whole, 0).1).unwrap();
    assert_eq!(ids(&spans), ids(&whole));
    assert_eq!(spans.len(), whole.len());
}

/// Scenario: eight requests, compressed by zstd 19. Guarantee: at least 18 bytes a span remain: the load is not made of repeats.
#[test]
fn a_span_keeps_its_entropy() {
    let template = Template::new(&Functions::new(), 50, Part::Whole, 3);
    let mut body = template.body.clone();
    let mut all = Vec::new();
    for number in 0..8 {
        template.write(&mut body, 42, number * 50, BASE + number * 1_000_000);
        all.extend_from_slice(&body);
    }
    let each = zstd::bulk::compress(&all, 19).unwrap().len() as f64 / 8_000.0;
    assert!((18.0..50.0).contains(&each), "{each}");
}
