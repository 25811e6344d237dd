defmodule ElixirScope.Test.Project do
  @moduledoc """
  A Mix project in a folder of a test, which uses this library as its compiler and runs in a VM of its own.
  """

  @library Path.expand("../../..", __DIR__)

  @doc "Writes the project; `settings` is what its `elixir_scope:` says."
  def write(folder, settings, files) do
    write_settings(folder, settings)
    for {path, text} <- files, do: write_file(folder, path, text)
    :ok
  end

  @doc "Writes `mix.exs`."
  def write_settings(folder, settings) do
    write_file(folder, "mix.exs", """
    Code.prepend_path(System.fetch_env!("LIBRARY_EBIN"))

    defmodule Sample.MixProject do
      use Mix.Project

      def project do
        [
          app: :sample,
          version: "1.0.0",
          # The library stands in the code path, where later versions of Mix expect dependencies only.
          prune_code_paths: false,
          compilers: [:elixir_scope_columns] ++ Mix.compilers() ++ [:elixir_scope],
          elixir_scope: #{inspect(settings)}
        ]
      end
    end
    """)
  end

  @doc "Writes an umbrella of two applications with a module each, the second of which uses the first; `compilers` is code."
  def write_umbrella(folder, compilers) do
    write_file(folder, "mix.exs", """
    Code.prepend_path(System.fetch_env!("LIBRARY_EBIN"))

    defmodule Umbrella.MixProject do
      use Mix.Project
      def project, do: [apps_path: "apps", version: "1.0.0", deps: [], prune_code_paths: false]
    end
    """)

    for {app, deps} <- [one: "[]", two: "[{:one, in_umbrella: true}]"] do
      name = Macro.camelize("#{app}")

      write_file(folder, "apps/#{app}/mix.exs", """
      defmodule #{name}.MixProject do
        use Mix.Project

        def project do
          [
            app: :#{app},
            version: "1.0.0",
            build_path: "../../_build",
            deps_path: "../../deps",
            lockfile: "../../mix.lock",
            prune_code_paths: false,
            compilers: #{compilers},
            elixir_scope: [modules: ["#{name}"]],
            deps: #{deps}
          ]
        end
      end
      """)

      write_file(
        folder,
        "apps/#{app}/lib/#{app}.ex",
        "defmodule #{name} do\n  def name, do: Enum.count([:#{app}])\nend\n"
      )
    end
  end

  @doc "Writes a file, later than what is there, as far as whole seconds show."
  def write_file(folder, path, text) do
    path = Path.join(folder, path)
    File.mkdir_p!(Path.dirname(path))
    File.write!(path, text)
    path
  end

  @doc "Runs Mix in the project, with the library's modules in `ebin`: its output and exit status."
  def mix(folder, arguments, ebin \\ ebin()) do
    environment = [
      {"LIBRARY_EBIN", ebin},
      {"MIX_ENV", "dev"},
      {"MIX_BUILD_PATH", nil},
      {"ERL_LIBS", nil},
      {"ERL_FLAGS", "-pa #{ebin}"}
    ]

    System.cmd("mix", arguments, cd: folder, env: environment, stderr_to_stdout: true)
  end

  @doc "A compiled module of the project."
  def beam(folder, module), do: File.read!(beam_path(folder, module))

  @doc "Where it is."
  def beam_path(folder, module), do: Path.join(folder, "_build/dev/lib/sample/ebin/#{module}.beam")

  @doc "Where this library's modules are."
  def ebin, do: Path.join([Mix.Project.build_path(), "lib/elixir_scope/ebin"])

  @doc "Where this library is."
  def library, do: @library
end
