//! Time series: what each measure means, and that parts merge in any order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::float_cmp,
    reason = "tests"
)]

mod support;

use event::{Span, StatusCode, TraceId, Value};
use proptest::prelude::*;
use support::{With, span};
use traceql::metrics::{Answer, Limits, Partial, Range, RangeError, Series};
use traceql::{Query, Trace};

const SECOND: u64 = 1_000_000_000;

/// A span of its own trace that starts at a second.
fn at(second: u64, id: u64, name: &str) -> Span {
    let mut span = span(id, 0, name).starts(second * SECOND);
    span.trace = TraceId(id.into());
    span
}

fn ten_seconds() -> Range {
    Range::steps(100 * SECOND, 140 * SECOND, 10 * SECOND).unwrap()
}

fn answer_in(query: &str, spans: &[Span], range: Range, limits: Limits) -> Answer {
    let query = Query::new(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let evaluator = query.metrics(range, limits).unwrap();
    let mut partial = Partial::default();
    for span in spans {
        evaluator.observe(&mut partial, &Trace::new(std::slice::from_ref(span)));
    }
    evaluator.finish(&partial)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// `name=a: 100=1 110=0`, a line for each series.
fn lines(series: &[Series]) -> Vec<String> {
    let line = |one: &Series| {
        let labels: Vec<String> = one
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={}", text(value)))
            .collect();
        let samples: Vec<String> = one
            .samples
            .iter()
            .map(|(t, v)| format!("{}={v}", t / 1_000))
            .collect();
        format!("{}: {}", labels.join(","), samples.join(" "))
    };
    series.iter().map(line).collect()
}

fn check(query: &str, spans: &[Span], expected: &[&str]) {
    let found = answer_in(query, spans, ten_seconds(), Limits::default());
    assert_eq!(lines(&found.series), expected, "{query}");
}

fn some() -> Vec<Span> {
    vec![
        at(99, 1, "early"),
        at(100, 2, "a").lasts(1_000_000).attr("n", 1),
        at(105, 3, "a").lasts(3_000_000).attr("n", 4),
        at(109, 4, "b").lasts(2_000_000).attr("n", 1.5),
        at(120, 5, "a").lasts(8_000_000).status(StatusCode::Error),
        at(140, 6, "late"),
    ]
}

/// Scenario: spans before, in and after a range. Guarantee: each counts in the step in which it starts, others not at all; steps
/// without spans are 0; without `by` the series has the measure's name.
#[test]
fn counts() {
    let spans = some();
    check(
        "{ } | count_over_time()",
        &spans,
        &["__name__=count_over_time: 100=3 110=0 120=1 130=0"],
    );
    check(
        "{ } | rate()",
        &spans,
        &["__name__=rate: 100=0.3 110=0 120=0.1 130=0"],
    );
    check(
        "{ } | count_over_time() by (name)",
        &spans,
        &[
            "name=a: 100=2 110=0 120=1 130=0",
            "name=b: 100=1 110=0 120=0 130=0",
        ],
    );
    let instant = Range::instant(100 * SECOND, 140 * SECOND).unwrap();
    let found = answer_in("{ } | rate() by (status)", &spans, instant, Limits::default());
    assert_eq!(
        lines(&found.series),
        ["status=error: 100=0.025", "status=unset: 100=0.075"]
    );
    assert_eq!(found.spans, 4);
}

/// Scenario: `by` an attribute that some spans lack. Guarantee: the label is left out, but for a series that would have none.
#[test]
fn absent_labels() {
    check(
        "{ } | count_over_time() by (span.n)",
        &some(),
        &[
            "span.n=nil: 100=0 110=0 120=1 130=0",
            "span.n=1: 100=1 110=0 120=0 130=0",
            "span.n=4: 100=1 110=0 120=0 130=0",
            "span.n=1.5: 100=1 110=0 120=0 130=0",
        ],
    );
    check(
        "{ name = \"a\" } | count_over_time() by (span.n, name)",
        &some(),
        &[
            "name=a: 100=0 110=0 120=1 130=0",
            "span.n=1,name=a: 100=1 110=0 120=0 130=0",
            "span.n=4,name=a: 100=1 110=0 120=0 130=0",
        ],
    );
}

/// Scenario: sums, means, least and greatest of an attribute and of durations. Guarantee: spans without the number do not count, steps
/// without have no sample, durations are seconds.
#[test]
fn over_time() {
    let spans = some();
    check(
        "{ } | sum_over_time(span.n)",
        &spans,
        &["__name__=sum_over_time: 100=6.5"],
    );
    check(
        "{ } | min_over_time(span.n)",
        &spans,
        &["__name__=min_over_time: 100=1"],
    );
    check(
        "{ } | max_over_time(span.n) by (name)",
        &spans,
        &["name=a: 100=4", "name=b: 100=1.5"],
    );
    check(
        "{ } | avg_over_time(duration)",
        &spans,
        &["__name__=avg_over_time: 100=0.002 120=0.008"],
    );
    check(
        "{ } | sum_over_time(duration) by (name)",
        &spans,
        &["name=a: 100=0.004 120=0.008", "name=b: 100=0.002"],
    );
}

/// Scenario: quantiles of known numbers. Guarantee: each within 1/64 of the number at its rank; several come as several series.
#[test]
fn quantiles() {
    let spans: Vec<Span> = (1..=1_000)
        .map(|n| at(100, n, "a").lasts(n * 1_000_000))
        .collect();
    let query = "{ } | quantile_over_time(duration, .5, .99, 0, 1)";
    let found = answer_in(query, &spans, ten_seconds(), Limits::default());
    let expected = [(0.5, 0.5), (0.99, 0.99), (0.0, 0.001), (1.0, 1.0)];
    for (series, (quantile, number)) in found.series.iter().zip(expected) {
        assert_eq!(series.labels, [("p".to_owned(), Value::Double(quantile))]);
        assert_eq!(series.samples.len(), 1);
        let error = (series.samples[0].1 / number - 1.0_f64).abs();
        assert!(
            error <= 1.0 / 64.0,
            "{quantile}: {} is not {number}",
            series.samples[0].1
        );
    }
    check(
        "{ } | quantile_over_time(span.n, 0.5) by (name)",
        &some(),
        &["name=a,p=0.5: 100=1", "name=b,p=0.5: 100=1.5"],
    );
}

/// Scenario: a histogram of durations and of an attribute. Guarantee: a series for each power of two, in seconds for durations, that
/// counts what is above the one before and not above it.
#[test]
fn histograms() {
    check(
        "{ } | histogram_over_time(duration)",
        &some(),
        &[
            "__bucket=0.001048576: 100=1 110=0 120=0 130=0",
            "__bucket=0.002097152: 100=1 110=0 120=0 130=0",
            "__bucket=0.004194304: 100=1 110=0 120=0 130=0",
            "__bucket=0.008388608: 100=0 110=0 120=1 130=0",
        ],
    );
    check(
        "{ } | histogram_over_time(span.n) by (name)",
        &some(),
        &[
            "name=a,__bucket=1: 100=1 110=0 120=0 130=0",
            "name=a,__bucket=4: 100=1 110=0 120=0 130=0",
            "name=b,__bucket=2: 100=1 110=0 120=0 130=0",
        ],
    );
}

/// Scenario: the greatest, the least, and comparisons. Guarantee: ranks are of each step, ties go to the first labels; series
/// without samples go; durations are seconds.
#[test]
fn second_stages() {
    let spans = [
        at(100, 1, "a"),
        at(101, 2, "a"),
        at(102, 3, "b"),
        at(110, 4, "b"),
        at(111, 5, "c"),
    ];
    check(
        "{ } | count_over_time() by (name) | topk(1)",
        &spans,
        &["name=a: 100=2 120=0 130=0", "name=b: 110=1"],
    );
    check(
        "{ } | count_over_time() by (name) | bottomk(1)",
        &spans,
        &["name=a: 110=0 120=0 130=0", "name=c: 100=0"],
    );
    check(
        "{ } | count_over_time() by (name) > 0",
        &spans,
        &["name=a: 100=2", "name=b: 100=1 110=1", "name=c: 110=1"],
    );
    check(
        "{ } | count_over_time() by (name) | topk(2) >= 2",
        &spans,
        &["name=a: 100=2"],
    );
    check(
        "{ } | max_over_time(duration) > 5ms",
        &some(),
        &["__name__=max_over_time: 120=0.008"],
    );
    check(
        "{ } | max_over_time(duration) <= 0.005",
        &some(),
        &["__name__=max_over_time: 100=0.003"],
    );
}

/// Scenario: spans compared in two groups. Guarantee: each value of each attribute in each group with its count, totals, and an error where
/// there are more values than asked for.
#[test]
fn compare() {
    let spans = [
        at(100, 1, "a").attr("v", "x"),
        at(101, 2, "a").attr("v", "y"),
        at(102, 3, "a").attr("v", "y"),
        at(103, 4, "a").attr("v", "z").status(StatusCode::Error),
    ];
    let instant = Range::instant(100 * SECOND, 110 * SECOND).unwrap();
    let of = |query: &str| {
        let found = answer_in(query, &spans, instant, Limits::default());
        let mut lines = lines(&found.series);
        lines.retain(|line| line.contains("span.v="));
        lines
    };
    assert_eq!(
        of("{ } | compare({ status = error })"),
        [
            "__meta_type=baseline,span.v=y: 100=2",
            "__meta_type=baseline,span.v=x: 100=1",
            "__meta_type=baseline_total,span.v=nil: 100=3",
            "__meta_type=selection,span.v=z: 100=1",
            "__meta_type=selection_total,span.v=nil: 100=1",
        ]
    );
    assert_eq!(
        of("{ } | compare({ status = error }, 1)"),
        [
            "__meta_type=baseline,span.v=y: 100=2",
            "__meta_type=baseline,__meta_error=__too_many_values__,span.v=nil: 100=0",
            "__meta_type=baseline_total,span.v=nil: 100=3",
            "__meta_type=selection,span.v=z: 100=1",
            "__meta_type=selection_total,span.v=nil: 100=1",
        ]
    );
    let within = of("{ } | compare({ }, 10, 100000000000, 101500000000)");
    assert!(
        within.contains(&"__meta_type=selection,span.v=x: 100=1".to_owned()),
        "{within:?}"
    );
    assert!(
        within.contains(&"__meta_type=baseline_total,span.v=nil: 100=2".to_owned()),
        "{within:?}"
    );
    let all = answer_in(
        "{ } | compare({ status = error })",
        &spans,
        instant,
        Limits::default(),
    );
    for name in [
        "name",
        "kind",
        "status",
        "rootName",
        "rootServiceName",
        "resource.service.name",
    ] {
        assert!(
            all.series.iter().any(|s| s.labels.iter().any(|(n, _)| n == name)),
            "{name}"
        );
    }
}

/// Scenario: more series than are kept. Guarantee: those with the least labels are there, complete, and the answer says that there were
/// more; whichever way the spans came.
#[test]
fn series_bound() {
    let mut spans: Vec<Span> = (0..50)
        .map(|n| at(100 + n % 40, n + 1, &format!("n{:02}", n % 25)))
        .collect();
    let limits = Limits {
        series: 10,
        ..Limits::default()
    };
    let query = "{ } | count_over_time() by (name)";
    let one = answer_in(query, &spans, ten_seconds(), limits);
    spans.reverse();
    let two = answer_in(query, &spans, ten_seconds(), limits);
    assert!(one.truncated);
    assert_eq!(one.series.len(), 10);
    assert_eq!(lines(&one.series), lines(&two.series));
    for series in &one.series {
        assert_eq!(series.samples.iter().map(|(_, v)| v).sum::<f64>(), 2.0);
    }
    let wide = Range::steps(0, 10_000 * SECOND, SECOND).unwrap();
    let limits = Limits {
        samples: 50_000,
        ..Limits::default()
    };
    assert_eq!(answer_in(query, &spans, wide, limits).series.len(), 5);
}

/// Scenario: exemplars asked for, bounded, and switched off. Guarantee: as many as allowed, of spans that were measured, at the place of
/// their number.
#[test]
fn exemplars() {
    let spans: Vec<Span> = (1..=500)
        .map(|n| at(100 + n % 40, n, "a").lasts(n * 1_000_000))
        .collect();
    let limits = Limits {
        exemplars: 20,
        ..Limits::default()
    };
    let of = |query: &str| answer_in(query, &spans, ten_seconds(), limits).series;
    let durations = of("{ } | max_over_time(duration)");
    assert_eq!(durations[0].exemplars.len(), 20);
    for exemplar in &durations[0].exemplars {
        let span = &spans[exemplar.trace.0 as usize - 1];
        assert_eq!(exemplar.value, span.duration_ns() as f64 / 1e9);
        assert_eq!(exemplar.time_ms, (span.start_ns / 1_000_000) as i64);
    }
    let rates = of("{ } | rate()");
    assert_eq!(rates[0].exemplars.len(), 20);
    for exemplar in &rates[0].exemplars {
        let step = exemplar.time_ms / 10_000;
        let of_step = |span: &&Span| (span.start_ns / SECOND / 10) as i64 == step;
        assert_eq!(exemplar.value, spans.iter().filter(of_step).count() as f64 / 10.0);
    }
    let buckets = of("{ } | histogram_over_time(duration)");
    assert_eq!(
        buckets.iter().map(|series| series.exemplars.len()).sum::<usize>(),
        20
    );
    for series in &buckets {
        let Value::Double(bound) = series.labels[0].1 else {
            panic!()
        };
        assert!(
            series
                .exemplars
                .iter()
                .all(|e| e.value <= bound && e.value > bound / 2.0)
        );
    }
    assert!(of("{ } | rate() with (exemplars=false)")[0].exemplars.is_empty());
    assert_eq!(of("{ } | rate() with (exemplars=3)")[0].exemplars.len(), 3);
}

/// Scenario: ranges of all kinds. Guarantee: cut at multiples of the step; wrong ones are refused.
#[test]
fn ranges() {
    let range = Range::steps(105 * SECOND, 131 * SECOND, 10 * SECOND).unwrap();
    assert_eq!(
        (range.start_ns(), range.end_ns(), range.count()),
        (100 * SECOND, 140 * SECOND, 4)
    );
    assert!(matches!(Range::steps(5, 5, 1), Err(RangeError::Empty { .. })));
    assert!(matches!(Range::steps(5, 4, 1), Err(RangeError::Empty { .. })));
    assert!(matches!(Range::steps(5, 6, 0), Err(RangeError::NoStep)));
    assert!(matches!(
        Range::steps(0, u64::MAX, 1),
        Err(RangeError::TooManySteps { .. })
    ));
    assert!(Range::steps(0, u64::MAX, u64::MAX).is_ok());
    assert!(
        Query::new("{ }")
            .unwrap()
            .metrics(range, Limits::default())
            .is_none()
    );
}

fn random_trace() -> impl Strategy<Value = Vec<Span>> {
    let one = (95_u64..145, 0_i64..5, 0_u64..9, any::<bool>());
    (1_u128..1_000, prop::collection::vec(one, 1..6)).prop_map(|(trace, of)| {
        let spans = of.into_iter().zip(1..).map(|((second, n, ms, error), id)| {
            let mut one = span(id, id / 2, ["a", "b", "c", "d", "e"][n as usize]).starts(second * SECOND);
            one.trace = TraceId(trace);
            one.attr("n", n * 10 - 7)
                .lasts(ms * 999_999)
                .status(StatusCode::ALL[usize::from(error) * 2])
        });
        spans.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Scenario: traces split in three parts, merged in different orders, with tight bounds. Guarantee: the same partial result and
    /// answer as of all at once.
    #[test]
    fn parts_merge(
        parts in prop::collection::vec(prop::collection::vec(random_trace(), 0..4), 3),
        query in prop::sample::select(&[
            "{ } | rate()", "{ } | count_over_time() by (name)", "{ } | avg_over_time(duration) by (name, status)",
            "{ } | quantile_over_time(span.n, 0.5, .9) by (name)", "{ } | histogram_over_time(duration) by (name)",
            "{ } | compare({ status = error })", "{ } > { } | sum_over_time(span.n) by (span.n) | topk(2)",
            "{ } | by(name) | count() > 1 | min_over_time(duration)",
        ][..]),
        series in 1_usize..6,
    ) {
        let query = Query::new(query).unwrap();
        let limits = Limits { series, exemplars: 4, ..Limits::default() };
        let evaluator = query.metrics(ten_seconds(), limits).unwrap();
        let mut whole = Partial::default();
        let mut partials = Vec::new();
        for part in &parts {
            let mut partial = Partial::default();
            for trace in part {
                evaluator.observe(&mut partial, &Trace::new(trace));
                evaluator.observe(&mut whole, &Trace::new(trace));
            }
            partials.push(partial);
        }
        let join = |one: &Partial, two: &Partial| {
            let mut both = one.clone();
            evaluator.merge(&mut both, two.clone());
            both
        };
        let [a, b, c] = [&partials[0], &partials[1], &partials[2]];
        let left = join(&join(a, b), c);
        prop_assert_eq!(&left, &join(a, &join(b, c)));
        prop_assert_eq!(&left, &join(&join(c, a), b));
        prop_assert_eq!(&left, &whole);
        prop_assert_eq!(evaluator.finish(&left), evaluator.finish(&whole));
    }
}
