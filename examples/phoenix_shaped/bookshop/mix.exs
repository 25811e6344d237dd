defmodule Bookshop.MixProject do
  use Mix.Project

  def project do
    [
      app: :bookshop,
      version: "0.1.0",
      elixir: "~> 1.14",
      elixirc_paths: elixirc_paths(Mix.env()),
      start_permanent: Mix.env() == :prod,
      deps: deps(),
      releases: releases()
    ]
  end

  def application do
    [
      mod: {Bookshop.Application, []},
      extra_applications: [:logger, :runtime_tools]
    ]
  end

  defp elixirc_paths(:test), do: ["lib", "test/support"]
  defp elixirc_paths(_), do: ["lib"]

  defp deps do
    []
  end

  defp releases do
    [
      bookshop: [
        include_executables_for: [:unix]
      ]
    ]
  end
end
