//! Exceptions, throws, exits and who handles them.

use super::sample::{DISPATCH, RAISE, lines, sample};
use codegraph::flow::EdgeKind::{After, Exception, NoMatch, Return};

/// Scenario: statements after `raise`, `throw`, `exit`, `reraise`, `:erlang.error`; and after an `if` one arm of which
/// raises, and both. Guarantee: exactly those that can never run are unreachable.
#[test]
fn nothing_follows_a_raise() {
    let s = sample(
        "def f(a) do
           if a do
             raise \"no\"
             b()
           end
           c()
           if a do
             throw(:x)
           else
             exit(:y)
           end
           d()
         end
         def g(e) do
           reraise(e, [])
           a()
         end
         def h() do
           :erlang.error(:bad)
           a()
         end",
    );
    assert_eq!(s.unreachable(), lines(&[4, 12, 16, 20]));
    assert_eq!(s.leads(3, Exception), lines(&[RAISE]));
}

/// Scenario: what follows a conditional `raise`. Guarantee: it depends on the condition, because that decides whether it
/// runs.
#[test]
fn what_follows_a_conditional_raise_depends_on_it() {
    let s = sample(
        "def f(a, b) do
           if a > 1 do
             raise \"no\"
           end
           g(b)
         end",
    );
    assert_eq!(s.slice(5), lines(&[1, 2, 5]));
}

/// Scenario: `try` with `rescue`, `catch`, `else` and `after`. Guarantee: a call leads to the handlers, `else` sees the
/// body's value, errors in a handler run `after` and go on, everything meets behind `after`.
#[test]
fn try_has_all_its_ways() {
    let s = sample(
        "def f(a) do
           try do
             g(a)
           rescue
             e in [ArgumentError] ->
               h(e)
           catch
             :exit, r -> k(r)
           else
             {:ok, v} -> v
             other -> m(other)
           after
             n()
           end
           o()
         end",
    );
    assert!(
        s.leads(3, Exception).contains(&DISPATCH),
        "{:?}",
        s.leads(3, Exception)
    );
    assert_eq!(s.leads(5, NoMatch).len(), 1);
    assert!(
        s.leads(6, Exception).contains(&13),
        "a handler's error runs after"
    );
    assert_eq!(s.leads(10, NoMatch), lines(&[11]));
    assert!(s.unreachable().is_empty(), "{:?}", s.unreachable());
    assert!(
        s.slice(6).is_superset(&lines(&[1, 3, 5, 6])),
        "what was raised came from the call"
    );
    assert!(
        !s.slice(15).contains(&3),
        "what follows runs in any case, errors that leave aside"
    );
    assert!(
        s.slice(2).is_superset(&lines(&[3, 6, 8, 10, 11])),
        "{:?}",
        s.slice(2)
    );
    assert!(!s.slice(2).contains(&13), "the value of after is dropped");
}

/// Scenario: a statement behind a call inside `try`. Guarantee: it depends on the call, which may lead to the handler.
#[test]
fn inside_try_every_call_decides() {
    let s = sample(
        "def f(a, b) do
           try do
             g(a)
             h(b)
           rescue
             _ -> k()
           end
         end",
    );
    assert!(s.slice(4).contains(&3));
    assert!(s.slice(6).is_superset(&lines(&[3, 4])));
}

/// Scenario: `throw` inside a `try` with `rescue` and `catch`. Guarantee: `rescue` does not take it, `catch` does, and
/// gets its value.
#[test]
fn rescue_does_not_take_a_throw() {
    let s = sample(
        "def f(a) do
           try do
             throw({:done, a})
           rescue
             e -> g(e)
           catch
             {:done, v} -> h(v)
           end
         end",
    );
    assert_eq!(s.unreachable(), lines(&[5]));
    assert!(s.slice(7).is_superset(&lines(&[1, 3, 7])));
}

/// Scenario: a body that always raises, with `after`. Guarantee: `after` runs, what follows does not.
#[test]
fn after_runs_also_when_the_body_raises() {
    let s = sample(
        "def f(a) do
           try do
             raise a
           after
             g(a)
           end
           h(a)
         end",
    );
    assert_eq!(s.unreachable(), lines(&[7]));
    assert_eq!(s.leads(3, Exception), lines(&[5]));
    assert_eq!(s.leads(5, After), lines(&[5]));
}

/// Scenario: `rescue`, `else` and `after` on `def`. Guarantee: as in `try`; parameters are seen, bindings of the body are
/// not.
#[test]
fn a_function_has_sections_too() {
    let s = sample(
        "def f(a) do
           x = 1
           g(a, x)
         rescue
           e in KeyError -> h(a, e)
         else
           :ok -> k(a)
         after
           m(x)
         end",
    );
    assert_eq!(s.bound("a", 5), Some(1));
    assert_eq!(s.bound("x", 9), None);
    assert_eq!(s.leads(7, Return), lines(&[]));
    assert_eq!(s.leads(9, codegraph::flow::EdgeKind::Next).len(), 1);
    assert!(s.unreachable().is_empty());
    assert!(s.slice(7).contains(&3));
}

/// Scenario: a conditional `raise` inside `try ... after`, without a handler. Guarantee: what follows the `try` depends on
/// the condition.
#[test]
fn a_raise_goes_on_after_after() {
    let s = sample(
        "def f(a, b) do
           try do
             if a > 1 do
               raise \"x\"
             end
             g()
           after
             h()
           end
           k(b)
         end",
    );
    assert!(s.slice(10).contains(&3), "{:?}", s.slice(10));
}
