//! Branches and clauses: what runs after what, and what decides it.

use super::sample::{RAISE, lines, sample};
use codegraph::flow::EdgeKind::{False, Match, NoMatch, True};

/// Scenario: two clauses with guards. Guarantee: a head that does not match and a guard that does not hold lead to the
/// next clause; after the last the function raises.
#[test]
fn clauses_are_tried_in_order() {
    let s = sample(
        "def f({:a, x})
             when x > 0 do
           g(x)
         end
         def f([x]) do
           h(x)
         end",
    );
    assert_eq!(s.leads(1, Match), lines(&[2]));
    assert_eq!(s.leads(1, NoMatch), lines(&[5]));
    assert_eq!((s.leads(2, True), s.leads(2, False)), (lines(&[3]), lines(&[5])));
    assert_eq!(s.leads(5, NoMatch), lines(&[RAISE]));
}

/// Scenario: clauses behind one that takes everything, in a function, a `case` and a `cond`. Guarantee: they are
/// unreachable, the others are not.
#[test]
fn what_follows_a_catch_all_is_unreachable() {
    let s = sample(
        "def f(x) do
           case x do
             1 -> a()
             _ -> b()
             2 -> c()
           end
           cond do
             x -> a()
             true -> b()
             x > 1 -> c()
           end
         end
         def f(1), do: d()",
    );
    assert_eq!(s.unreachable(), lines(&[5, 10, 13]));
}

/// Scenario: a value chosen by `if`, beside an independent one. Guarantee: the slice holds the condition and both arms,
/// and nothing of the other.
#[test]
fn a_slice_follows_the_condition() {
    let s = sample(
        "def f(a, b) do
           c = g(a)
           d = h(b)
           x =
             if c > 1 do
               m()
             else
               n()
             end
           y = k(d)
           {x,
            y}
         end",
    );
    assert_eq!(s.slice(4), lines(&[1, 2, 4, 5, 6, 8]));
    assert_eq!(s.slice(10), lines(&[1, 3, 10]));
}

/// Scenario: the arms of `case` and `cond`. Guarantee: an arm depends on its own test and on those before it, not on those
/// after it.
#[test]
fn an_arm_depends_on_the_tests_before_it() {
    let s = sample(
        "def f(x, p) do
           q = g(p)
           case x do
             {:a, v}
               when v > 1 ->
                 m()
             [w]
               when w > q ->
                 n()
             _ -> o()
           end
         end
         def g(x) do
           cond do
             x > 1 -> a()
             x > 2 -> b()
             true -> c()
           end
         end",
    );
    // The head's line is also that of the parameter that is matched.
    assert_eq!(s.slice(6), lines(&[1, 3, 4, 5, 6]));
    let second = s.slice(9);
    assert!(
        second.is_superset(&lines(&[1, 2, 3, 4, 5, 7, 8, 9]))
            && !second.contains(&10)
            && !second.contains(&6)
    );
    assert!(s.slice(15).is_disjoint(&lines(&[16, 17])));
}

/// Scenario: `with` with `else`, one clause of which cannot fail. Guarantee: a value that does not match goes to `else`;
/// without `else` it is the result.
#[test]
fn with_falls_through() {
    let s = sample(
        "def f(a, b) do
           with {:ok, x} <-
                  g(a),
                y <-
                  h(b),
                [z] <-
                  k(x) do
             {y, z}
           else
             {:error, e} ->
               m(e)
             ^b -> n()
           end
         end
         def g(a) do
           with {:ok, x} <- h(a) do
             x
           end
         end",
    );
    assert_eq!(s.leads(2, NoMatch), lines(&[10]));
    assert_eq!(s.leads(4, NoMatch), lines(&[]));
    assert_eq!(s.leads(6, NoMatch), lines(&[10]));
    assert_eq!(s.leads(12, NoMatch), lines(&[RAISE]));
    // The error came from line 3 or 7, not from 5.
    let error = s.slice(11);
    assert!(error.is_superset(&lines(&[2, 3, 6, 7, 10, 11])));
    assert!(!error.contains(&5));
    assert_eq!(s.leads(16, NoMatch), lines(&[16]));
    assert!(s.slice(16).is_superset(&lines(&[15, 16, 17])));
}

/// Scenario: `a && b`, `a || b`. Guarantee: the right side runs only if the left one decides so, and depends on it.
#[test]
fn shortcuts_branch() {
    let s = sample(
        "def f(a, b) do
           a &&
             g(b)
           a ||
             h(b)
         end",
    );
    assert_eq!((s.leads(2, True), s.leads(2, False)), (lines(&[3]), lines(&[2])));
    assert_eq!((s.leads(4, False), s.leads(4, True)), (lines(&[5]), lines(&[4])));
    assert_eq!(s.slice(3), lines(&[1, 2, 3]));
}

/// Scenario: a parameter with a default. Guarantee: the default is evaluated or not, and flows into the parameter.
#[test]
fn a_default_is_one_of_two_values() {
    let s = sample(
        "def f(
           a,
           b \\\\ g()
         ) do
           h(b)
         end",
    );
    assert!(s.slice(5).contains(&3));
    assert!(!s.slice(5).contains(&2));
    assert_eq!(s.leads(3, True), lines(&[3]));
    assert!(s.unreachable().is_empty());
}

/// Scenario: an assertive match whose error nothing handles. Guarantee: what follows does not depend on it (the rule for
/// errors that are not written down), what it binds does.
#[test]
fn an_implicit_error_decides_nothing() {
    let s = sample(
        "def f(a, b) do
           {:ok, x} = g(a)
           y = h(b)
           z = k(x)
         end",
    );
    assert_eq!(s.slice(3), lines(&[1, 3]));
    assert_eq!(s.slice(4), lines(&[1, 2, 4]));
    assert_eq!(s.leads(2, NoMatch), lines(&[RAISE]));
}
