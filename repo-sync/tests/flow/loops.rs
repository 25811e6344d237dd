//! Comprehensions and `receive`.

use super::sample::{lines, sample};
use codegraph::flow::EdgeKind::{After, Done, Each, False, Match, NoMatch, True};

/// Scenario: two generators, a filter, a pattern that may not match. Guarantee: an element that does not match and a
/// filter that does not hold take the next element; bindings stay inside.
#[test]
fn generators_and_filters_loop() {
    let s = sample(
        "def f(xs, x) do
           for {:ok, x} <- xs,
               y <- g(x),
               x > y do
             h(x, y)
           end
           k(x)
         end",
    );
    assert!(s.leads(2, Each).contains(&2) && s.leads(2, NoMatch) == lines(&[2]));
    assert_eq!((s.leads(3, Each), s.leads(3, Done)), (lines(&[4]), lines(&[2])));
    assert_eq!((s.leads(4, True), s.leads(4, False)), (lines(&[5]), lines(&[3])));
    assert_eq!((s.bound("x", 3), s.bound("y", 5)), (Some(2), Some(3)));
    assert_eq!(s.bound("x", 7), Some(1));
}

/// Scenario: a comprehension whose body does not use the element. Guarantee: its value depends on the source and the
/// filter, which decide how often it runs.
#[test]
fn the_value_depends_on_how_often_it_runs() {
    let s = sample(
        "def f(a, b, c) do
           xs = g(a)
           limit = h(b)
           z = k(c)
           ys =
             for x <- xs,
                 x > limit,
                 into: %{} do
               m()
             end
           {ys,
            z}
         end",
    );
    let slice = s.slice(5);
    assert!(slice.is_superset(&lines(&[1, 2, 3, 6, 7])), "{slice:?}");
    assert!(!slice.contains(&4));
}

/// Scenario: `for ... reduce`. Guarantee: the accumulator is the first value or what the body gave; both reach the result.
#[test]
fn reduce_carries_its_accumulator() {
    let s = sample(
        "def f(xs) do
           start = g()
           sum =
             for x <- xs, reduce: start do
               acc when acc > 9 ->
                 h(acc)
               acc ->
                 k(acc, x)
             end
           sum
         end",
    );
    assert!(
        s.slice(6).is_superset(&lines(&[2, 8])),
        "what the body gave comes round"
    );
    assert!(s.slice(10).is_superset(&lines(&[1, 2, 3, 4, 5, 6, 7, 8])));
    assert_eq!(s.bound("acc", 8), Some(7));
}

/// Scenario: a generator of a binary. Guarantee: its pattern binds, its source is read outside.
#[test]
fn binaries_generate() {
    let s = sample(
        "def f(s, c) do
           for <<c, rest::bits-size(4) <- s <> c>>, do: g(c, rest)
         end",
    );
    assert_eq!(s.versions("c"), [1, 2]);
    assert!(s.versions("bits").is_empty());
    assert!(s.unreachable().is_empty());
}

/// Scenario: `receive` with `after`. Guarantee: a message that does not match waits; the timeout is read outside.
#[test]
fn receive_waits_or_times_out() {
    let s = sample(
        "def f(t) do
           receive do
             {:ok, t} -> g(t)
             ^t -> h()
           after
             t -> k(t)
           end
         end",
    );
    assert_eq!(s.leads(3, NoMatch), lines(&[4]));
    assert_eq!(
        (s.leads(4, NoMatch), s.leads(4, Match)),
        (lines(&[2]), lines(&[4]))
    );
    assert_eq!(s.leads(2, After), lines(&[6]));
    assert_eq!(
        (s.bound("t", 3), s.bound("t", 4), s.bound("t", 6)),
        (Some(3), Some(1), Some(1))
    );
}
