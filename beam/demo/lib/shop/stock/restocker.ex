defmodule Shop.Stock.Restocker do
  @moduledoc "Fills the warehouse up to each product's level, driven by a timer."
  use GenServer

  alias Shop.Stock.{Catalogue, Warehouse}

  @every_ms 100

  def start_link(_options), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @impl true
  def init([]) do
    {:ok, %{rounds: 0}, {:continue, :schedule}}
  end

  @impl true
  def handle_continue(:schedule, state) do
    Process.send_after(self(), :restock, @every_ms)
    {:noreply, state}
  end

  @impl true
  def handle_info(:restock, state) do
    Catalogue.skus() |> Enum.map(&wanted/1) |> Enum.each(&fill/1)
    {:noreply, %{state | rounds: state.rounds + 1}, {:continue, :schedule}}
  end

  defp wanted(sku) do
    {:ok, {_price, keep}} = Catalogue.fetch(sku)
    {sku, keep}
  end

  defp fill({_sku, 0}), do: :never
  defp fill({sku, keep}), do: Warehouse.fill(sku, keep)
end
