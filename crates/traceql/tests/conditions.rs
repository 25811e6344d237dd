//! What an index may ask first: necessary conditions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use event::{Span, SpanKind, StatusCode};
use proptest::prelude::*;
use support::{With, attribute, span};
use traceql::{Conditions, Query, SpanCondition, Trace};

fn shown(of: &Conditions) -> String {
    match of {
        Conditions::All(of) => format!("all[{}]", of.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Conditions::Any(of) => format!("any[{}]", of.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Conditions::Span(of) => format!("{{{}}}", span_shown(of)),
    }
}

fn span_shown(of: &SpanCondition) -> String {
    match of {
        SpanCondition::All(of) => format!("({})", of.iter().map(span_shown).collect::<Vec<_>>().join(" & ")),
        SpanCondition::Any(of) => format!("({})", of.iter().map(span_shown).collect::<Vec<_>>().join(" or ")),
        SpanCondition::Is(is) => format!("{} {} {}", is.field, is.op, is.value),
    }
}

/// Scenario: queries of all shapes. Guarantee: what an index can use is there, flat; what says nothing is not.
#[test]
fn shapes() {
    for (query, expected) in [
        ("{ }", "all[]"),
        ("{ true }", "all[]"),
        ("{ false }", "{()}"),
        ("{ .a = 1 }", "{.a = 1}"),
        ("{ 1 < span.a }", "{span.a > 1}"),
        ("{ span.hit }", "{span.hit = true}"),
        ("{ span.a = nil }", "{span.a = nil}"),
        ("{ !(span.a = 1) }", "all[]"),
        ("{ span.a + 1 = 2 }", "all[]"),
        ("{ span.a = span.b }", "all[]"),
        ("{ parent.a = 1 && name = \"x\" }", "{name = \"x\"}"),
        (
            "{ .a = 1 && status = error && true }",
            "{(.a = 1 & status = error)}",
        ),
        ("{ .a = 1 || .b = 2 || .c = 3 }", "{(.a = 1 or .b = 2 or .c = 3)}"),
        ("{ .a = 1 || !.b }", "all[]"),
        (
            "{ .a = 1 && (.b = 2 || .c = 3) }",
            "{(.a = 1 & (.b = 2 or .c = 3))}",
        ),
        ("{ .a = 1 } && { .b = 2 }", "all[{.a = 1}, {.b = 2}]"),
        (
            "{ .a = 1 } || { .b = 2 } || { .c = 3 }",
            "any[{.a = 1}, {.b = 2}, {.c = 3}]",
        ),
        ("{ .a = 1 } || { }", "all[]"),
        ("{ .a = 1 } >> { .b = 2 } &> { }", "all[{.a = 1}, {.b = 2}]"),
        ("{ .a = 1 } !>> { .b = 2 }", "{.b = 2}"),
        (
            "({ .a = 1 } | count() > 2) && { .b = 2 }",
            "all[{.a = 1}, {.b = 2}]",
        ),
        (
            "{ .a = 1 } | { .b = 2 } | by(name) | avg(duration) > 1s",
            "all[{.a = 1}, {.b = 2}]",
        ),
        ("count() > 1", "all[]"),
        ("{ .a = 1 } | rate() by (name) | topk(3)", "{.a = 1}"),
        ("{ .a = 1 } | compare({ status = error })", "{.a = 1}"),
    ] {
        let conditions = Query::new(query).unwrap().conditions();
        assert_eq!(shown(&conditions), expected, "{query}");
        assert_eq!(conditions.is_always(), expected == "all[]", "{query}");
    }
}

fn random_spans() -> impl Strategy<Value = Vec<Span>> {
    let one = (1_u64..6, 0_u64..6, 0_i64..4, 0_usize..3, any::<bool>());
    prop::collection::vec(one, 0..6).prop_map(|of| {
        let spans = of.into_iter().map(|(id, parent, mark, status, more)| {
            let one = span(id, parent, ["a", "b", "c", "d"][mark as usize])
                .attr("m", mark)
                .status(StatusCode::ALL[status])
                .kind(SpanKind::ALL[status]);
            if more {
                one.attr("t", "x")
                    .attr("hit", true)
                    .event("e", 1, vec![attribute("k", mark)])
            } else {
                one
            }
        });
        spans.collect()
    })
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        &[
            "span.m = 1",
            "span.m > 1",
            "span.m != 2",
            "2 > .m",
            "span.t = \"x\"",
            "span.t =~ \"x|y\"",
            "span.t !~ \"y\"",
            "span.t = nil",
            "span.t != nil",
            "span.hit",
            "status = error",
            "kind != client",
            "name = \"b\"",
            "parent.m = 1",
            "event.k > 1",
            "event:name = \"e\"",
            "event.k != 2",
            "span.m + 1 = 2",
            "childCount = 1",
            "nestedSetParent < 0",
            "true",
            "false",
            "rootName = \"a\"",
            "resource.service.name = \"svc\"",
        ][..],
    )
    .prop_map(ToOwned::to_owned);
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (
                inner.clone(),
                prop::sample::select(&["&&", "||"][..]),
                inner.clone()
            )
                .prop_map(|(left, op, right)| format!("({left}) {op} ({right})")),
            inner.prop_map(|inner| format!("!({inner})")),
        ]
    })
}

fn query() -> impl Strategy<Value = String> {
    let leaf = condition().prop_map(|condition| format!("{{ {condition} }}"));
    let spans = leaf.prop_recursive(3, 8, 2, |inner| {
        let ops = &[
            "&&", "||", ">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<",
            "&~",
        ];
        prop_oneof![
            4 => (inner.clone(), prop::sample::select(&ops[..]), inner.clone())
                .prop_map(|(left, op, right)| format!("({left} {op} {right})")),
            1 => inner.prop_map(|inner| format!("({inner} | count() > 1)")),
        ]
    });
    let more = prop::sample::select(
        &[
            "",
            " | { span.m = 1 }",
            " | by(name)",
            " | count() > 1",
            " | select(.m)",
        ][..],
    );
    (spans, more).prop_map(|(spans, more)| format!("{spans}{more}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Scenario: any query, any trace. Guarantee: if the query finds something, its conditions hold.
    #[test]
    fn necessary(query in query(), spans in random_spans()) {
        let query = Query::new(&query).unwrap();
        let trace = Trace::new(&spans);
        if !query.search(&trace).is_empty() {
            prop_assert!(query.conditions().holds(&trace), "{} {}", query.ast(), shown(&query.conditions()));
        }
    }
}
