defmodule Shop.MixProject do
  use Mix.Project

  # `SHOP_PLAIN=1` builds the same shop without instrumentation, for comparisons.
  @plain System.get_env("SHOP_PLAIN") == "1"

  def project do
    [
      app: :shop,
      version: "0.1.0",
      elixir: "~> 1.14",
      build_path: if(@plain, do: "_build/plain", else: "_build"),
      compilers: compilers(@plain),
      elixir_scope: [
        modules: ["Shop.*"],
        except: ["Shop.Load", "Shop.Load.*", "Shop.Launch", "Shop.Application"],
        values: ["Shop.Stock.Release", "Shop.Stock.Warehouse", "Shop.Stock.Courier", "Shop.Web.Pricing"],
        strict: true
      ],
      start_permanent: false,
      description: "The demo shop: orders over the nodes web, stock and pay",
      deps: [{:elixir_scope, path: System.get_env("ELIXIR_SCOPE_PATH", "..")}]
    ]
  end

  def application do
    [mod: {Shop.Application, []}, extra_applications: [:logger]]
  end

  defp compilers(true), do: Mix.compilers()
  defp compilers(false), do: [:elixir_scope_columns] ++ Mix.compilers() ++ [:elixir_scope]
end
