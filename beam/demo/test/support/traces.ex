defmodule ShopTest.Traces do
  @moduledoc "The traces that a test agent has got, by order, each event with what its site is."

  alias ElixirScope.SiteTable
  alias ElixirScope.Test.{Agent, Sites}

  @doc "The events of an order's trace, by HLC."
  @spec of_order(pid, pos_integer) :: [map]
  def of_order(agent, order_id) do
    events = Agent.events(agent)

    case Enum.find(events, &match?(%{kind: :root, payload: %{attributes: %{order: ^order_id}}}, &1)) do
      nil ->
        []

      root ->
        events
        |> Enum.filter(&(&1.trace == root.trace))
        |> Enum.sort_by(& &1.hlc)
        |> Sites.resolve(index(agent))
    end
  end

  @doc "What each node is called, by its key."
  @spec nodes(pid) :: %{integer => String.t()}
  def nodes(agent) do
    for {:hello, hello} <- Agent.messages(agent), into: %{}, do: {hello.key, hello.name}
  end

  @doc "The line of an event's site, by the table of the module version that the event names."
  @spec line(pid, map) :: non_neg_integer | nil
  def line(agent, event) do
    Enum.find_value(Agent.messages(agent), fn
      {:define, bytes} ->
        {:ok, table} = SiteTable.decode(bytes)
        <<key::59, _rest::bitstring>> = table.module_version
        if key == event.key, do: Enum.at(table.sites, event.site - 1).line

      _other ->
        nil
    end)
  end

  defp index(agent) do
    for {:define, bytes} <- Agent.messages(agent), reduce: %{} do
      index ->
        {:ok, table} = SiteTable.decode(bytes)
        Map.merge(index, Sites.index(table))
    end
  end
end
