defmodule Mix.Tasks.ElixirScope.Sites do
  @shortdoc "Lists the instrumented points of the project's modules"
  @moduledoc """
  Lists the sites of the project's instrumented modules.

      mix elixir_scope.sites [--json] [Module ...]

  A line is `file:line:column kind token Module.function/arity clause`; a position that a macro made has
  column 0. With `--json`, one object a line.
  """
  use Mix.Task

  @recursive true

  alias ElixirScope.Instrument.{Beam, SiteList}
  alias ElixirScope.SiteTable

  @impl true
  def run(arguments) do
    {options, modules} = OptionParser.parse!(arguments, strict: [json: :boolean])
    Mix.Task.run("compile")

    Mix.Project.compile_path()
    |> Path.join("*.beam")
    |> Path.wildcard()
    |> Enum.filter(
      &(modules == [] or Path.basename(&1, ".beam") in Enum.map(modules, fn m -> "Elixir." <> m end))
    )
    |> Enum.flat_map(&table/1)
    |> Enum.flat_map(&if(options[:json], do: SiteList.json(&1), else: SiteList.text(&1)))
    |> Enum.each(&Mix.shell().info/1)
  end

  defp table(path) do
    with {:ok, bytes} <- path |> File.read!() |> Beam.site_table(),
         {:ok, table} <- SiteTable.decode(bytes) do
      [table]
    else
      _not_instrumented -> []
    end
  end
end
