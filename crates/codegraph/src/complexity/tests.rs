//! Each metric's rule, on samples counted by hand.

use super::*;
use crate::sample::sample;

fn of(text: &str) -> Complexity {
    let tree = sample(text);
    let outline = Outline::of(&tree);
    measure(&tree, &outline, 0).unwrap()
}

/// Scenario: a function that does one thing. Guarantee: complexity one, nothing else.
#[test]
fn a_straight_line_is_one() {
    let found = of("(def (f x) [{:do (g x)}])");
    assert_eq!((found.cyclomatic, found.cognitive, found.nesting), (1, 0, 0));
    assert_eq!(
        (found.assignments, found.branches, found.conditions, found.abc()),
        (0, 1, 0, 1.0)
    );
}

/// Scenario: `if` with `else` inside a `case` of three clauses. Guarantee: cyclomatic 1 + 2 + 1; cognitive 1 for the case,
/// 2 for the nested `if`, 1 for its `else`.
#[test]
fn nesting_weighs() {
    let found = of("(def (f x) [{:do (case x [{:do [
        (-> [1] (if (> x 2) [{:do (a)} {:else (b)}]))
        (-> [2] (c)) (-> [y] y)]}])}])");
    assert_eq!((found.cyclomatic, found.cognitive, found.nesting), (4, 4, 2));
    assert_eq!((found.branches, found.conditions), (3, 3 + 2 + 1));
}

/// Scenario: `a and b and c or d`. Guarantee: three decisions, two sequences of operators.
#[test]
fn operators_count_by_sequence() {
    let found = of("(def (f a b c d) [{:do (or (and (and a b) c) d)}])");
    assert_eq!((found.cyclomatic, found.cognitive), (4, 2));
}

/// Scenario: two clauses, the second calls itself through a pipe. Guarantee: one more path, one point for the choice, one
/// for the recursion.
#[test]
fn clauses_are_a_choice_and_recursion_counts() {
    let found = of("(__block__ (def (f []) [{:do 0}]) (def (when (f x) (> x 1)) [{:do (|> (g x) (f))}]))");
    assert_eq!((found.cyclomatic, found.cognitive, found.recursive), (2, 2, true));
    assert_eq!((found.clauses, found.conditions), (2, 3));
}

/// Scenario: `try` with `rescue` and `after` around a `for` with a filter. Guarantee: the handler opens a level, the body
/// does not.
#[test]
fn a_handler_is_a_branch() {
    let found = of("(def (f xs) [{:do (try [
        {:do (for (<- x xs) (> x 1) [{:do (g x)}])}
        {:rescue [(-> [e] (h e))]}
        {:after (k)}])}])");
    assert_eq!((found.cyclomatic, found.cognitive, found.nesting), (4, 2, 1));
    assert_eq!((found.assignments, found.branches), (1, 3));
}

/// Scenario: `quote`. Guarantee: what is quoted does not run here and does not count.
#[test]
fn quoted_code_does_not_count() {
    let found = of("(defmacro (f x) [{:do (quote [{:do (if x [{:do 1}])}])}])");
    assert_eq!((found.cyclomatic, found.cognitive, found.branches), (1, 0, 0));
}

/// Scenario: `cond` with calls and comparisons as conditions, and a pattern with an operator in `case`. Guarantee: the
/// conditions count, the pattern does not.
#[test]
fn conditions_of_cond_count_and_patterns_do_not() {
    let found = of("(def (f x) [{:do (cond [{:do [
        (-> [(g x)] 1) (-> [(and (h x) (> x 1))] 2) (-> [:true] (case x [{:do [(-> [(<> \"a\" y)] y)]}]))]}])}])");
    assert_eq!((found.cyclomatic, found.branches, found.conditions), (4, 2, 4));
    assert_eq!(found.cognitive, 1 + 1 + 2);
}
