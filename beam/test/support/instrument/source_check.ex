defmodule ElixirScope.Test.SourceCheck do
  @moduledoc """
  Compares site tables with source texts, independently of the code that made them: a position is right if
  the tokenizer's own walk over the line finds the token there.
  """

  @doc "The sites whose position is not that of their token; those without a column are left out."
  def wrong(table, text) do
    lines = text |> String.split("\n") |> List.to_tuple()
    for site <- table.sites, site.column > 0, not at?(lines, site), do: site
  end

  @doc "The sites without a column."
  def unplaced(table), do: for(site <- table.sites, site.column == 0, do: site)

  # Elixir's columns: graphemes.
  defp at?(lines, site) do
    lines
    |> elem(site.line - 1)
    |> String.graphemes()
    |> Enum.drop(site.column - 1)
    |> Enum.take(String.length(site.token))
    |> Enum.join() == site.token and not inside_word?(lines, site)
  end

  # `send` in `sender` is not the token `send`.
  defp inside_word?(lines, site) do
    line = elem(lines, site.line - 1)
    after_token = String.slice(line, (site.column - 1 + String.length(site.token))..-1//1)
    before_token = String.slice(line, 0, site.column - 1)
    word? = site.token =~ ~r/\A\w/u
    word? and (after_token =~ ~r/\A[\w?!]/u or before_token =~ ~r/\w\z/u)
  end
end
