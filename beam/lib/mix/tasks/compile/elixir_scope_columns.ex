defmodule Mix.Tasks.Compile.ElixirScopeColumns do
  @moduledoc """
  Makes the Elixir compiler keep columns and debug info. Stands before `:elixir` in a project's compilers.

      def project do
        [compilers: [:elixir_scope_columns] ++ Mix.compilers() ++ [:elixir_scope], ...]
      end

  The first time it runs in a build folder whose modules were compiled without it, it has them compiled
  again. On Elixir versions that keep columns anyway it changes nothing.
  """
  use Mix.Task.Compiler

  # In an umbrella, in each application of it.
  @recursive true

  @manifest "compile.elixir_scope_columns"
  @manifest_version "1\n"

  @impl true
  def run(_arguments) do
    parser_options = Code.get_compiler_option(:parser_options) || []
    # The option is the whole VM's: in an umbrella we may have set it for another application.
    already? = Keyword.get(parser_options, :columns, false) and not :persistent_term.get(__MODULE__, false)
    Code.put_compiler_option(:parser_options, Keyword.put(parser_options, :columns, true))
    Code.put_compiler_option(:debug_info, true)
    unless already?, do: compile_again_once()
    {:noop, []}
  end

  @impl true
  def manifests, do: [manifest()]

  @impl true
  def clean do
    File.rm(manifest())
    :ok
  end

  defp compile_again_once do
    :persistent_term.put(__MODULE__, true)

    unless File.read(manifest()) == {:ok, @manifest_version} do
      Enum.each(Mix.Tasks.Compile.Elixir.manifests(), &File.rm/1)
      File.mkdir_p!(Path.dirname(manifest()))
      File.write!(manifest(), @manifest_version)
    end
  end

  defp manifest, do: Path.join(Mix.Project.manifest_path(), @manifest)
end
