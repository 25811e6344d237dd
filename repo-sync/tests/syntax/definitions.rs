//! Modules, functions and clauses as the compiler names and counts them.

use crate::support::Text;

fn modules(source: &str) -> Vec<String> {
    let text = Text::new(source);
    text.document
        .definitions
        .modules
        .iter()
        .map(|module| module.names.join(" + "))
        .collect()
}

#[test]
fn modules_have_the_names_of_the_vm() {
    let source = r"
alias Far.Away
defmodule Shop.Stock do
  defmodule Item.Kind do
    defmodule Elixir.Absolute do end
  end
  defmodule Item.Other do end
  alias Away.{Near, Deep.Down}
  defimpl Near, for: [Item, Integer, Down] do end
  defimpl Enumerable do end
  defprotocol P do def size(x) end
  defmodule __MODULE__.Own do end
  defmodule :erl do end
  defmodule unquote(name) do end
  quote do defmodule Quoted do end end
end
defmodule Away.Here do end
";
    let expected = [
        "Elixir.Shop.Stock",
        "Elixir.Shop.Stock.Item.Kind",
        "Elixir.Absolute",
        "Elixir.Shop.Stock.Item.Other",
        "Elixir.Far.Away.Near.Shop.Stock.Item + Elixir.Far.Away.Near.Integer + Elixir.Far.Away.Near.Far.Away.Deep.Down",
        "Elixir.Enumerable.Shop.Stock",
        "Elixir.Shop.Stock.P",
        "Elixir.Shop.Stock.Own",
        "erl",
        "",
        "Elixir.Far.Away.Here",
    ];
    assert_eq!(modules(source), expected);
}

#[test]
fn functions_have_arities_defaults_and_clauses() {
    let text = Text::new(
        r"
defmodule A do
  def f(a, b \\ 1, c \\ 2)
  def f(a, b, c), do: a + b + c
  defp g, do: 1
  def f(1, 2, 3) when true, do: nil
  defmacro m do quote do def hidden(x), do: x end end
  def a ++ b, do: {a, b}
  defguard is_x(x) when x == 1
  defdelegate size(map, opts), to: Map, as: :x
  def unquote(name)(x), do: x
  def kw(a, b: b, c: c) do {a, b, c} end
  @spec h(x) :: x when x: term
  def h x do x end
  def call?(), do: false
end
",
    );
    let expected = [
        "Elixir.A.f/3-2 def 2",
        "Elixir.A.g/0 defp 1",
        "Elixir.A.m/0 defmacro 1",
        "Elixir.A.++/2 def 1",
        "Elixir.A.is_x/1 defguard 1",
        "Elixir.A.size/2 defdelegate 1",
        "Elixir.A.kw/2 def 1",
        "Elixir.A.h/1 def 1",
        "Elixir.A.call?/0 def 1",
    ];
    assert_eq!(text.functions(), expected);
    let definitions = &text.document.definitions;
    assert_eq!(definitions.find("Elixir.A", "f", 1).collect::<Vec<_>>(), [0]);
    assert_eq!(definitions.find("Elixir.A", "f", 0).count(), 0);
    assert!(definitions.clause(0, 1).is_some() && definitions.clause(0, 2).is_none());
}

/// A syntax error costs only the functions that it is in.
#[test]
fn functions_without_errors_stay_good() {
    let text = Text::new(
        "defmodule A do\n  def good(x), do: x\n  def bad(x), do: (x + \n  def last(y), do: y\nend\n",
    );
    assert!(!text.document.errors.is_empty());
    let definitions = &text.document.definitions;
    let good = definitions.find("Elixir.A", "good", 1).next();
    let clause = good.and_then(|good| definitions.clause(good, 0));
    assert!(clause.is_none_or(|clause| !clause.damaged));
    assert!(
        text.function(2, 7, "good", event::SiteKind::Clause)
            .ends_with("good/1 0")
    );
}

#[test]
fn ten_thousand_levels_are_no_trouble() {
    let deep = format!("x = {}1{}\n", "[".repeat(10_000), "]".repeat(10_000));
    let text = Text::new(&deep);
    assert!(text.document.nodes.len() > 10_000);
    let nested = format!("{}{}", "defmodule A do ".repeat(2_000), "end ".repeat(2_000));
    assert_eq!(Text::new(&nested).document.definitions.modules.len(), 2_000);
}
