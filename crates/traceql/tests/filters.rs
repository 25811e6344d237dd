//! What conditions mean, one rule a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use event::{Span, SpanKind, StatusCode, Value};
use support::{With, attribute, span};
use traceql::{Query, Trace};

/// Ids of the spans that a query finds, in the order of the trace.
fn ids(query: &str, spans: &[Span]) -> Vec<u64> {
    let query = Query::new(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let trace = Trace::new(spans);
    let sets = query.search(&trace);
    let places = sets.iter().flat_map(|set| set.spans.iter());
    places.map(|place| spans[*place as usize].id.0).collect()
}

/// Checks many queries over the same spans.
fn check(spans: &[Span], of: &[(&str, &[u64])]) {
    for (query, expected) in of {
        assert_eq!(ids(query, spans), *expected, "{query}");
    }
}

/// Scenario: attributes of each type beside literals of each type. Guarantee: numbers compare with numbers, whole or not;
/// text with text, in byte order; what differs in type matches neither `=` nor `!=`.
#[test]
fn types() {
    let spans = [
        span(1, 0, "int").attr("x", 5),
        span(2, 1, "float").attr("x", 5.0),
        span(3, 1, "text").attr("x", "5"),
        span(4, 1, "bool").attr("x", true),
        span(5, 1, "none"),
        span(6, 1, "fraction").attr("x", 5.5),
        span(7, 1, "nan").attr("x", f64::NAN),
    ];
    check(
        &spans,
        &[
            ("{ span.x = 5 }", &[1, 2]),
            ("{ span.x = 5.0 }", &[1, 2]),
            ("{ span.x != 5 }", &[6]),
            ("{ span.x > 5 }", &[6]),
            ("{ span.x >= 5 }", &[1, 2, 6]),
            ("{ span.x < 5.5 }", &[1, 2]),
            ("{ span.x <= 5.5 }", &[1, 2, 6]),
            ("{ 5 < span.x }", &[6]),
            ("{ span.x = \"5\" }", &[3]),
            ("{ span.x != \"6\" }", &[3]),
            ("{ span.x >= \"400\" }", &[3]),
            ("{ span.x < \"400\" }", &[]),
            ("{ span.x = true }", &[4]),
            ("{ span.x != false }", &[4]),
            ("{ span.x = 5ns }", &[1, 2]),
            ("{ span.x =~ \"5\" }", &[3]),
            ("{ span.x !~ \"6\" }", &[3]),
        ],
    );
}

/// Scenario: whole numbers that a float cannot hold. Guarantee: they are compared exactly.
#[test]
fn large_numbers() {
    let spans = [
        span(1, 0, "a").attr("x", 9_007_199_254_740_993),
        span(2, 0, "b").attr("x", i64::MAX),
        span(3, 0, "c").attr("x", i64::MIN),
    ];
    check(
        &spans,
        &[
            ("{ span.x = 9007199254740993.0 }", &[]),
            ("{ span.x > 9007199254740992.0 && span.x < 1e18 }", &[1]),
            ("{ span.x < 9223372036854775808.0 }", &[1, 2, 3]),
            ("{ span.x = maxInt }", &[2]),
            ("{ span.x = minInt }", &[3]),
            ("{ span.x >= -9223372036854775808.0 }", &[1, 2, 3]),
            ("{ span.x > 1e300 }", &[]),
            ("{ span.x > -1e300 }", &[1, 2, 3]),
        ],
    );
}

/// Scenario: an attribute that some spans lack or have empty. Guarantee: no comparison matches there, `= nil` does; a negated
/// comparison does, as the comparison is false.
#[test]
fn absent() {
    let spans = [
        span(1, 0, "there").attr("x", "a"),
        span(2, 1, "empty").attr("x", Value::Empty),
        span(3, 1, "absent"),
        span(4, 1, "map").attr("x", Value::Map(vec![attribute("k", 1)])),
    ];
    check(
        &spans,
        &[
            ("{ span.x = nil }", &[2, 3]),
            ("{ nil = span.x }", &[2, 3]),
            ("{ span.x != nil }", &[1, 4]),
            ("{ span.x != \"b\" }", &[1]),
            ("{ span.x !~ \"b\" }", &[1]),
            ("{ !(span.x = \"a\") }", &[2, 3, 4]),
            ("{ span.x = span.x }", &[1]),
            ("{ name = nil }", &[]),
            ("{ name != nil }", &[1, 2, 3, 4]),
        ],
    );
}

/// Scenario: the same key on span, resource, library. Guarantee: each scope sees its own; without a scope the span's comes before
/// the resource's.
#[test]
fn scopes() {
    let mut both = span(1, 0, "both").attr("cluster", "span").attr("only", 1);
    both.scope = std::sync::Arc::new(event::Scope {
        attributes: vec![attribute("cluster", "library")],
        ..event::Scope::default()
    });
    let spans = [both, span(2, 1, "resource").attr("cluster", Value::Empty)];
    check(
        &spans,
        &[
            ("{ span.cluster = \"span\" }", &[1]),
            ("{ resource.cluster = \"qa\" }", &[1, 2]),
            ("{ instrumentation.cluster = \"library\" }", &[1]),
            ("{ .cluster = \"span\" }", &[1]),
            ("{ .cluster = \"qa\" }", &[2]),
            ("{ .cluster = \"library\" }", &[]),
            ("{ resource.only = 1 }", &[]),
            ("{ resource.service.name = \"svc\" }", &[1, 2]),
            (
                "{ instrumentation:name = \"lib\" && instrumentation:version = \"1.2\" }",
                &[2],
            ),
            ("{ instrumentation.language = \"elixir\" }", &[2]),
            ("{ parent.cluster = \"span\" }", &[2]),
            ("{ parent.span.only = 1 }", &[2]),
            ("{ parent.resource.cluster = \"qa\" }", &[2]),
            ("{ parent.span.only = nil }", &[1]),
        ],
    );
}

/// Scenario: each intrinsic in both spellings. Guarantee: it is what it is called.
#[test]
fn intrinsics() {
    let mut root = span(1, 0, "GET /")
        .kind(SpanKind::Server)
        .lasts(3_000_000)
        .of("shop");
    root.status = StatusCode::Error;
    root.status_message = "broken".to_owned();
    let spans = [
        span(2, 1, "SELECT").kind(SpanKind::Client).status(StatusCode::Ok),
        root,
        span(3, 2, "net"),
    ];
    check(
        &spans,
        &[
            ("{ name = \"GET /\" && span:name = \"GET /\" }", &[1]),
            ("{ status = error && span:status = error }", &[1]),
            ("{ status != error }", &[2, 3]),
            ("{ status = unset }", &[3]),
            (
                "{ statusMessage = \"broken\" && span:statusMessage =~ \"b.*\" }",
                &[1],
            ),
            ("{ kind = server && span:kind = server }", &[1]),
            ("{ kind = internal }", &[3]),
            ("{ duration = 3ms && span:duration > 2999us }", &[1]),
            ("{ duration = 1000000 }", &[2, 3]),
            ("{ span:id = \"0000000000000002\" }", &[2]),
            ("{ span:id = \"2\" }", &[2]),
            ("{ span:id =~ \"0+[23]\" }", &[2, 3]),
            ("{ span:parentID = \"0000000000000001\" }", &[2]),
            ("{ span:parentID = \"\" }", &[1]),
            ("{ childCount = 1 && span:childCount > 0 }", &[2, 1]),
            ("{ span:childCount = 0 }", &[3]),
            (
                "{ rootName = \"GET /\" && trace:rootName = \"GET /\" }",
                &[2, 1, 3],
            ),
            (
                "{ rootServiceName = \"shop\" && trace:rootService = \"shop\" }",
                &[2, 1, 3],
            ),
            (
                "{ traceDuration = 3ms && trace:duration > 1ms && name = \"net\" }",
                &[3],
            ),
            (
                "{ trace:id = \"ab0000000000000000000000000001\" && name = \"net\" }",
                &[3],
            ),
            (
                "{ trace:id = \"00AB0000000000000000000000000001\" && name = \"net\" }",
                &[3],
            ),
            (
                "{ trace:id = \"00ab0000000000000000000000000002\" || trace:id = \"ab\" }",
                &[],
            ),
            ("{ trace:id =~ \"00ab0+1\" && name = \"net\" }", &[3]),
            ("{ nestedSetParent < 0 }", &[1]),
            (
                "{ nestedSetParent = 1 && nestedSetLeft = 2 && nestedSetRight = 5 }",
                &[2],
            ),
        ],
    );
}

/// Scenario: a status or kind as text in an attribute. Guarantee: it equals the word.
#[test]
fn words_in_attributes() {
    let spans = [
        span(1, 0, "a").attr("s", "error").attr("k", "server"),
        span(2, 0, "b").attr("s", "fine"),
    ];
    check(
        &spans,
        &[
            ("{ span.s = error }", &[1]),
            ("{ span.s != error }", &[2]),
            ("{ span.k = server }", &[1]),
        ],
    );
}

/// Scenario: regular expressions over text. Guarantee: they match the whole text, alternatives included.
#[test]
fn regular_expressions() {
    let spans = [
        span(1, 0, "foo"),
        span(2, 0, "foobar"),
        span(3, 0, "bar"),
        span(4, 0, "foo\n"),
    ];
    check(
        &spans,
        &[
            ("{ name =~ \"foo\" }", &[1]),
            ("{ name =~ \"foo.*\" }", &[1, 2]),
            ("{ name =~ \"(?s)foo.*\" }", &[1, 2, 4]),
            ("{ name =~ \"foo|bar\" }", &[1, 3]),
            ("{ name !~ \"foo|bar\" }", &[2, 4]),
            ("{ name =~ \"(?i)FOO\" }", &[1]),
        ],
    );
}

/// Scenario: attributes that are lists. Guarantee: `=` and `=~` match if any element does, `!=` and `!~` if none does; elements
/// of other types do not count.
#[test]
fn lists() {
    let spans = [
        span(1, 0, "ab").list("x", vec!["a".into(), "b".into()]),
        span(2, 0, "c").list("x", vec!["c".into()]),
        span(3, 0, "int").list("x", vec![1.into(), 7.into()]),
        span(4, 0, "mixed").list("x", vec!["a".into(), 7.into()]),
        span(5, 0, "none").list("x", vec![]),
        span(6, 0, "bool").list("x", vec![false.into(), true.into()]),
    ];
    check(
        &spans,
        &[
            ("{ span.x = \"a\" }", &[1, 4]),
            ("{ span.x != \"a\" }", &[2]),
            ("{ span.x =~ \"a|c\" }", &[1, 2, 4]),
            ("{ span.x !~ \"b\" }", &[2, 4]),
            ("{ span.x > 5 }", &[3, 4]),
            ("{ span.x != 1 }", &[4]),
            ("{ span.x != nil }", &[1, 2, 3, 4, 5, 6]),
            ("{ span.x }", &[6]),
            ("{ span.x + 1 > 0 }", &[]),
        ],
    );
}

/// Scenario: spans with several events and links. Guarantee: they are asked like lists; each comparison asks all of them.
#[test]
fn events_and_links() {
    let spans = [
        span(1, 0, "two").event("start", 0, vec![]).event(
            "exception",
            2_000,
            vec![attribute("type", "E1"), attribute("fatal", true)],
        ),
        span(2, 1, "one").event("start", 500, vec![attribute("type", "E2")]),
        span(3, 1, "none").link(0xabc, 7, vec![attribute("ref", "child_of")]),
    ];
    check(
        &spans,
        &[
            ("{ event:name = \"exception\" }", &[1]),
            ("{ event:name != \"exception\" }", &[2]),
            ("{ event:name =~ \"s.*|e.*\" }", &[1, 2]),
            ("{ event:name !~ \"e.*\" }", &[2]),
            ("{ event.type = \"E1\" }", &[1]),
            ("{ event.type = nil }", &[3]),
            ("{ event.type != nil }", &[1, 2]),
            ("{ event:timeSinceStart >= 2us }", &[1]),
            ("{ event:timeSinceStart = 0s }", &[1]),
            ("{ event:timeSinceStart * 4 > 1us }", &[1, 2]),
            ("{ event:timeSinceStart > duration }", &[]),
            ("{ event.fatal }", &[1]),
            ("{ event:name = \"start\" && event.type = \"E1\" }", &[1]),
            ("{ link:traceID = \"abc\" && link:spanID = \"7\" }", &[3]),
            ("{ link.ref = \"child_of\" }", &[3]),
            ("{ link:spanID = nil }", &[1, 2]),
        ],
    );
}

/// Scenario: arithmetic over attributes and literals. Guarantee: precedence as written down, quotients are real, durations
/// stay durations; division by zero and text match nothing; nothing overflows into a panic.
#[test]
fn arithmetic() {
    let spans = [
        span(1, 0, "a").attr("x", 7).attr("y", 2).lasts(3_000_000),
        span(2, 0, "b").attr("x", 7.5).attr("y", 0),
        span(3, 0, "c").attr("x", "7").attr("y", 2),
        span(4, 0, "d").attr("x", i64::MAX).attr("y", i64::MAX),
    ];
    check(
        &spans,
        &[
            ("{ span.x + span.y * 2 = 11 }", &[1]),
            ("{ (span.x + span.y) * 2 = 18 }", &[1]),
            ("{ span.x / span.y = 3.5 }", &[1]),
            ("{ span.x / span.y != 0 }", &[1, 4]),
            ("{ span.x % span.y = 1 }", &[1]),
            ("{ span.x ^ span.y = 49 }", &[1]),
            ("{ -span.x = -7 }", &[1]),
            ("{ -span.x < -7 }", &[2, 4]),
            ("{ span.x - 0.5 = 7 }", &[2]),
            ("{ span.x + span.y > 9223372036854775807 }", &[4]),
            ("{ span.x * span.y > 1e30 }", &[4]),
            ("{ duration * 2 = 6ms }", &[1]),
            ("{ duration / 3 = 1ms }", &[1]),
            ("{ duration / 1ms = 3 }", &[1]),
            ("{ duration - 1ms = 2ms }", &[1]),
            ("{ 2 ^ 3 ^ 2 = 512 && span.x = 7 }", &[1]),
            ("{ -2 ^ 2 = -4 && span.x = 7 }", &[1]),
            ("{ span.x > 2 * 3 && 1 + 1 = 2 }", &[1, 2, 4]),
        ],
    );
}

/// Scenario: truths joined and negated. Guarantee: an attribute alone stands for `= true`, an absent one is false; `&&` and `||`
/// bind alike, from the left.
#[test]
fn truths() {
    let spans = [
        span(1, 0, "a").attr("hit", true).attr("n", 1),
        span(2, 0, "b").attr("hit", false).attr("n", 1),
        span(3, 0, "c").attr("n", 2),
        span(4, 0, "d").attr("hit", "true"),
    ];
    check(
        &spans,
        &[
            ("{ span.hit }", &[1]),
            ("{ !span.hit }", &[2, 3, 4]),
            ("{ span.hit || span.n = 2 }", &[1, 3]),
            ("{ span.hit && span.n = 1 }", &[1]),
            ("{ span.n = 2 || span.n = 1 && span.hit }", &[1]),
            ("{ span.n = 2 || (span.n = 1 && span.hit) }", &[1, 3]),
            ("{ (span.n = 1) = false }", &[3, 4]),
            ("{ true }", &[1, 2, 3, 4]),
            ("{ false }", &[]),
            ("{ }", &[1, 2, 3, 4]),
            ("{ 1 = 1 }", &[1, 2, 3, 4]),
        ],
    );
}
