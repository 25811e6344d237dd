defmodule Shop.Stock.Catalogue do
  @moduledoc """
  The products and their prices, in an ETS table of the stock node.

  Other nodes ask the server; on the stock node `fetch/1` reads the table.
  """
  use GenServer

  alias Shop.Remote

  @timeout_ms 1000

  # {sku, price in cents, units to keep in stock}; 0 units to keep: never restocked.
  @products [
    {"apple", 45, 10_000},
    {"bread", 320, 10_000},
    {"chair", 7_900, 10_000},
    {"desk", 24_900, 10_000},
    {"lamp", 3_950, 0}
  ]

  def start_link(_options), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "The price of a product, asked from any node."
  @spec price(String.t()) :: {:ok, pos_integer} | {:error, {:unknown_product, String.t()}} | Remote.failure()
  def price(sku), do: Remote.call(__MODULE__, :stock, {:price, sku}, @timeout_ms)

  @doc "A product's price and the units to keep in stock; only on the stock node."
  @spec fetch(String.t()) :: {:ok, {pos_integer, non_neg_integer}} | :error
  def fetch(sku) do
    case :ets.lookup(__MODULE__, sku) do
      [{^sku, price, keep}] -> {:ok, {price, keep}}
      [] -> :error
    end
  end

  @doc "All products; only on the stock node."
  @spec skus() :: [String.t()]
  def skus, do: :ets.select(__MODULE__, [{{:"$1", :_, :_}, [], [:"$1"]}])

  @impl true
  def init([]) do
    table = :ets.new(__MODULE__, [:named_table, :protected, read_concurrency: true])
    true = :ets.insert(table, @products)
    {:ok, table}
  end

  @impl true
  def handle_call({:price, sku}, _from, table) do
    answer =
      case fetch(sku) do
        {:ok, {price, _keep}} -> {:ok, price}
        :error -> {:error, {:unknown_product, sku}}
      end

    {:reply, answer, table}
  end
end
