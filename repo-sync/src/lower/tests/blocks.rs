//! Sequences, `do` blocks and clauses.

use super::{same, show};

/// Scenario: a module with a function. Guarantee: nested calls with `do` lists.
#[test]
fn a_module() {
    assert_eq!(
        show("defmodule A.B do\n  def f(x), do: x + 1\nend\n"),
        "{:defmodule, [], [{:__aliases__, [], [:A, :B]}, [{:do, {:def, [], [{:f, [], [{:x, [], nil}]}, \
         [{:do, {:+, [], [{:x, [], nil}, 1]}}]]}}]]}"
    );
}

/// Scenario: files with none, one and two expressions. Guarantee: only two make a block of more than one.
#[test]
fn a_file_is_a_block() {
    assert_eq!(show(""), "{:__block__, [], []}");
    assert_eq!(show("# nothing\n"), "{:__block__, [], []}");
    assert_eq!(show("a"), "{:a, [], nil}");
    assert_eq!(
        show("a\nb;c"),
        "{:__block__, [], [{:a, [], nil}, {:b, [], nil}, {:c, [], nil}]}"
    );
}

/// Scenario: lone `not`, `!` and `unquote_splicing` in a body and in parentheses. Guarantee: 1.14 wraps them in a block.
#[test]
fn a_lone_negation_is_wrapped() {
    assert_eq!(show("!a"), "{:__block__, [], [{:!, [], [{:a, [], nil}]}]}");
    assert_eq!(
        show("x = (not a)"),
        "{:=, [], [{:x, [], nil}, {:__block__, [], [{:not, [], [{:a, [], nil}]}]}]}"
    );
    assert_eq!(
        show("(unquote_splicing(a))"),
        "{:__block__, [], [{:unquote_splicing, [], [{:a, [], nil}]}]}"
    );
    assert_eq!(show("f(!a)"), "{:f, [], [{:!, [], [{:a, [], nil}]}]}");
}

/// Scenario: all sections of a `do` block, not in the usual order. Guarantee: one list, in the order written.
#[test]
fn sections_keep_their_order() {
    assert_eq!(
        show("try do\n  a\nafter\n  b\nrescue\n  e -> c\nelse\n  d -> e\ncatch\n  f, g -> h\nend"),
        "{:try, [], [[{:do, {:a, [], nil}}, {:after, {:b, [], nil}}, \
         {:rescue, [{:->, [], [[{:e, [], nil}], {:c, [], nil}]}]}, \
         {:else, [{:->, [], [[{:d, [], nil}], {:e, [], nil}]}]}, \
         {:catch, [{:->, [], [[{:f, [], nil}, {:g, [], nil}], {:h, [], nil}]}]}]]}"
    );
    assert_eq!(show("f do\nend"), "{:f, [], [[{:do, {:__block__, [], []}}]]}");
}

/// Scenario: keywords before a `do` block. Guarantee: two lists, as Elixir has it.
#[test]
fn a_do_block_is_an_argument_of_its_own() {
    assert_eq!(
        show("f a, b: 1 do\n  c\nend"),
        "{:f, [], [{:a, [], nil}, [{:b, 1}], [{:do, {:c, [], nil}}]]}"
    );
    same("f(a, b: 1) do c end", "f a, b: 1 do c end");
}

/// Scenario: clauses with guards, in parentheses or not, without arguments, with a body of two. Guarantee: the guard is
/// around all arguments.
#[test]
fn clauses() {
    assert_eq!(show("fn -> 1 end"), "{:fn, [], [{:->, [], [[], 1]}]}");
    same("fn () -> 1 end", "fn -> 1 end");
    assert_eq!(
        show("fn a, b when c -> d end"),
        "{:fn, [], [{:->, [], [[{:when, [], [{:a, [], nil}, {:b, [], nil}, {:c, [], nil}]}], {:d, [], nil}]}]}"
    );
    same("fn (a, b) when c -> d end", "fn a, b when c -> d end");
    same("fn (a when c) -> d end", "fn a when c -> d end");
    assert_eq!(
        show("fn (a, b when c) -> d end"),
        "{:fn, [], [{:->, [], [[{:a, [], nil}, {:when, [], [{:b, [], nil}, {:c, [], nil}]}], {:d, [], nil}]}]}"
    );
    assert_eq!(
        show("(x -> y; z)"),
        "[{:->, [], [[{:x, [], nil}], {:__block__, [], [{:y, [], nil}, {:z, [], nil}]}]}]"
    );
    assert_eq!(
        show("case a do\n  1 -> b\n  x ->\n    c\n    d\nend"),
        "{:case, [], [{:a, [], nil}, [{:do, [{:->, [], [[1], {:b, [], nil}]}, \
         {:->, [], [[{:x, [], nil}], {:__block__, [], [{:c, [], nil}, {:d, [], nil}]}]}]}]]}"
    );
}

/// Scenario: a clause whose only argument is in parentheses. Guarantee: a negation in it is wrapped, a splice is not.
#[test]
fn parentheses_of_a_clause() {
    assert_eq!(
        show("fn (!a) -> b end"),
        "{:fn, [], [{:->, [], [[{:__block__, [], [{:!, [], [{:a, [], nil}]}]}], {:b, [], nil}]}]}"
    );
    assert_eq!(
        show("fn (unquote_splicing(a)) -> b end"),
        "{:fn, [], [{:->, [], [[{:unquote_splicing, [], [{:a, [], nil}]}], {:b, [], nil}]}]}"
    );
}
