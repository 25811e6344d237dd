//! `fn` and `&`.

use super::sample::{lines, sample};
use codegraph::flow::FlowKind;

/// Scenario: a closure reads a variable that is bound again after it. Guarantee: it has the version of when it was made;
/// its own bindings stay inside.
#[test]
fn a_closure_captures_the_version() {
    let s = sample(
        "def f(x) do
           g = fn y ->
             z = x + y
             z
           end
           x = 2
           z = 3
           g.(x + z)
         end",
    );
    assert_eq!(s.bound("x", 3), Some(1));
    assert_eq!((s.bound("z", 4), s.bound("z", 8)), (Some(3), Some(7)));
    let captured = s.flows[0]
        .dfg
        .flows
        .iter()
        .filter(|flow| flow.kind == FlowKind::Capture)
        .count();
    assert_eq!(captured, 1);
}

/// Scenario: a call of a closure. Guarantee: its value depends on the body, on what the body captures and on the
/// argument.
#[test]
fn a_call_of_a_closure_depends_on_its_body() {
    let s = sample(
        "def f(a, b, c) do
           k = g(a)
           n = g(b)
           h = fn x ->
             x * k
           end
           m = g(n)
           h.(m)
         end",
    );
    assert!(s.slice(8).is_superset(&lines(&[1, 2, 3, 4, 5, 7, 8])));
    assert!(s.slice(5).contains(&7), "the argument reaches the parameter");
}

/// Scenario: a closure beside a list in a call, through a pipe, with `&`. Guarantee: elements of the list reach the
/// closure's parameters.
#[test]
fn what_stands_beside_a_closure_reaches_it() {
    let s = sample(
        "def f(a, b) do
           xs = g(a)
           k = g(b)
           xs
           |> Enum.map(fn x ->
             h(x)
           end)
           |> Enum.filter(
             &(&1 > k)
           )
         end",
    );
    assert!(s.slice(6).is_superset(&lines(&[1, 2, 4, 6])));
    assert!(!s.slice(6).contains(&3));
    assert!(s.slice(9).is_superset(&lines(&[2, 3, 5, 6])));
}

/// Scenario: a closure in an arm. Guarantee: its body depends on the arm's condition; a `raise` in it does not end the
/// function.
#[test]
fn a_body_depends_on_its_closure_being_made() {
    let s = sample(
        "def f(a) do
           if a do
             fn ->
               raise \"x\"
               g()
             end
           end
           h()
         end",
    );
    assert!(s.slice(4).contains(&2));
    assert_eq!(s.unreachable(), lines(&[5]));
    assert_eq!(s.slice(8), lines(&[8]));
}

/// Scenario: clauses of `fn` with guards. Guarantee: tried in order, each with its own names.
#[test]
fn fn_has_clauses() {
    let s = sample(
        "def f(n) do
           fn
             {x, n} when x > n -> n
             x -> g(x, n)
             _ -> h()
           end
         end",
    );
    assert_eq!((s.bound("n", 3), s.bound("n", 4)), (Some(3), Some(1)));
    assert_eq!(s.unreachable(), lines(&[5]));
}

/// Scenario: `quote` with `unquote`. Guarantee: only what is unquoted is read and evaluated.
#[test]
fn quote_evaluates_what_is_unquoted() {
    let s = sample(
        "defmacro f(a, b) do
           quote do
             x = unquote(a)
             raise b
           end
         end",
    );
    assert_eq!(s.bound("a", 3), Some(1));
    assert!(s.versions("x").is_empty() && s.unreachable().is_empty());
    assert_eq!(s.flows[0].dfg.uses.len(), 1);
}
