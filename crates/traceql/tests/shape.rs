//! The tree of a trace: numbers, orphans, cycles, size; structural operators against brute force.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use event::Span;
use proptest::prelude::*;
use support::{With, span};
use traceql::{Query, Trace};

/// (left, right, parent) of each span.
fn numbers(spans: &[Span]) -> Vec<(i64, i64, i64)> {
    let trace = Trace::new(spans);
    let shape = trace.shape();
    let places = 0..spans.len() as u32;
    places
        .map(|place| (shape.left(place), shape.right(place), shape.nested_parent(place)))
        .collect()
}

/// Scenario: a tree whose spans come in any order. Guarantee: numbered as a walk comes and leaves, children by start, the root's
/// parent -1.
#[test]
fn numbered() {
    let spans = [
        span(3, 1, "late child").starts(30),
        span(1, 0, "root").starts(10),
        span(4, 2, "grandchild").starts(40),
        span(2, 1, "early child").starts(20),
    ];
    assert_eq!(numbers(&spans), [(6, 7, 1), (1, 8, -1), (3, 4, 2), (2, 5, 1)]);
}

/// Scenario: spans whose parents are not there, and two roots. Guarantee: roots first, then orphans with parent 0, their children
/// below them.
#[test]
fn orphans() {
    let spans = [
        span(5, 99, "orphan").starts(1),
        span(6, 5, "below").starts(2),
        span(1, 0, "root").starts(9),
        span(2, 0, "second root").starts(10),
    ];
    assert_eq!(numbers(&spans), [(5, 8, 0), (6, 7, 5), (1, 2, -1), (3, 4, -1)]);
}

/// Scenario: spans that are above one another, and one that is its own parent. Guarantee: every span is numbered once; the cycle is cut at its
/// first span.
#[test]
fn cycles() {
    let spans = [
        span(1, 3, "a").starts(30),
        span(2, 1, "b").starts(20),
        span(3, 2, "c").starts(10),
        span(4, 1, "below").starts(5),
        span(7, 7, "own parent").starts(1),
    ];
    let trace = Trace::new(&spans);
    let shape = trace.shape();
    assert_eq!(
        numbers(&spans),
        [(4, 9, 3), (7, 8, 4), (3, 10, 0), (5, 6, 4), (1, 2, 0)]
    );
    assert_eq!((shape.parent(2), shape.parent(4)), (None, None));
    assert_eq!((shape.child_count(1), shape.child_count(0)), (0, 2));
}

/// Scenario: two spans with one id, as some clients and servers share it. Guarantee: children hang below the first; both are there.
#[test]
fn shared_ids() {
    let spans = [span(1, 0, "client"), span(1, 0, "server"), span(2, 1, "child")];
    assert_eq!(numbers(&spans), [(1, 4, -1), (5, 6, -1), (2, 3, 1)]);
}

/// Scenario: a chain and a star of 100,000 spans. Guarantee: numbers and operators without recursion.
#[test]
fn large() {
    let count = 100_000;
    let chain: Vec<Span> = (1..=count).map(|id| span(id, id - 1, "x")).collect();
    let trace = Trace::new(&chain);
    assert_eq!(trace.shape().right(0), 2 * count as i64);
    let found = |query: &str, trace: &Trace<'_>| Query::new(query).unwrap().search(trace)[0].spans.len();
    assert_eq!(found("{ nestedSetParent < 0 } >> { }", &trace), 99_999);
    assert_eq!(found("{ childCount = 0 } << { }", &trace), 99_999);
    let star: Vec<Span> = (1..=count).map(|id| span(id, u64::from(id > 1), "x")).collect();
    assert_eq!(found("{ } ~ { }", &Trace::new(&star)), 99_999);
}

/// Spans whose parents are any ids: trees, orphans, cycles, shared ids.
fn random_spans() -> impl Strategy<Value = Vec<Span>> {
    let one = (1_u64..9, 0_u64..10, 0_i64..3, 0_u64..5);
    prop::collection::vec(one, 0..9).prop_map(|of| {
        let spans = of
            .into_iter()
            .map(|(id, parent, mark, start)| span(id, parent, "x").attr("m", mark).starts(start * 10));
        spans.collect()
    })
}

/// Whether span `b` lies to span `a` as the operator says, by parent links alone.
fn lies(relation: &str, trace: &Trace<'_>, a: u32, b: u32) -> bool {
    let parent = |place: u32| trace.shape().parent(place);
    let above = |low: u32, high: u32| {
        let mut place = parent(low);
        while let Some(here) = place {
            if here == high {
                return true;
            }
            place = parent(here);
        }
        false
    };
    match relation {
        ">" => parent(b) == Some(a),
        "<" => parent(a) == Some(b),
        ">>" => above(b, a),
        "<<" => above(a, b),
        "~" => a != b && parent(a).is_some() && parent(a) == parent(b),
        _ => unreachable!("{relation}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Scenario: any spans, any structural operator. Guarantee: the same as asking each pair.
    #[test]
    fn structure_is_brute_force(
        spans in random_spans(),
        left in 0_i64..3,
        right in 0_i64..3,
        relation in prop::sample::select(&[">", "<", ">>", "<<", "~"][..]),
        form in prop::sample::select(&["", "!", "&"][..]),
    ) {
        let trace = Trace::new(&spans);
        let of = |mark: i64| -> Vec<u32> {
            let places = 0..spans.len() as u32;
            places.filter(|place| spans[*place as usize].attributes[0].value == mark.into()).collect()
        };
        let (lefts, rights) = (of(left), of(right));
        let so = |b: u32| lefts.iter().any(|a| lies(relation, &trace, *a, b));
        let mut expected: Vec<u32> = rights.iter().copied().filter(|b| so(*b) != (form == "!")).collect();
        if form == "&" {
            expected.extend(lefts.iter().filter(|a| rights.iter().any(|b| lies(relation, &trace, **a, *b))));
            expected.sort_unstable();
            expected.dedup();
        }
        let query = format!("{{ span.m = {left} }} {form}{relation} {{ span.m = {right} }}");
        let found = Query::new(&query).unwrap().search(&trace);
        let found = found.first().map(|set| set.spans.clone()).unwrap_or_default();
        prop_assert_eq!(found, expected, "{}", query);
    }

    /// Scenario: any spans. Guarantee: numbers nest exactly as parents do, each is given once, and the parent links have no cycle.
    #[test]
    fn numbers_nest(spans in random_spans()) {
        let trace = Trace::new(&spans);
        let shape = trace.shape();
        let mut all: Vec<i64> = Vec::new();
        for a in 0..spans.len() as u32 {
            all.extend([shape.left(a), shape.right(a)]);
            let mut steps = 0;
            let mut place = shape.parent(a);
            while let Some(here) = place {
                steps += 1;
                prop_assert!(steps <= spans.len());
                place = shape.parent(here);
            }
            for b in 0..spans.len() as u32 {
                let within = shape.left(a) < shape.left(b) && shape.right(b) < shape.right(a);
                prop_assert_eq!(within, lies(">>", &trace, a, b));
            }
            let children = (0..spans.len() as u32).filter(|b| shape.parent(*b) == Some(a)).count();
            prop_assert_eq!(shape.child_count(a) as usize, children);
        }
        all.sort_unstable();
        let expected: Vec<i64> = (1..=2 * spans.len() as i64).collect();
        prop_assert_eq!(all, expected);
    }
}
