//! Calls: pipes, who is called, and slices through calls.

use super::sample::{lines, sample};
use codegraph::flow::Callee;

/// Scenario: a pipe into calls, a `case` and a closure. Guarantee: each value is the first argument of the next; arities
/// count it.
#[test]
fn a_pipe_passes_the_first_argument() {
    let s = sample(
        "def f(a, b) do
           a
           |> g(1)
           |> M.h(b)
           |> case do
             {:ok, v} -> v
             _ -> b
           end
           |> (&k(&1)).()
         end",
    );
    let calls: Vec<(String, u32)> = s.flows[0]
        .dfg
        .calls
        .iter()
        .map(|call| match call.callee {
            Callee::Local(name) | Callee::Remote(_, name) => {
                (s.tree.symbols().text(name).to_owned(), call.arity)
            }
            Callee::Dynamic => ("?".to_owned(), call.arity),
        })
        .collect();
    let expected = [("g", 2), ("h", 2), ("k", 1), ("?", 1)];
    assert_eq!(calls, expected.map(|(name, arity)| (name.to_owned(), arity)));
    assert!(s.slice(4).is_superset(&lines(&[1, 2, 3, 4])));
    assert!(s.slice(6).contains(&3));
}

/// Scenario: `&name/1`, `&M.name/2`. Guarantee: captures are known, nothing is called.
#[test]
fn captures_of_named_functions_are_known() {
    let s = sample("def f(xs), do: Enum.map(xs, &g/1) ++ Enum.reduce(xs, &M.h/2)");
    let captured: Vec<u32> = s.flows[0]
        .dfg
        .calls
        .iter()
        .filter(|call| call.captured)
        .map(|call| call.arity)
        .collect();
    assert_eq!(captured, [1, 2]);
}

/// Scenario: a function that uses one of two parameters, called by two others. Guarantee: a slice goes through the call
/// to that argument alone, into the callee, and never out to the other caller.
#[test]
fn a_slice_goes_through_a_call_and_back_to_its_caller() {
    let s = sample(
        "def f(a, b) do
           x = k(a)
           y = k(b)
           pick(x, y)
         end
         def g(c) do
           z = k(c)
           pick(z, 1)
         end
         def pick(p, _q) do
           m(p)
         end",
    );
    let slice = s.slice_through(4);
    assert!(slice.is_superset(&lines(&[1, 2, 4, 10, 11])), "{slice:?}");
    assert!(slice.is_disjoint(&lines(&[3, 7, 8])), "{slice:?}");
    let inside = s.slice_through(11);
    assert!(
        inside.is_superset(&lines(&[2, 7, 10, 11])),
        "from inside, both callers: {inside:?}"
    );
    assert!(!inside.contains(&3));
}

/// Scenario: recursion with an accumulator. Guarantee: the summary is a fixed point: both parameters reach the result.
#[test]
fn summaries_of_recursion_are_found() {
    let s = sample(
        "def len([], n, _), do: n
         def len([_ | t], n, z), do: len(t, n + 1, z)
         def both(a, b, c), do: len(a, b, c)",
    );
    let program = s.program();
    let bits: Vec<u64> = program
        .summaries()
        .iter()
        .map(|summary| summary.result.bits())
        .collect();
    assert_eq!(bits, [0b011, 0b011]);
}

/// Scenario: a call to a function that may raise, and a statement behind it. Guarantee: the statement depends on the call,
/// and on what decides in the callee.
#[test]
fn a_callee_that_raises_decides_about_what_follows() {
    let s = sample(
        "def f(a, b) do
           check(a, b)
           g(b)
         end
         def check(x, y) do
           h(y)
           if x > 1 do
             raise \"no\"
           end
         end",
    );
    let program = s.program();
    assert!(program.summaries().iter().all(|summary| summary.raises));
    assert_eq!(program.summaries()[1].outcome.bits(), 0b01);
    let slice = s.slice_through(3);
    assert!(
        slice.is_superset(&lines(&[1, 2, 3, 5, 7])) && !slice.contains(&6),
        "{slice:?}"
    );
}

/// Scenario: defaults left out. Guarantee: arguments are matched with the parameters that they are for.
#[test]
fn arguments_find_their_parameters() {
    let s = sample(
        "def f(a, b) do
           x = k(a)
           y = k(b)
           g(x,
             y)
         end
         def g(p \\\\ 1, q, r \\\\ 2, s) do
           m(q)
           r
         end",
    );
    let program = s.program();
    assert_eq!(program.summaries()[1].result.bits(), 0b0100);
    // `g(x, y)` gives `q` and `s`: the result is the default of `r`.
    let slice = s.slice_through(4);
    assert!(slice.is_disjoint(&lines(&[2, 3])), "{slice:?}");
}

/// Scenario: what depends on a statement. Guarantee: the forward slice is the backward one turned round.
#[test]
fn impact_is_the_slice_turned_round() {
    let s = sample(
        "def f(a) do
           x = g(a)
           y = h()
           if x > 1 do
             k()
           else
             y
           end
         end",
    );
    assert_eq!(s.impact(2), lines(&[2, 4, 5, 7]));
    let impact = s.impact(3);
    assert!(impact.is_superset(&lines(&[3, 4, 7])) && !impact.contains(&5));
}

/// Scenario: a macro with a `do` block that nothing is known of. Guarantee: its body may run, it is marked as unknown,
/// and its bindings stay inside.
#[test]
fn an_unknown_block_may_run() {
    let s = sample(
        "def f(a) do
           x = 1
           repo_transaction a do
             x = g(a)
             x
           end
           h(x)
         end",
    );
    assert_eq!(s.bound("x", 7), Some(2));
    assert!(s.slice(3).contains(&4));
    assert_eq!(s.flows[0].dfg.unknown.len(), 1);
}
