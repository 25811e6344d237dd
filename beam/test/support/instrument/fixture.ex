defmodule ElixirScope.Test.Fixture do
  @moduledoc """
  Compiles source texts to beams, as a project's build does: with columns, with a real file.
  """

  alias ElixirScope.Instrument
  alias ElixirScope.Test.RecordingProbe

  @fixtures Path.expand("../../instrument/fixtures", __DIR__)

  @doc "The text of a fixture file, and its modules' beams by module."
  def compile_file(name, options \\ []) do
    text = File.read!(Path.join(@fixtures, name))
    {text, compile(text, [file: name] ++ options)}
  end

  @doc "The beams of a text's modules, which are left loaded; `columns: false` as Elixir 1.14 does alone."
  def compile(text, options \\ []) do
    file = Keyword.get(options, :file, "fixture.ex")
    columns = Keyword.get(options, :columns, true)
    :global.trans({__MODULE__, self()}, fn -> with_columns(columns, fn -> quietly(text, file) end) end)
  end

  @doc "Rewrites with the recording probe."
  def rewrite(beam, text, options \\ []) do
    defaults = [probe: RecordingProbe, api: RecordingProbe, source: text, source_state: :hashed_by_build]
    Instrument.rewrite(beam, Keyword.merge(defaults, options))
  end

  @doc "Rewrites with the recording probe and loads."
  def load_rewritten(module, beam, text, options \\ []) do
    {:ok, rewritten, table} = rewrite(beam, text, options)
    load(module, rewritten)
    table
  end

  @doc "Loads a beam in place of what is loaded."
  def load(module, beam) do
    :code.purge(module)
    {:module, ^module} = :code.load_binary(module, Atom.to_charlist(module) ++ ~c".ex", beam)
    :ok
  end

  @doc "The sites of a kind, with their numbers."
  def sites(table, kind),
    do: for({site, number} <- Enum.with_index(table.sites, 1), site.kind == kind, do: {number, site})

  defp quietly(text, file) do
    {beams, _diagnostics} = with_diagnostics(fn -> Code.compile_string(text, file) end)
    Map.new(beams)
  end

  # Warnings of fixtures are not of interest; 1.15 and later can collect them.
  if function_exported?(Code, :with_diagnostics, 1) do
    defp with_diagnostics(function), do: Code.with_diagnostics(function)
  else
    defp with_diagnostics(function) do
      parent = self()
      ref = make_ref()

      ExUnit.CaptureIO.capture_io(:stderr, fn -> send(parent, {ref, function.()}) end)

      receive do
        {^ref, result} -> {result, []}
      end
    end
  end

  # `mix test` of later versions compiles its files without debug info.
  defp with_columns(columns, function) do
    wanted = [parser_options: [columns: columns], ignore_module_conflict: true, debug_info: true, docs: true]
    before = for {name, _} <- wanted, do: {name, Code.get_compiler_option(name)}
    for {name, value} <- wanted, do: Code.put_compiler_option(name, value)

    try do
      function.()
    after
      for {name, value} <- before, do: Code.put_compiler_option(name, value)
    end
  end
end
