//! Each kind of site finds its piece of source.

use crate::support::Text;
use codegraph::{Precision, Unmapped, resolve_line};
use event::SiteKind::{
    self, Callback, Case, Catch, Clause, Cond, Fn, Receive, ReceiveAfter, Rescue, Send, TryElse,
};
use event::SiteKind::{Variable, With, WithElse};

const STOCK: &str = r"defmodule Shop.Stock do
  def take(id, n) when is_integer(n) and n > 0 do
    case :ets.lookup(__MODULE__, id) do
      [{^id, have}] when have >= n -> {:ok, have - n}
      _ -> {:error, :none}
    end
  end

  def take(_id, n), do: cond do n == nil -> :nil; true -> :bad end

  def a <~> b when a > b, do: a
  def -a, do: a

  def order(list, opts \\ []) do
    f = fn x, y -> x + y
           x -> x end
    send(self(), f); send self(), :again
    Kernel.send(self(), list)
    with {:ok, a} <- list, b = a do
      f.(a, b)
    else
      :error -> &(&1 + opts)
      {:error, e} when is_atom(e) -> e
    end
  end

  def wait do
    receive do
      {:x, m} -> m
    after
      100 -> :late
    end
  end

  def risky(s) do
    try do
      s
    rescue
      e in [ArgumentError] -> e
    catch
      :exit, r -> r
    else
      ok -> ok
    after
      :ok
    end
  rescue
    ArithmeticError -> if s, do: 1, else: 2
  end
end
";

#[test]
fn a_clause_is_found_by_the_name_in_its_head_whatever_its_guard() {
    let text = Text::new(STOCK);
    let clause = text.node(2, 7, "take", Clause);
    assert!(
        clause.starts_with("def take(id, n) when") && clause.ends_with("end\n  end"),
        "{clause}"
    );
    assert_eq!(
        text.function(2, 7, "take", Callback),
        "Elixir.Shop.Stock.take/2 0"
    );
    assert_eq!(
        text.function(9, 7, "take", SiteKind::Return),
        "Elixir.Shop.Stock.take/2 1"
    );
    assert_eq!(text.node(11, 9, "<~>", Clause), "def a <~> b when a > b, do: a");
    assert_eq!(text.function(12, 7, "-", Clause), "Elixir.Shop.Stock.-/1 0");
    assert_eq!(
        text.function(14, 7, "order", SiteKind::Entry),
        "Elixir.Shop.Stock.order/2 0"
    );
}

#[test]
fn an_arrow_stands_for_its_clause() {
    let text = Text::new(STOCK);
    let arrows = [
        (4, 36, Case, "[{^id, have}] when have >= n -> {:ok, have - n}"),
        (5, 9, Case, "_ -> {:error, :none}"),
        (9, 42, Cond, "n == nil -> :nil"),
        (9, 56, Cond, "true -> :bad"),
        (15, 17, Fn, "x, y -> x + y"),
        (16, 14, Fn, "x -> x"),
        (22, 14, WithElse, ":error -> &(&1 + opts)"),
        (23, 35, WithElse, "{:error, e} when is_atom(e) -> e"),
        (29, 15, Receive, "{:x, m} -> m"),
        (31, 11, ReceiveAfter, "100 -> :late"),
        (39, 28, Rescue, "e in [ArgumentError] -> e"),
        (41, 16, Catch, ":exit, r -> r"),
        (43, 10, TryElse, "ok -> ok"),
        (48, 21, Rescue, "ArithmeticError -> if s, do: 1, else: 2"),
    ];
    for (line, column, kind, node) in arrows {
        assert_eq!(
            text.node(line, column, "->", kind).trim_end(),
            node,
            "{kind} at {line}:{column}"
        );
    }
}

#[test]
fn calls_captures_and_variables_stand_for_themselves() {
    let text = Text::new(STOCK);
    assert_eq!(text.node(17, 5, "send", Send), "send(self(), f)");
    assert_eq!(text.node(17, 22, "send", Send), "send self(), :again");
    assert_eq!(text.node(18, 12, "send", Send), "Kernel.send(self(), list)");
    assert!(text.node(19, 5, "with", With).ends_with("-> e\n    end"));
    assert_eq!(text.node(22, 17, "&", Fn), "&(&1 + opts)");
    assert_eq!(text.node(48, 24, "if", Case), "if s, do: 1, else: 2");
    assert_eq!(text.node(4, 14, "have", Variable), "have");
    assert_eq!(text.function(22, 17, "&", Fn), "Elixir.Shop.Stock.order/2 0");
}

#[test]
fn what_is_not_there_is_unmapped_in_words() {
    let text = Text::new(STOCK);
    let fault = |line, column, token, kind| text.resolve(line, column, token, kind).unwrap_err().to_string();
    assert_eq!(
        fault(2, 7, "took", Clause),
        "line 2 has \"take\" at column 7, not \"took\""
    );
    assert_eq!(
        fault(2, 8, "take", Clause),
        "no token begins at line 2, column 8; \"take\" was expected"
    );
    assert_eq!(
        fault(17, 5, "send", Clause),
        "\"send\" at line 17, column 5 is not the name in a definition's head"
    );
    assert_eq!(
        fault(99, 1, "x", Case),
        "the source has 51 lines, none numbered 99"
    );
    assert_eq!(fault(0, 0, "x", Case), "the site has no line");
    let other = codegraph::resolve(&text.document, b"short", 2, 7, "take", Clause);
    assert_eq!(
        other,
        Err(Unmapped::OtherSource {
            found: 5,
            expected: STOCK.len() as u32
        })
    );
}

#[test]
fn without_a_column_the_only_token_of_the_line_or_the_line() {
    let text = Text::new(STOCK);
    let only = text.resolve(29, 0, "->", Receive).unwrap();
    assert_eq!(
        (only.precision, text.slice(only.node_bytes).trim_end()),
        (Precision::OnlyOnLine, "{:x, m} -> m")
    );
    let two = text.resolve(9, 0, "->", Cond).unwrap();
    assert_eq!(two.precision, Precision::LineOnly);
    assert!(text.slice(two.token_bytes).starts_with("def take(_id") && two.column == 3);
    assert_eq!(two.function.unwrap().name, "take");
    let line = resolve_line(&text.document, text.source.as_bytes(), 17).unwrap();
    assert_eq!(
        text.slice(line.token_bytes),
        "send(self(), f); send self(), :again"
    );
    assert_eq!(text.slice(line.node_bytes), "send(self(), f)");
    let blank = resolve_line(&text.document, text.source.as_bytes(), 8).unwrap();
    assert_eq!((text.slice(blank.token_bytes), blank.column), ("", 0));
}
