defmodule ElixirScope.Test.Sites do
  @moduledoc "Turns an event's module key and site into `{module, function, site kind}`."
  alias ElixirScope.SiteTable

  @doc "Instruments modules on nodes; gives the index of their sites."
  def instrument(modules, nodes) do
    for module <- modules, reduce: %{} do
      index ->
        [table | _] =
          for node <- nodes do
            {:ok, table} = :erpc.call(node, ElixirScope, :instrument, [module])
            table
          end

        Map.merge(index, index(table))
    end
  end

  @doc "The index of one table."
  def index(%SiteTable{} = table) do
    <<key::59, _::bitstring>> = table.module_version
    functions = List.to_tuple(table.functions)

    for {site, number} <- Enum.with_index(table.sites, 1), into: %{} do
      {{key, number}, {table.module, elem(functions, site.function).name, site.kind}}
    end
  end

  @doc "The events with what their sites are, as `:at`."
  def resolve(events, index), do: Enum.map(events, &Map.put(&1, :at, index[{&1.key, &1.site}]))

  @doc "The entries of a function among resolved events."
  def calls(events, function) do
    function = to_string(function)
    Enum.filter(events, &(&1.kind == :call and match?({_, ^function, _}, &1.at)))
  end
end
