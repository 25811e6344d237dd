defmodule Mix.Tasks.Compile.ElixirScope do
  @moduledoc """
  Instruments the project's compiled modules. Stands after `:elixir` in a project's compilers.

      def project do
        [
          compilers: [:elixir_scope_columns] ++ Mix.compilers() ++ [:elixir_scope],
          elixir_scope: [modules: ["Shop.*"], except: ["Shop.Hot"], values: ["Shop.Stock"],
                         entries: [{Shop.Web, :order, :_}]]
        ]
      end

  or, in a configuration file, `config :elixir_scope, instrument: [...]`. See
  `ElixirScope.Instrument.Selection` for the settings.

  A release strips its modules: instrumented code stays as it is, but `ElixirScope.remove/1` then needs the
  originals: `strip_beams: [keep: ["Dbgi", "ESst", "ESor"]]`.

  The instrumented beam takes the place of the original in `ebin`; the original stands beside it in
  `elixir_scope_originals`. A module that cannot be instrumented is named with the reason and left as it
  is, which fails the build only with `strict: true`. Takes `--force`.
  """
  use Mix.Task.Compiler

  # In an umbrella, in each application of it.
  @recursive true

  alias ElixirScope.Instrument.{Build, Selection}
  alias Mix.Task.Compiler.Diagnostic

  @manifest "compile.elixir_scope"

  @impl true
  def run(arguments) do
    settings = Mix.Project.config()[:elixir_scope] || Application.get_env(:elixir_scope, :instrument, [])

    case Selection.new(settings) do
      {:ok, selection} -> instrument(selection, "--force" in arguments)
      {:error, reason} -> {:error, shown([diagnostic(:error, ElixirScope.Instrument.format_error(reason))])}
    end
  end

  @impl true
  def manifests, do: [manifest()]

  @impl true
  def clean do
    File.rm(manifest())
    File.rm_rf(originals())
    :ok
  end

  defp instrument(selection, force?) do
    folders = %{
      ebin: Mix.Project.compile_path(),
      originals: originals(),
      manifest: manifest(),
      application: Atom.to_string(Mix.Project.config()[:app])
    }

    report = Build.run(folders, selection, force?)
    Enum.each(report.changed, &forget_loaded/1)
    severity = if selection.strict, do: :error, else: :warning
    diagnostics = shown(for problem <- report.problems, do: diagnostic(severity, problem))
    if report.changed != [], do: Mix.shell().info(summary(report))
    {status(report, selection), diagnostics}
  end

  defp shown(diagnostics) do
    Enum.each(diagnostics, &Mix.shell().error("elixir_scope: " <> &1.message))
    diagnostics
  end

  defp status(%{problems: [_ | _]}, %{strict: true}), do: :error
  defp status(%{changed: []}, _selection), do: :noop
  defp status(_report, _selection), do: :ok

  defp summary(report), do: "Instrumented #{length(report.instrumented)} modules, #{report.site_count} sites"

  # The compiler has loaded what it compiled; the next use shall load what is on disk now.
  defp forget_loaded(module) do
    if :code.soft_purge(module), do: :code.delete(module)
  end

  defp diagnostic(severity, message) do
    %Diagnostic{
      compiler_name: "elixir_scope",
      file: Path.expand(Mix.Project.project_file() || "mix.exs"),
      message: message,
      position: 0,
      severity: severity
    }
  end

  defp manifest, do: Path.join(Mix.Project.manifest_path(), @manifest)
  defp originals, do: Path.join(Mix.Project.app_path(), "elixir_scope_originals")
end
