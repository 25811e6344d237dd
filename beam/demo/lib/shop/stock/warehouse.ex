defmodule Shop.Stock.Warehouse do
  @moduledoc """
  How many units of each product there are, and what is reserved.

  A reservation takes the goods of all lines or of none. It ends by `release/1`, which puts the goods
  back, or by `dispatch/1`, which hands them to the courier.
  """
  use GenServer

  alias Shop.{Cluster, Order, Remote}
  alias Shop.Stock.{Courier, Release, Reservation}

  @timeout_ms 1000
  @levels %{"apple" => 10_000, "bread" => 10_000, "chair" => 10_000, "desk" => 10_000, "lamp" => 5}

  def start_link(_options), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "Sets the goods of an order aside."
  @spec reserve(pos_integer, [Order.Line.t()]) ::
          {:ok, Reservation.t()} | {:error, :insufficient_stock} | Remote.failure()
  def reserve(order_id, lines) do
    goods = Enum.map(lines, fn line -> {line.sku, line.quantity} end)
    Remote.call(__MODULE__, :stock, {:reserve, order_id, goods}, @timeout_ms)
  end

  @doc "Puts an order's goods back."
  @spec release(pos_integer) :: :ok
  def release(order_id), do: GenServer.cast({__MODULE__, Cluster.node_of(:stock)}, {:release, order_id})

  @doc "Hands an order's goods to the courier."
  @spec dispatch(pos_integer) :: :ok
  def dispatch(order_id), do: GenServer.cast({__MODULE__, Cluster.node_of(:stock)}, {:dispatch, order_id})

  @doc "Adds units of a product up to a level; only on the stock node."
  @spec fill(String.t(), non_neg_integer) :: :ok
  def fill(sku, level), do: GenServer.cast(__MODULE__, {:fill, sku, level})

  @doc "The units of a product that are free."
  @spec level(String.t()) :: non_neg_integer | Remote.failure()
  def level(sku), do: Remote.call(__MODULE__, :stock, {:level, sku}, @timeout_ms)

  @impl true
  def init([]), do: {:ok, %{levels: @levels, reservations: %{}}}

  @impl true
  def handle_call({:reserve, order_id, goods}, _from, state) do
    case take(goods, state.levels) do
      {:ok, levels} ->
        reservation = %Reservation{order_id: order_id, goods: goods, release: Release.literal()}
        reservations = Map.put(state.reservations, order_id, reservation)
        {:reply, {:ok, reservation}, %{state | levels: levels, reservations: reservations}}

      {:error, {:short, _sku, _wanted, _there}} ->
        {:reply, {:error, :insufficient_stock}, state}
    end
  end

  def handle_call({:level, sku}, _from, state), do: {:reply, Map.get(state.levels, sku, 0), state}

  @impl true
  def handle_cast({:release, order_id}, state) do
    {reservation, reservations} = Map.pop(state.reservations, order_id)
    {:noreply, %{state | levels: put_back(reservation, state.levels), reservations: reservations}}
  end

  def handle_cast({:dispatch, order_id}, state) do
    {reservation, reservations} = Map.pop(state.reservations, order_id)
    if reservation, do: Courier.deliver(reservation)
    {:noreply, %{state | reservations: reservations}}
  end

  def handle_cast({:fill, sku, level}, state) do
    {:noreply, %{state | levels: Map.update(state.levels, sku, level, &max(&1, level))}}
  end

  defp take(goods, levels) do
    Enum.reduce_while(goods, {:ok, levels}, fn {sku, quantity}, {:ok, levels} ->
      case enough(sku, quantity, Map.get(levels, sku, 0)) do
        {:ok, rest} -> {:cont, {:ok, Map.put(levels, sku, rest)}}
        short -> {:halt, {:error, short}}
      end
    end)
  end

  defp enough(_sku, wanted, there) when wanted <= there, do: {:ok, there - wanted}
  defp enough(sku, wanted, there), do: {:short, sku, wanted, there}

  defp put_back(nil, levels), do: levels

  defp put_back(%Reservation{goods: goods}, levels) do
    Enum.reduce(goods, levels, fn {sku, quantity}, levels ->
      Map.update(levels, sku, quantity, &(&1 + quantity))
    end)
  end
end
