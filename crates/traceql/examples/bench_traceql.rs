//! What a query costs for each span: `cargo run -p traceql --example bench_traceql`. Traces of 20 spans, 8 attributes, 3
//! services; the best of five runs, on one core.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench prints"
)]

use std::sync::Arc;
use std::time::Instant;

use event::{KeyValue, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use traceql::metrics::{Limits, Partial, Range};
use traceql::{Query, Trace};

const TRACES: u64 = 5_000;
const SPANS: u64 = 20;

fn attribute(key: &str, value: impl Into<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.into(),
    }
}

fn trace(number: u64, resources: &[Arc<Resource>; 3], scope: &Arc<Scope>) -> Vec<Span> {
    let spans = (1..=SPANS).map(|id| {
        let start_ns = 1_700_000_000_000_000_000 + number * 1_000_000 + id * 1_000;
        Span {
            trace: TraceId(u128::from(number) + 1),
            id: SpanId(id),
            parent: SpanId(id / 2),
            flags: 1,
            name: format!("operation-{}", id % 7),
            kind: SpanKind::ALL[id as usize % 6],
            start_ns,
            end_ns: start_ns + (number * 31 + id * 977) % 3_000_000,
            status: if (number + id).is_multiple_of(50) {
                StatusCode::Error
            } else {
                StatusCode::Unset
            },
            attributes: vec![
                attribute("http.request.method", "GET"),
                attribute("http.route", "/api/orders/{id}"),
                attribute("http.response.status_code", 200 + (number % 4) as i64 * 100),
                attribute("server.address", "orders.internal"),
                attribute("server.port", 8_080),
                attribute("user.id", (number % 1_000) as i64),
                attribute("cache.hit", id.is_multiple_of(3)),
                attribute("retry.delay", id as f64 / 7.0),
            ],
            resource: Arc::clone(&resources[id as usize % 3]),
            scope: Arc::clone(scope),
            ..Span::blank()
        }
    });
    spans.collect()
}

fn best(mut run: impl FnMut() -> usize) -> (f64, usize) {
    let mut best = f64::MAX;
    let mut found = 0;
    for _ in 0..5 {
        let started = Instant::now();
        found = run();
        best = best.min(started.elapsed().as_secs_f64());
    }
    (best * 1e9 / (TRACES * SPANS) as f64, found)
}

fn main() {
    let resources = ["shop", "cart", "stock"].map(|name| {
        Arc::new(Resource {
            attributes: vec![attribute("host.name", "node-1"), attribute("service.name", name)],
            ..Resource::default()
        })
    });
    let scope = Arc::new(Scope::default());
    let traces: Vec<Vec<Span>> = (0..TRACES)
        .map(|number| trace(number, &resources, &scope))
        .collect();
    println!("{:>9}  {:>8}  query", "ns/span", "found");
    for text in [
        "{ }",
        "{ status = error }",
        "{ duration > 2ms }",
        "{ span.http.response.status_code >= 500 }",
        "{ resource.service.name = \"cart\" && span.user.id = 7 }",
        "{ span.http.route =~ \"/api/.*\" }",
        "{ .retry.delay * 2 > 5 }",
        "{ nestedSetParent < 0 }",
        "{ nestedSetParent < 0 } >> { status = error }",
        "{ kind = server } &>> { kind = client }",
        "{ } | by(resource.service.name) | avg(duration) > 1ms",
    ] {
        let query = Query::new(text).unwrap();
        let (ns, found) = best(|| {
            let sets = traces.iter().flat_map(|spans| query.search(&Trace::new(spans)));
            sets.map(|set| set.spans.len()).sum()
        });
        println!("{ns:>9.1}  {found:>8}  {text}");
    }
    let start = 1_700_000_000_000_000_000;
    let range = Range::steps(start, start + 6_000_000_000, 1_000_000_000).unwrap();
    for text in [
        "{ } | rate()",
        "{ } | rate() by (resource.service.name)",
        "{ } | quantile_over_time(duration, .99) by (name)",
        "{ } | histogram_over_time(duration)",
        "{ } | compare({ status = error })",
    ] {
        let query = Query::new(text).unwrap();
        let evaluator = query.metrics(range, Limits::default()).unwrap();
        let (ns, found) = best(|| {
            let mut partial = Partial::default();
            for spans in &traces {
                evaluator.observe(&mut partial, &Trace::new(spans));
            }
            evaluator.finish(&partial).series.len()
        });
        println!("{ns:>9.1}  {found:>8}  {text}");
    }
}
