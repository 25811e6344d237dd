//! Operators and their precedence.

use super::{same, show};

/// Scenario: operators of neighbouring precedence, and chains of one. Guarantee: Elixir's table (`elixir_parser.yrl`).
#[test]
fn precedence() {
    same("a <- b when c :: d | e = f", "a <- (b when (c :: (d | (e = f))))");
    same(
        "a || b && c == d < e |> f in g",
        "a || (b && (c == (d < (e |> (f in g)))))",
    );
    same("a ++ b .. c + d * e ** -f", "a ++ (b .. (c + (d * (e ** (-f)))))");
    same("a - b - c", "(a - b) - c");
    same("a ++ b -- c", "a ++ (b -- c)");
    same("a = b = c", "a = (b = c)");
    same("a ** b ** c", "(a ** b) ** c");
    same("@a.b", "(@a).b");
    same("-a.b", "-(a.b)");
}

/// Scenario: all ways to write `not in`. Guarantee: the negation is around, unless parentheses keep it inside.
#[test]
fn not_in() {
    let expected = "{:f, [], [{:not, [], [{:in, [], [{:a, [], nil}, {:b, [], nil}]}]}]}";
    assert_eq!(show("f(a not in b)"), expected);
    assert_eq!(show("f(not a in b)"), expected);
    assert_eq!(show("f(a not  in b)"), expected);
    assert_eq!(
        show("f(!a in b)"),
        "{:f, [], [{:!, [], [{:in, [], [{:a, [], nil}, {:b, [], nil}]}]}]}"
    );
    assert_eq!(
        show("(!a) in b"),
        "{:in, [], [{:__block__, [], [{:!, [], [{:a, [], nil}]}]}, {:b, [], nil}]}"
    );
    same("f(not a in b in c)", "f(not((a in b) in c))");
}

/// Scenario: ranges with and without a step, and no operands at all. Guarantee: a step makes one call of three.
#[test]
fn ranges() {
    assert_eq!(show("1..2"), "{:.., [], [1, 2]}");
    assert_eq!(show("1..2//3"), "{:..//, [], [1, 2, 3]}");
    same("(1..2)//3", "1..2//3");
    assert_eq!(show("f(..)"), "{:f, [], [{:.., [], []}]}");
}

/// Scenario: captures by number, name and operator, and what follows them. Guarantee: `&` takes tighter operators along
/// and weaker ones not, whatever the grammar does.
#[test]
fn captures() {
    assert_eq!(show("&1"), "{:&, [], [1]}");
    assert_eq!(show("&f/1"), "{:&, [], [{:/, [], [{:f, [], nil}, 1]}]}");
    assert_eq!(
        show("&A.f/1"),
        "{:&, [], [{:/, [], [{{:., [], [{:__aliases__, [], [:A]}, :f]}, [], []}, 1]}]}"
    );
    assert_eq!(show("&+/2"), "{:&, [], [{:/, [], [{:+, [], nil}, 2]}]}");
    assert_eq!(show("& ../2"), "{:&, [], [{:/, [], [{:.., [], nil}, 2]}]}");
    assert_eq!(show("&//2"), "{:&, [], [{:/, [], [{:/, [], nil}, 2]}]}");
    same("[&f/1 | t]", "[(&f/1) | t]");
    same("a <- &b \\\\ &c", "(a <- (&b)) \\\\ (&c)");
    same("&(&1).a", "&((&1).a)");
    same("&(&1) + 1 |> f", "&(((&1) + 1) |> f)");
    same("&(f/1) | g", "(&(f/1)) | g");
    assert_eq!(
        show("&(!&1)"),
        "{:&, [], [{:__block__, [], [{:!, [], [{:&, [], [1]}]}]}]}"
    );
}

/// Scenario: the three dots. Guarantee: a name in 1.14.
#[test]
fn dots() {
    assert_eq!(show("[...]"), "[{:..., [], nil}]");
}
