defmodule Shop.Events.Audit do
  @moduledoc "A subscriber on every node that counts the order events it was told of."
  use GenServer

  alias Shop.Events

  def start_link(_options), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "How many events of each type the audit of a node has seen."
  @spec counts(node) :: %{atom => pos_integer}
  def counts(node \\ node()), do: GenServer.call({__MODULE__, node}, :counts)

  @impl true
  def init([]) do
    :ok = Events.subscribe()
    {:ok, %{}}
  end

  @impl true
  def handle_call(:counts, _from, counts), do: {:reply, counts, counts}

  @impl true
  def handle_info({:order_event, event}, counts) when is_tuple(event) do
    {:noreply, Map.update(counts, elem(event, 0), 1, &(&1 + 1))}
  end
end
