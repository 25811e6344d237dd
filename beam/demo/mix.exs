defmodule Shop.MixProject do
  use Mix.Project

  # `SHOP_PLAIN=1` builds the same shop without instrumentation, for comparisons.
  @plain System.get_env("SHOP_PLAIN") == "1"
  # `SHOP_VALUES=0` captures no values.
  @values if System.get_env("SHOP_VALUES") == "0",
            do: [],
            else: ["Shop.Stock.Release", "Shop.Stock.Warehouse", "Shop.Stock.Courier", "Shop.Web.Pricing"]
  @library System.get_env("ELIXIR_SCOPE_PATH", "..")

  def project do
    [
      app: :shop,
      version: "0.1.0",
      elixir: "~> 1.14",
      build_path: if(@plain, do: "_build/plain", else: "_build"),
      elixirc_paths: elixirc_paths(Mix.env()),
      compilers: compilers(@plain),
      elixir_scope: [
        modules: ["Shop.*"],
        except: ["Shop.Load", "Shop.Load.*", "Shop.Launch", "Shop.Application"],
        values: @values,
        strict: true
      ],
      start_permanent: false,
      description: "The demo shop: orders over the nodes web, stock and pay",
      deps: [{:elixir_scope, path: @library}]
    ]
  end

  def application do
    [mod: {Shop.Application, []}, extra_applications: [:logger]]
  end

  # The library's own test agent, which decodes what the nodes say.
  defp elixirc_paths(:test), do: ["lib", "test/support", Path.expand("test/support/runtime", @library)]
  defp elixirc_paths(_env), do: ["lib"]

  defp compilers(true), do: Mix.compilers()
  defp compilers(false), do: [:elixir_scope_columns] ++ Mix.compilers() ++ [:elixir_scope]
end
