//! Any tree is shown as text that means the same, and any text gives a tree or an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use event::{SpanKind, StatusCode};
use proptest::prelude::*;
use traceql::ast::{
    Aggregate, ArithmeticOp, Ast, CompareOp, Expr, Field, Hint, Intrinsic, LogicOp, Measure, Metrics,
    OverTime, Pipeline, Relation, Root, Scalar, Scope, Spans, SpansOp, Stage, Static, Then,
};
use traceql::parse;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z.]{1,6}",
        "[ -~]{0,8}",
        any::<String>().prop_map(|s| s.chars().take(6).collect())
    ]
}

fn scope() -> impl Strategy<Value = Scope> {
    prop::sample::select(
        &[
            Scope::Any,
            Scope::Span,
            Scope::Resource,
            Scope::Instrumentation,
            Scope::Parent,
            Scope::ParentSpan,
            Scope::ParentResource,
        ][..],
    )
}

fn field() -> impl Strategy<Value = Field> {
    let single = |which: &Intrinsic| {
        let name = which.spelling(true);
        !name.starts_with("event:") && !name.starts_with("link:")
    };
    let intrinsics: Vec<Intrinsic> = Intrinsic::ALL.iter().copied().filter(single).collect();
    let spelled = (prop::sample::select(intrinsics), any::<bool>()).prop_map(|(which, scoped)| {
        let (bare, with) = which.spellings();
        let scoped = if scoped { with.is_some() } else { bare.is_none() };
        Field::Intrinsic { which, scoped }
    });
    prop_oneof![3 => (scope(), text()).prop_map(|(scope, name)| Field::attribute(scope, name)), 1 => spelled]
}

fn attribute() -> impl Strategy<Value = Expr> {
    (scope(), text()).prop_map(|(scope, name)| Expr::Field(Field::attribute(scope, name)))
}

fn number() -> impl Strategy<Value = Static> {
    prop_oneof![
        any::<i64>().prop_map(Static::Int),
        (-9_i64..9).prop_map(Static::Int),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Static::Float),
        (-i64::MAX..i64::MAX).prop_map(Static::Duration),
        (-99_i64..99).prop_map(|n| Static::Duration(n * 60_000_000_000)),
    ]
}

fn numeric() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![number().prop_map(Expr::Static), attribute()];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let op = prop::sample::select(ArithmeticOp::ALL);
        prop_oneof![
            3 => (op, inner.clone(), inner.clone())
                .prop_map(|(op, left, right)| Expr::Arithmetic(op, Box::new(left), Box::new(right))),
            1 => inner.prop_map(|inner| match inner {
                // A sign and a number are one literal.
                Expr::Static(value) => Expr::Static(value),
                inner => Expr::Minus(Box::new(inner)),
            }),
        ]
    })
}

fn compare(op: CompareOp, left: Expr, right: Expr) -> Expr {
    Expr::Compare(op, Box::new(left), Box::new(right))
}

fn condition() -> impl Strategy<Value = Expr> {
    let order = || {
        let ops: Vec<CompareOp> = CompareOp::ALL
            .iter()
            .copied()
            .filter(|op| !op.spelling().contains('~'))
            .collect();
        prop::sample::select(ops)
    };
    let equal = || prop::sample::select(&[CompareOp::Eq, CompareOp::Ne][..]);
    let regex = prop::sample::select(&[CompareOp::Match, CompareOp::NoMatch][..]);
    let word = prop_oneof![
        prop::sample::select(StatusCode::ALL).prop_map(Static::Status),
        prop::sample::select(SpanKind::ALL).prop_map(Static::Kind),
        any::<bool>().prop_map(Static::Bool),
        Just(Static::Nil),
    ];
    let leaf = prop_oneof![
        any::<bool>().prop_map(|truth| Expr::Static(Static::Bool(truth))),
        attribute(),
        (order(), numeric(), numeric()).prop_map(|(op, left, right)| compare(op, left, right)),
        (order(), attribute(), text()).prop_map(|(op, left, text)| compare(
            op,
            left,
            Expr::Static(Static::String(text))
        )),
        (equal(), attribute(), word).prop_map(|(op, left, word)| compare(op, left, Expr::Static(word))),
        (regex, attribute(), "[a-z.*|]{0,5}")
            .prop_filter("a regular expression", |(_, _, text)| !text.contains("**")
                && !text.starts_with('*')
                && !text.contains("|*"))
            .prop_map(|(op, left, text)| compare(op, left, Expr::Static(Static::String(text)))),
    ];
    leaf.prop_recursive(4, 24, 2, move |inner| {
        let logic = prop::sample::select(LogicOp::ALL);
        prop_oneof![
            (logic, inner.clone(), inner.clone()).prop_map(|(op, left, right)| Expr::Logic(
                op,
                Box::new(left),
                Box::new(right)
            )),
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            (equal(), inner.clone(), inner).prop_map(|(op, left, right)| compare(op, left, right)),
        ]
    })
    .prop_filter("attributes compare with anything", well_typed)
}

/// A comparison of two truths, one of them nil, is none.
fn well_typed(of: &Expr) -> bool {
    match of {
        Expr::Static(_) | Expr::Field(_) => true,
        Expr::Compare(_, left, right) => {
            let nil = |e: &Expr| *e == Expr::Static(Static::Nil);
            let field = |e: &Expr| matches!(e, Expr::Field(_));
            (!nil(left) && !nil(right) || field(left) || field(right))
                && well_typed(left)
                && well_typed(right)
        }
        Expr::Logic(_, left, right) | Expr::Arithmetic(_, left, right) => {
            well_typed(left) && well_typed(right)
        }
        Expr::Not(inner) | Expr::Minus(inner) => well_typed(inner),
    }
}

fn spans_op() -> impl Strategy<Value = SpansOp> {
    let relation = || prop::sample::select(Relation::ALL);
    prop_oneof![
        Just(SpansOp::And),
        Just(SpansOp::Or),
        relation().prop_map(SpansOp::Related),
        relation().prop_map(SpansOp::NotRelated),
        relation().prop_map(SpansOp::UnionRelated),
    ]
}

fn scalar() -> impl Strategy<Value = Scalar> {
    let of = prop_oneof![
        Just(Expr::Field(Field::intrinsic(Intrinsic::Duration))),
        attribute()
    ];
    let aggregates: Vec<Aggregate> = Aggregate::ALL
        .iter()
        .copied()
        .filter(|a| *a != Aggregate::Count)
        .collect();
    let leaf = prop_oneof![
        number().prop_map(Scalar::Static),
        Just(Scalar::Aggregate(Aggregate::Count, None)),
        (prop::sample::select(aggregates), of).prop_map(|(which, of)| Scalar::Aggregate(which, Some(of))),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        (prop::sample::select(ArithmeticOp::ALL), inner.clone(), inner)
            .prop_map(|(op, left, right)| Scalar::Arithmetic(op, Box::new(left), Box::new(right)))
    })
}

fn stage() -> impl Strategy<Value = Stage> {
    let op = prop::sample::select(&[CompareOp::Eq, CompareOp::Ne, CompareOp::Gt, CompareOp::Le][..]);
    prop_oneof![
        (op, scalar()).prop_map(|(op, right)| Stage::Where {
            op,
            left: Scalar::Aggregate(Aggregate::Count, None),
            right
        }),
        field().prop_map(|field| Stage::By(Expr::Field(field))),
        Just(Stage::Coalesce),
        prop::collection::vec(field(), 1..4).prop_map(Stage::Select),
        prop::option::of(condition()).prop_map(|of| Stage::Spans(Spans::Filter(of))),
    ]
}

fn spans() -> impl Strategy<Value = Spans> {
    let leaf = prop::option::of(condition()).prop_map(Spans::Filter);
    leaf.prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            3 => (spans_op(), inner.clone(), inner.clone()).prop_map(|(op, left, right)| Spans::Op {
                op,
                left: Box::new(left),
                right: Box::new(right)
            }),
            1 => (inner, prop::collection::vec(stage(), 1..3)).prop_map(|(first, rest)| {
                let stages = std::iter::once(Stage::Spans(first)).chain(rest).collect();
                Spans::Pipeline(Box::new(Pipeline { stages }))
            }),
        ]
    })
}

fn pipeline() -> impl Strategy<Value = Pipeline> {
    (spans(), prop::collection::vec(stage(), 0..4)).prop_map(|(first, rest)| Pipeline {
        stages: std::iter::once(Stage::Spans(first)).chain(rest).collect(),
    })
}

fn measure() -> impl Strategy<Value = (Measure, Vec<Field>)> {
    let number = || (scope(), text()).prop_map(|(scope, name)| Field::attribute(scope, name));
    let by = || prop::collection::vec(field(), 0..4);
    prop_oneof![
        by().prop_map(|by| (Measure::Rate, by)),
        by().prop_map(|by| (Measure::Count, by)),
        (prop::sample::select(OverTime::ALL), number(), by())
            .prop_map(|(which, of, by)| (Measure::Over(which, of), by)),
        (number(), prop::collection::vec(0.0..=1.0, 1..4), by())
            .prop_map(|(of, quantiles, by)| (Measure::Quantiles(of, quantiles), by)),
        (number(), by()).prop_map(|(of, by)| (Measure::Histogram(of), by)),
        (
            prop::option::of(condition()),
            1_u32..99,
            prop::option::of((0_u64..9, 9_u64..u64::MAX))
        )
            .prop_map(|(filter, top, within)| (Measure::Compare { filter, top, within }, Vec::new())),
    ]
}

fn ast() -> impl Strategy<Value = Ast> {
    let then = prop_oneof![
        (1_u32..99).prop_map(Then::Top),
        (1_u32..99).prop_map(Then::Bottom),
        number().prop_map(|value| Then::Keep(CompareOp::Ge, value)),
    ];
    let metrics = (pipeline(), measure(), prop::collection::vec(then, 0..3)).prop_map(
        |(spans, (measure, by), then)| {
            Root::Metrics(Metrics {
                spans,
                measure,
                by,
                then,
            })
        },
    );
    let hint = ("[a-z_]{1,8}", number()).prop_map(|(key, value)| Hint { key, value });
    let root = prop_oneof![pipeline().prop_map(Root::Search), metrics];
    (root, prop::collection::vec(hint, 0..3)).prop_map(|(root, hints)| Ast { root, hints })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Scenario: any tree is shown and read. Guarantee: it is the same tree.
    #[test]
    fn shown_means_the_same(ast in ast()) {
        let shown = ast.to_string();
        let read = parse(&shown);
        prop_assert_eq!(read.as_ref(), Ok(&ast), "{}", shown);
    }

    /// Scenario: any text, and texts made of the language's pieces. Guarantee: a tree or an error with a place in the text; never a
    /// panic; a tree is shown as text with the same tree.
    #[test]
    fn any_text(
        text in prop_oneof![
            any::<String>(),
            prop::collection::vec(prop::sample::select(&[
                "{", "}", "(", ")", " ", "|", "&&", "||", ">", ">>", "<<", "~", "!", "=", "!=", "=~", "-", "+", "^", "1",
                "1.5", "5ms", "\"x\"", "\"", "`", "\\", ".a", "span.b", "span:name", "name", "status", "error", "nil", "by",
                "count", "avg", "select", "rate", "quantile_over_time", "compare", "topk", "with", ",", "\n", "\u{e9}",
            ][..]), 0..24).prop_map(|pieces| pieces.concat()),
        ]
    ) {
        match parse(&text) {
            Ok(ast) => prop_assert_eq!(parse(&ast.to_string()), Ok(ast)),
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.offset), "{:?}", error);
                prop_assert!(error.line >= 1 && error.column >= 1);
            }
        }
    }
}
