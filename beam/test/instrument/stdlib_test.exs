defmodule ElixirScope.Instrument.StdlibTest do
  @moduledoc """
  Modules that we did not write, as they come with Elixir: compiled elsewhere, without their sources.
  """
  use ExUnit.Case, async: false

  alias ElixirScope.{Instrument, Loader}
  alias ElixirScope.Test.RecordingProbe

  @modules [
    Access,
    Code.Formatter,
    DynamicSupervisor,
    Enum,
    ExUnit.Runner,
    GenServer,
    Inspect.Algebra,
    Module.Types.Expr,
    OptionParser,
    Registry,
    Task.Supervised
  ]

  test "every module is rewritten, and holds to the format" do
    for module <- @modules, path = :code.which(module), is_list(path) do
      beam = File.read!(path)
      assert {:ok, instrumented, table} = Instrument.rewrite(beam, values: true)
      assert length(table.sites) > 5
      assert {:ok, ^beam} = Instrument.original(instrumented)
      assert {:ok, bytes} = ElixirScope.SiteTable.encode(table)
      assert {:ok, ^table} = ElixirScope.SiteTable.decode(bytes)
    end
  end

  test "a formatter and a parser of options do the same while instrumented and traced" do
    source = File.read!(__ENV__.file)
    arguments = ["--name", "x", "--count=3", "-v", "file", "--no-color"]

    parse = fn ->
      OptionParser.parse(arguments, strict: [name: :string, count: :integer], aliases: [v: :verbose])
    end

    format = fn -> source |> Code.format_string!() |> IO.iodata_to_binary() end
    expected = {parse.(), format.()}

    for module <- [OptionParser, Code.Formatter, Inspect.Algebra] do
      on_exit(fn -> Loader.remove(module, sticky: true) end)
      assert {:ok, _table} = Loader.instrument(module, probe: RecordingProbe, sticky: true)
    end

    assert {parse.(), format.()} == expected
    {result, events} = RecordingProbe.traced(fn -> {parse.(), format.()} end)
    assert result == expected
    assert length(events) > 1_000

    for module <- [OptionParser, Code.Formatter, Inspect.Algebra],
        do: assert(Loader.remove(module, sticky: true) == :ok)

    assert {parse.(), format.()} == expected
  end

  test "Erlang's modules are named as such" do
    for module <- [:lists, :gen_server] do
      assert {:error, {:not_elixir, ^module}} =
               module |> :code.which() |> File.read!() |> Instrument.rewrite()
    end
  end
end
