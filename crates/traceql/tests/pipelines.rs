//! What selections and stages mean, one rule a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use event::{Span, StatusCode, Value};
use support::{With, attribute, span};
use traceql::{Query, SpanSet, Trace};

fn sets(query: &str, spans: &[Span]) -> Vec<SpanSet> {
    let query = Query::new(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    query.search(&Trace::new(spans))
}

/// Ids by set.
fn ids(query: &str, spans: &[Span]) -> Vec<Vec<u64>> {
    let of = |set: &SpanSet| {
        set.spans
            .iter()
            .map(|place| spans[*place as usize].id.0)
            .collect()
    };
    sets(query, spans).iter().map(of).collect()
}

fn check(spans: &[Span], of: &[(&str, &[&[u64]])]) {
    for (query, expected) in of {
        assert_eq!(ids(query, spans), *expected, "{query}");
    }
}

/// ```text
/// 1 root a
///   2 b
///     4 c (error)
///     5 b
///   3 c
/// ```
fn tree() -> Vec<Span> {
    vec![
        span(1, 0, "a").of("front"),
        span(2, 1, "b").attr("n", 2),
        span(3, 1, "c").attr("n", 3),
        span(4, 2, "c").status(StatusCode::Error).attr("n", 4),
        span(5, 2, "b").of("back"),
    ]
}

/// Scenario: selections joined by `&&` and `||`. Guarantee: `&&` gives all of both if both found something, `||` all of both.
#[test]
fn joined() {
    check(
        &tree(),
        &[
            ("{ name = \"a\" } && { name = \"c\" }", &[&[1, 3, 4]]),
            ("{ name = \"a\" } && { name = \"x\" }", &[]),
            ("{ name = \"a\" } || { name = \"x\" }", &[&[1]]),
        ],
    );
}

/// Scenario: structural operators over a small tree. Guarantee: they give spans of the right side, as documented; negated ones those
/// that lie so to none; union ones those of both sides.
#[test]
fn structure() {
    check(
        &tree(),
        &[
            ("{ name = \"a\" } > { }", &[&[2, 3]]),
            ("{ name = \"a\" } >> { name = \"c\" }", &[&[3, 4]]),
            ("{ name = \"c\" } < { }", &[&[1, 2]]),
            ("{ status = error } << { }", &[&[1, 2]]),
            ("{ name = \"c\" } ~ { name = \"b\" }", &[&[2, 5]]),
            ("{ name = \"c\" } ~ { name = \"c\" }", &[]),
            ("{ } !> { }", &[&[1]]),
            ("{ } !< { }", &[&[3, 4, 5]]),
            ("{ name = \"b\" } !>> { }", &[&[1, 2, 3]]),
            ("{ status = error } !<< { }", &[&[3, 4, 5]]),
            ("{ name = \"c\" } !~ { }", &[&[1, 3, 4]]),
            ("{ name = \"x\" } !> { name = \"c\" }", &[&[3, 4]]),
            ("{ name = \"a\" } &> { name = \"c\" }", &[&[1, 3]]),
            ("{ name = \"a\" } &>> { name = \"c\" }", &[&[1, 3, 4]]),
            ("{ name = \"c\" } &< { name = \"b\" }", &[&[2, 4]]),
            ("{ name = \"c\" } &<< { name = \"a\" }", &[&[1, 3, 4]]),
            ("{ name = \"c\" } &~ { name = \"b\" }", &[&[2, 3, 4, 5]]),
            ("{ name = \"x\" } &>> { name = \"c\" }", &[]),
            ("{ name = \"a\" } > { name = \"b\" } > { name = \"c\" }", &[&[4]]),
            ("{ } && { name = \"a\" } > { name = \"c\" }", &[&[1, 2, 3, 4, 5]]),
        ],
    );
}

/// Scenario: aggregates over the spans of a trace. Guarantee: spans without a number do not count; of none nothing holds; the
/// set says the numbers.
#[test]
fn aggregates() {
    let spans = tree();
    check(
        &spans,
        &[
            ("{ name = \"c\" } | count() > 1", &[&[3, 4]]),
            ("{ name = \"c\" } | count() > 2", &[]),
            ("{ } | sum(span.n) = 9", &[&[1, 2, 3, 4, 5]]),
            ("{ } | avg(span.n) = 3", &[&[1, 2, 3, 4, 5]]),
            ("{ } | min(span.n) = 2 | max(span.n) = 4", &[&[1, 2, 3, 4, 5]]),
            ("{ } | max(span.n) - min(span.n) >= 2", &[&[1, 2, 3, 4, 5]]),
            ("{ } | 2 * count() = 10", &[&[1, 2, 3, 4, 5]]),
            ("{ } | avg(span.none) != 0", &[]),
            ("{ } | sum(duration) = 5ms", &[&[1, 2, 3, 4, 5]]),
            ("{ } | avg(duration) = 1ms", &[&[1, 2, 3, 4, 5]]),
            ("count() = 5", &[&[1, 2, 3, 4, 5]]),
            (
                "({ name = \"c\" } | count() > 1) && { name = \"a\" }",
                &[&[1, 3, 4]],
            ),
            ("({ name = \"c\" } | count() > 2) && { name = \"a\" }", &[]),
        ],
    );
    let found = sets("{ } | avg(duration) < 1.5s | count() > 2", &spans);
    let expected = [
        ("avg(duration)".to_owned(), Value::from("1ms")),
        ("count()".to_owned(), Value::from(5)),
    ];
    assert_eq!(found[0].attributes, expected);
}

/// Scenario: spans split by a value and joined again. Guarantee: a set for each value, absent ones too, in the order of values; later
/// stages see each set alone.
#[test]
fn groups() {
    let spans = tree();
    check(
        &spans,
        &[
            ("{ } | by(name)", &[&[1], &[2, 5], &[3, 4]]),
            ("{ } | by(resource.service.name)", &[&[5], &[1], &[2, 3, 4]]),
            ("{ } | by(name) | count() > 1", &[&[2, 5], &[3, 4]]),
            ("{ } | by(span.n)", &[&[1, 5], &[2], &[3], &[4]]),
            ("{ } | by(name) | count() > 1 | coalesce()", &[&[2, 3, 4, 5]]),
            ("{ } | by(name) | { status = error }", &[&[4]]),
            (
                "{ } | by(name) | by(resource.service.name)",
                &[&[1], &[5], &[2], &[3, 4]],
            ),
            ("{ } | by(span.n > 2)", &[&[1, 2, 5], &[3, 4]]),
        ],
    );
    let found = sets("{ } | by(name) | count() > 1", &spans);
    assert_eq!(found[0].attributes[0], ("by(name)".to_owned(), "b".into()));
    assert_eq!(found[0].attributes[1], ("count()".to_owned(), 2.into()));
}

/// Scenario: a selection after a selection. Guarantee: it narrows what the first found.
#[test]
fn narrowed() {
    check(
        &tree(),
        &[
            ("{ name = \"c\" } | { span.n > 3 }", &[&[4]]),
            ("{ name = \"c\" } | { name = \"a\" }", &[]),
            ("{ span.n > 2 } | { } > { }", &[]),
        ],
    );
}

/// Scenario: what comes back with a span. Guarantee: fields of conditions and of `select`, by their keys, without those that each span
/// of an answer has, and without absent ones.
#[test]
fn selected() {
    let mut spans = tree();
    spans[3] = spans[3]
        .clone()
        .event("exception", 10, vec![attribute("type", "E")]);
    let trace = Trace::new(&spans);
    let of = |query: &str, place: u32| {
        let attributes = Query::new(query).unwrap().attributes(&trace, place);
        let texts = attributes.iter().map(|a| format!("{}={:?}", a.key, a.value));
        texts.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        of("{ status = error && duration > 1ms }", 3),
        "status=String(\"error\")"
    );
    assert_eq!(
        of(
            "{ .n > 1 } | select(name, kind, resource.service.name, span.gone, event.type)",
            3
        ),
        "n=Int(4) kind=String(\"internal\") service.name=String(\"svc\") type=String(\"E\")"
    );
    assert_eq!(
        of(
            "({nestedSetParent<0} &>> {status=error}) | select(status, nestedSetParent, nestedSetLeft, nestedSetRight)",
            3
        ),
        "nestedSetParent=Int(2) status=String(\"error\") nestedSetLeft=Int(3) nestedSetRight=Int(4)"
    );
    assert_eq!(
        of("{ rootName = \"a\" } | select(traceDuration)", 0),
        "traceDuration=String(\"1004us\")"
    );
}
