defmodule Shop.Stock do
  @moduledoc "The servers of the stock node."
  use Supervisor

  alias Shop.Stock.{Catalogue, Courier, Restocker, Warehouse}

  def start_link(_options), do: Supervisor.start_link(__MODULE__, [], name: __MODULE__)

  @impl true
  def init([]) do
    Supervisor.init([Catalogue, Warehouse, Courier, Restocker], strategy: :one_for_one)
  end
end
