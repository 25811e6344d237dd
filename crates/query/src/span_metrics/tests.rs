//! Frames of real requests, counted.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use event::{KeyValue, Resource, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use wire::otlp::encode_traces;
use wire::spans::{Skim, SpanBuilder};

use super::{Connection, Settings, SpanMetrics};

mod exact;

const SECOND: u64 = 1_000_000_000;

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Value::String(value.to_owned()),
    }
}

fn span(trace: u128, id: u64, parent: u64, service: &str, kind: SpanKind) -> Span {
    Span {
        trace: TraceId(trace),
        id: SpanId(id),
        parent: SpanId(parent),
        trace_state: String::new(),
        flags: 0,
        name: format!("{service} does"),
        kind,
        start_ns: SECOND,
        end_ns: SECOND + id * 1_000_000,
        status: StatusCode::Unset,
        status_message: String::new(),
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        resource: Arc::new(Resource {
            attributes: vec![text("service.name", service), text("region", "eu")],
            ..Resource::default()
        }),
        scope: Arc::default(),
    }
}

fn frame(spans: &[Span]) -> SpanBuilder {
    let mut builder = SpanBuilder::new(3);
    let request = encode_traces(spans);
    assert!(Skim::new(&request).fill(&mut builder, usize::MAX).unwrap());
    builder
}

fn metrics(settings: Settings) -> SpanMetrics {
    SpanMetrics::new(settings, 5, 0)
}

/// Of each edge: requests, failed, unpaired, dropped, durations that are known of server and client.
fn edges(metrics: &SpanMetrics) -> BTreeMap<String, [u64; 6]> {
    let shown = |(ends, edge): (Option<(&str, &str, Connection)>, &super::Edge)| {
        let name = ends.map_or_else(
            || "overflow".to_owned(),
            |(client, server, connection)| format!("{client}>{server} {connection}"),
        );
        let counts = [
            edge.requests,
            edge.failed,
            edge.unpaired,
            edge.dropped,
            edge.server.total(),
            edge.client.total(),
        ];
        (name, counts)
    };
    metrics.calls().map(shown).collect()
}

/// Scenario: 40 spans of two services, names, kinds and states, in one frame and in two. Guarantee: a series each, with all calls,
/// the sum of their durations and their bytes; the same either way.
#[test]
fn spans_are_counted_by_what_they_are() {
    let mut spans: Vec<Span> = (1..=40)
        .map(|n| span(9, n, 0, if n % 2 == 0 { "a" } else { "b" }, SpanKind::Internal))
        .collect();
    spans[3].status = StatusCode::Error;
    spans[5].name = "else".to_owned();
    let sizes: usize = spans.iter().map(|span| encode_traces([span]).len()).sum();
    let count = |frames: &[&[Span]]| {
        let mut metrics = metrics(Settings {
            dimensions: vec!["region".to_owned()],
            ..Settings::default()
        });
        for spans in frames {
            metrics.take(&frame(spans), SECOND);
        }
        assert_eq!(
            metrics.span_labels(),
            ["service", "region", "span_name", "span_kind", "status_code"]
        );
        let all: BTreeMap<String, (u64, f64)> = metrics
            .spans()
            .map(|(labels, series)| {
                (
                    labels.join(" "),
                    (series.seconds.total(), series.seconds.sum_seconds()),
                )
            })
            .collect();
        let bytes: u64 = metrics.spans().map(|(_, series)| series.bytes).sum();
        assert!(bytes > 40 * 20 && bytes < sizes as u64);
        (all, bytes)
    };
    let whole = count(&[&spans]);
    assert_eq!(whole, count(&[&spans[..17], &spans[17..]]));
    let of = |name: &str| whole.0[&format!("{name} SPAN_KIND_INTERNAL STATUS_CODE_UNSET")];
    assert_eq!(whole.0.len(), 4);
    assert_eq!(of("b eu b does"), (20, 0.4));
    assert_eq!(of("a eu a does").0, 18);
    assert_eq!(of("a eu else").0, 1);
    assert_eq!(
        whole.0["a eu a does SPAN_KIND_INTERNAL STATUS_CODE_ERROR"],
        (1, 0.004)
    );
}

/// Scenario: a request through three services, a message to two, a database, a peer that sends no spans; all in one frame, and each
/// span in a frame of its own, forwards and backwards. Guarantee: the same edges, after the time that sides wait.
#[test]
fn calls_are_found_however_they_come() {
    let mut failing = span(1, 4, 3, "c", SpanKind::Server);
    failing.status = StatusCode::Error;
    let mut query = span(1, 5, 4, "c", SpanKind::Client);
    query.attributes = vec![text("db.system", "postgresql"), text("db.name", "orders")];
    let mut bank = span(1, 6, 4, "c", SpanKind::Client);
    bank.attributes = vec![text("peer.service", "bank")];
    let spans = [
        span(1, 1, 0, "a", SpanKind::Server),
        span(1, 2, 1, "a", SpanKind::Client),
        span(1, 3, 2, "b", SpanKind::Server),
        span(1, 3, 2, "b", SpanKind::Client),
        failing,
        query,
        bank,
        span(1, 7, 4, "c", SpanKind::Producer),
        span(1, 8, 7, "d", SpanKind::Consumer),
        span(1, 9, 7, "e", SpanKind::Consumer),
        span(2, 8, 7, "e", SpanKind::Server),
        span(2, 9, 8, "e", SpanKind::Client),
    ];
    let expected: BTreeMap<String, [u64; 6]> = [
        ("user>a virtual_node", [1, 0, 0, 0, 1, 0]),
        ("a>b ", [1, 0, 0, 0, 1, 1]),
        ("b>c ", [1, 1, 0, 0, 1, 1]),
        ("c>orders database", [1, 0, 0, 0, 1, 1]),
        ("c>bank virtual_node", [1, 0, 0, 0, 1, 1]),
        ("c>d messaging_system", [1, 0, 0, 0, 1, 1]),
        ("c>e messaging_system", [1, 0, 0, 0, 1, 1]),
        (">e ", [0, 0, 1, 0, 0, 0]),
        ("e> ", [0, 0, 1, 0, 0, 0]),
    ]
    .into_iter()
    .map(|(name, counts)| (name.to_owned(), counts))
    .collect();
    let forwards: Vec<&[Span]> = spans.chunks(1).collect();
    let backwards: Vec<&[Span]> = spans.chunks(1).rev().collect();
    for frames in [&[&spans[..]][..], &forwards, &backwards] {
        let mut metrics = metrics(Settings::default());
        for (n, spans) in (0..).zip(frames) {
            metrics.take(&frame(spans), SECOND + n);
        }
        metrics.expire(10 * SECOND);
        assert!(metrics.sizes().waiting > 0);
        metrics.expire(12 * SECOND);
        assert_eq!(metrics.sizes().waiting, 0);
        assert_eq!(edges(&metrics), expected);
    }
}

/// Scenario: more series, edges and waiting sides than there is room. Guarantee: what has none is counted all the same, in one series
/// or as dropped; the sum is what came.
#[test]
fn what_has_no_room_is_counted() {
    let mut metrics = metrics(Settings {
        series_max: 3,
        edges_max: 2,
        waiting_max: 4,
        ..Settings::default()
    });
    let spans: Vec<Span> = (1..=30)
        .map(|n| span(n, 1, 7, &format!("s{}", n % 10), SpanKind::Server))
        .collect();
    metrics.take(&frame(&spans), SECOND);
    metrics.expire(20 * SECOND);
    let total: u64 = metrics.spans().map(|(_, series)| series.seconds.total()).sum();
    assert_eq!((total, metrics.sizes().series), (30, 3));
    let overflow = metrics.spans().find(|(labels, _)| labels.is_empty()).unwrap();
    assert_eq!(overflow.1.seconds.total(), 21);
    let edges = edges(&metrics);
    assert_eq!(edges.len(), 3);
    let sum = |at: usize| edges.values().map(|counts| counts[at]).sum::<u64>();
    assert_eq!((sum(2), sum(3)), (4, 26));
}

/// Scenario: calls now and an hour later; then nothing for long. Guarantee: each is in its slice of time; the idle edge is forgotten.
#[test]
fn calls_of_a_time() {
    let mut metrics = metrics(Settings::default());
    let calls = [
        span(1, 1, 7, "a", SpanKind::Client),
        span(1, 2, 1, "b", SpanKind::Server),
    ];
    metrics.take(&frame(&calls), SECOND);
    metrics.take(&frame(&calls), 3_600 * SECOND);
    let within = |metrics: &SpanMetrics, start: u64, end: u64| -> u64 {
        let calls = metrics.calls();
        calls
            .map(|(_, edge)| edge.calls_within(start * SECOND, end * SECOND))
            .sum()
    };
    assert_eq!(within(&metrics, 0, 300), 1);
    assert_eq!(within(&metrics, 600, 3_600), 0);
    assert_eq!(within(&metrics, 0, 7_200), 2);
    metrics.expire(9_000 * SECOND);
    assert_eq!(metrics.calls().count(), 0);
    assert_eq!(metrics.spans().count(), 0);
}
