defmodule ElixirScope.Instrument.PositionsTest do
  @moduledoc """
  Every site that someone wrote is at its token in the source; what a macro made says so.
  """
  use ExUnit.Case, async: false

  alias ElixirScope.Test.{Fixture, SourceCheck}

  test "all sites of a broad module are at their tokens" do
    {text, beams} = Fixture.compile_file("broad.ex")

    for {module, beam} <- beams, module != Broad.Size do
      {:ok, _rewritten, table} = Fixture.rewrite(beam, text)
      assert SourceCheck.wrong(table, text) == []

      if module == Broad do
        assert length(table.sites) > 150

        # What `twice/1` and `Logger.debug/1` expand to.
        lines = text |> String.split("\n") |> Enum.with_index(1)
        [macro] = for {line, number} <- lines, line =~ "def macros(x)", do: number
        [logger] = for {line, number} <- lines, line =~ "Logger.debug", do: number

        for site <- SourceCheck.unplaced(table) do
          assert site.macro_made?
          assert site.line in [macro, logger]
        end
      end
    end
  end

  test "a module compiled without columns has the same sites at the same positions" do
    {text, with_columns} = Fixture.compile_file("broad.ex")
    {^text, without} = Fixture.compile_file("broad.ex", columns: false)
    {:ok, _, expected} = Fixture.rewrite(with_columns[Broad], text)
    {:ok, _, table} = Fixture.rewrite(without[Broad], text)
    assert SourceCheck.wrong(table, text) == []
    assert length(table.sites) == length(expected.sites)

    different = for {a, b} <- Enum.zip(table.sites, expected.sites), a != b, do: {a, b}
    # Two captures or two `->` of several macros in one line cannot always be told apart; then they say so.
    assert Enum.all?(different, fn {site, exact} -> site.column == 0 and site.line == exact.line end)
    assert length(different) * 20 <= length(expected.sites)
  end

  test "without the source only what debug info knows is given" do
    {text, beams} = Fixture.compile_file("broad.ex")
    {:ok, _, table} = Fixture.rewrite(beams[Broad], text, source: nil)
    assert table.source_state == :unknown
    assert table.source_sha256 == <<0::256>>
    arrows = for site <- table.sites, site.token == "->", site.column > 0, do: site
    assert length(arrows) > 50

    for site <- table.sites,
        site.kind in [:clause, :return],
        site.token != "->",
        do: assert(site.column == 0 or site.token == "&")
  end

  test "positions of each kind" do
    text = """
    defmodule Placed do
      def run(list, x) when x > 0 do
        y = if x > 1, do: 1, else: 2
        case list do
          [a | _] -> a
          _ when y > 1 -> y
        end
      end

      defp    spaced(), do: receive(do: (:a -> 1), after: (5 -> 2))
      def used(p), do: with({:ok, v} <- p, do: send(self(), v), else: (_ -> spaced()))
      def multi(
            a
          ),
          do: Enum.map(a, &(&1 + 1))
      def handle(f) do
        f.()
      rescue
        e -> e
      catch
        :exit, r -> r
      else
        1 -> 2
      end
      def none?(x), do: !x
      def a |> b, do: {a, b}
      def same(x), do: x && x || :none
    end
    """

    {%{Placed => beam}, text} =
      {Fixture.compile("import Kernel, except: [|>: 2]\n" <> text),
       "import Kernel, except: [|>: 2]\n" <> text}

    {:ok, _, table} = Fixture.rewrite(beam, text)
    assert SourceCheck.wrong(table, text) == []
    assert SourceCheck.unplaced(table) == []
    found = for site <- table.sites, do: {site.line - 1, site.column, site.kind, site.token}

    for expected <- [
          {2, 7, :clause, "run"},
          {3, 9, :case, "if"},
          {5, 15, :case, "->"},
          {6, 20, :case, "->"},
          {2, 7, :return, "run"},
          {10, 11, :clause, "spaced"},
          {10, 41, :receive, "->"},
          {10, 58, :receive_after, "->"},
          {11, 20, :with, "with"},
          {11, 44, :send, "send"},
          {11, 70, :with_else, "->"},
          {12, 7, :clause, "multi"},
          {15, 23, :fn, "&"},
          {19, 7, :rescue, "->"},
          {21, 14, :catch, "->"},
          {23, 7, :try_else, "->"},
          {25, 7, :clause, "none?"},
          {25, 21, :case, "!"},
          {26, 9, :clause, "|>"},
          {27, 22, :case, "&&"},
          {27, 27, :case, "||"}
        ],
        do: assert(expected in found, "no #{inspect(expected)} in #{inspect(found, limit: :infinity)}")
  end

  test "a macro's own columns are never believed" do
    text = """
    defmodule Placed.Macro do
      defmacro branch(value) do
        quote do
          case unquote(value) do
            1 -> fn _ -> 1 end
            _ -> fn _ -> 2 end
          end
        end
      end
    end

    defmodule Placed.User do
      require Placed.Macro
      def run(x), do: Enum.map([1], fn y -> Placed.Macro.branch(x).(y) end)
    end
    """

    beams = Fixture.compile(text)
    {:ok, _, table} = Fixture.rewrite(beams[Placed.User], text)
    assert SourceCheck.wrong(table, text) == []
    exact = for site <- table.sites, site.column > 0, do: {site.kind, site.line, site.column}
    assert Enum.sort(exact) == [{:clause, 14, 7}, {:fn, 14, 38}, {:return, 14, 38}] or {:fn, 14, 38} in exact
    for site <- SourceCheck.unplaced(table), do: assert(site.macro_made? and site.line == 14)
  end

  test "the library's own modules are placed exactly" do
    for module <- [
          ElixirScope.Instrument.Body,
          ElixirScope.Instrument.Arms,
          ElixirScope.SiteTable,
          ElixirScope.Loader
        ] do
      path = to_string(module.module_info(:compile)[:source])
      text = File.read!(path)
      %{^module => beam} = Fixture.compile(text, file: path)
      {:ok, _, table} = Fixture.rewrite(beam, text)
      assert SourceCheck.wrong(table, text) == []
      assert length(table.sites) > 20
      unplaced = SourceCheck.unplaced(table)
      assert Enum.all?(unplaced, & &1.macro_made?)
      assert length(unplaced) * 10 <= length(table.sites)
    end
  end
end
