defmodule ElixirScope.MixProject do
  use Mix.Project

  def project do
    [
      app: :elixir_scope,
      version: "0.1.0",
      elixir: "~> 1.14",
      elixirc_paths: elixirc_paths(Mix.env()),
      start_permanent: Mix.env() == :prod,
      description: "Traces a BEAM node: instrumented modules, causal events, a local socket",
      deps: []
    ]
  end

  # `:compiler` is needed at run time: instrumenting compiles a module's forms again.
  def application do
    [
      mod: {ElixirScope.Application, []},
      extra_applications: [:logger, :crypto, :compiler]
    ]
  end

  defp elixirc_paths(:test), do: ["lib", "test/support"]
  defp elixirc_paths(_env), do: ["lib"]
end
