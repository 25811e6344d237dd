//! A query of any text: a tree or an error at a place in it. A tree is shown as text with the same tree; asked of a trace it
//! finds spans that are there, and if it finds any, the conditions for an index hold; time series have their bounds.

#![no_main]

use std::sync::Arc;

use event::{
    KeyValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId, Value,
};
use fuzz::{heap, seeds};
use traceql::metrics::{Limits, Partial, Range};
use traceql::{Query, Trace, parse};

/// Heap that a byte of a query may take: a token with its place, then a node of the tree.
const HEAP_TIMES: usize = 512;

fn attribute(key: &str, value: impl Into<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.into(),
    }
}

/// Spans with one of everything: a root, children, an orphan, a cycle.
fn spans() -> Vec<Span> {
    let resource = Arc::new(Resource {
        attributes: vec![attribute("service.name", "shop")],
        ..Resource::default()
    });
    let parents = [0, 1, 1, 2, 99, 7, 6];
    let spans = parents.iter().zip(1_u64..).map(|(parent, id)| Span {
        trace: TraceId(1),
        id: SpanId(id),
        parent: SpanId(*parent),
        name: format!("GET /{id}"),
        kind: SpanKind::ALL[id as usize % SpanKind::ALL.len()],
        start_ns: id * 1_000,
        end_ns: id * 1_000_000,
        status: StatusCode::ALL[id as usize % StatusCode::ALL.len()],
        attributes: vec![
            attribute("a", id as i64),
            attribute("b", id as f64 / 3.0),
            attribute("foo", "bar"),
            attribute("x", Value::Array(vec!["a".into(), 1.into()])),
        ],
        events: vec![SpanEvent {
            time_ns: id,
            name: "exception".to_owned(),
            attributes: vec![attribute("exception.message", "no")],
            dropped_attributes: 0,
        }],
        links: vec![SpanLink::default()],
        resource: Arc::clone(&resource),
        scope: Arc::new(Scope::default()),
        ..Span::blank()
    });
    spans.collect()
}

fn corpus() -> impl Iterator<Item = Vec<u8>> {
    let valid = include_str!("../../crates/traceql/tests/corpus/valid.txt").lines();
    let valid = valid.filter_map(|line| line.split("    => ").next());
    let invalid = include_str!("../../crates/traceql/tests/corpus/invalid.txt").lines();
    let invalid = invalid.filter_map(|line| line.splitn(3, " | ").nth(2));
    valid.chain(invalid).map(|query| query.as_bytes().to_vec())
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(corpus()), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // A regular expression compiles to 1 MiB at most, twice.
    let regexes = text.matches('~').count();
    let ast = match heap::within(data.len() + regexes * (32 << 10), HEAP_TIMES, || parse(text)) {
        Ok(ast) => ast,
        Err(error) => {
            assert!(text.is_char_boundary(error.offset));
            return;
        }
    };
    assert_eq!(parse(&ast.to_string()).as_ref(), Ok(&ast));
    let query = Query::of(ast);
    let spans = spans();
    let trace = Trace::new(&spans);
    let sets = query.search(&trace);
    for set in &sets {
        assert!(!set.spans.is_empty());
        assert!(set.spans.is_sorted());
        for place in &set.spans {
            assert!(trace.span(*place).is_some());
            query.attributes(&trace, *place);
        }
    }
    assert!(sets.is_empty() || query.conditions().holds(&trace));
    let range = Range::steps(0, 8_000, 1_000).expect("a range");
    if let Some(evaluator) = query.metrics(range, Limits::default()) {
        let mut partial = Partial::default();
        evaluator.observe(&mut partial, &trace);
        let answer = evaluator.finish(&partial);
        assert!(answer.series.iter().all(|series| series.samples.len() <= 8));
    }
});
