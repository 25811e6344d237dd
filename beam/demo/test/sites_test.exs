defmodule ShopTest.Sites do
  @moduledoc "Every site of the shop stands in the source where its table says."
  use ExUnit.Case, async: true

  alias ElixirScope.SiteTable

  test "each site's token is at its line and column" do
    modules = :shop |> Application.spec(:modules) |> Enum.filter(&instrumented?/1)
    assert length(modules) > 20

    wrong =
      for module <- modules,
          {:ok, table} = SiteTable.decode(module.__elixir_scope__(:sites)),
          lines = table.file |> File.read!() |> String.split("\n"),
          site <- table.sites,
          not at?(lines, site),
          do: {module, site}

    assert wrong == []
  end

  defp instrumented?(module) do
    Code.ensure_loaded?(module) and ElixirScope.Loader.instrumented?(module)
  end

  # The shop's sources are ASCII, so that a column is an index.
  defp at?(lines, site) do
    site.column > 0 and
      lines |> Enum.at(site.line - 1) |> String.slice(site.column - 1, String.length(site.token)) ==
        site.token
  end
end
