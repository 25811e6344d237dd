defmodule Shop.Web.Orders do
  @moduledoc """
  Places orders: checks and prices them, reserves the goods, takes the money, tells everybody.

  Whatever fails after the goods were reserved releases them.
  """

  alias Shop.{Events, Order, Receipt}
  alias Shop.Pay.{Fraud, Gateway, Ledger}
  alias Shop.Stock.Warehouse
  alias Shop.Web.{Pricing, Validation}

  @recorded_timeout_ms 1000

  @doc "Places an order. Raises what the pricing raises."
  @spec place(Order.t()) :: {:ok, Receipt.t()} | {:error, term}
  def place(%Order{} = order) do
    with {:ok, order} <- Validation.check(order),
         {:ok, total} <- Pricing.total(order),
         {:ok, reservation} <- Warehouse.reserve(order.id, order.lines),
         {:ok, receipt} <- pay(order, total, reservation) do
      Warehouse.dispatch(order.id)
      Events.publish({:placed, order.id, total})
      {:ok, receipt}
    else
      {:error, :insufficient_stock} = error ->
        Events.publish({:refused, order.id, :insufficient_stock})
        error

      {:error, {:payment, reason}} ->
        Warehouse.release(order.id)
        Events.publish({:refused, order.id, reason})
        {:error, reason}

      {:error, reason} = error ->
        Events.publish({:refused, order.id, reason})
        error
    end
  end

  defp pay(order, total, reservation) do
    with :ok <- Fraud.check(order.card),
         {:ok, payment} <- Gateway.charge(order.id, total, order.card),
         :ok = Ledger.record(order.id, total),
         {:ok, entry} <- recorded(order.id) do
      {:ok,
       %Receipt{
         order_id: order.id,
         total: total,
         payment: payment,
         entry: entry,
         stock_release: reservation.release
       }}
    else
      {:error, reason} -> {:error, {:payment, reason}}
    end
  end

  defp recorded(order_id) do
    receive do
      {:recorded, ^order_id, number} -> {:ok, number}
    after
      @recorded_timeout_ms -> {:error, :not_recorded}
    end
  end
end
