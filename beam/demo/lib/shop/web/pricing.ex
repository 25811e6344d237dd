defmodule Shop.Web.Pricing do
  @moduledoc "What an order costs: prices from the stock node, discount and fee from the pay node."

  alias Shop.{Order, Remote}
  alias Shop.Order.Line
  alias Shop.Pay.{Discounts, Quotes}
  alias Shop.Stock.Catalogue

  @line_timeout_ms 2000
  @timeout_ms 1000

  @doc "The total of an order in cents; its lines are priced side by side."
  @spec total(Order.t()) :: {:ok, non_neg_integer} | {:error, term}
  def total(%Order{} = order) do
    with {:ok, lines} <- price_lines(order.lines),
         {:ok, divisor} <- Remote.apply(:pay, Discounts, :divisor, [order.class], @timeout_ms),
         amount = lines |> subtotal() |> discounted(divisor),
         {:ok, fee} <- Remote.apply(:pay, Quotes, :fee, [amount], @timeout_ms) do
      {:ok, amount + fee}
    end
  end

  @doc """
  The subtotal without the discount, which is its `divisor`-th part.

      iex> Shop.Web.Pricing.discounted(1000, 10)
      900
  """
  @spec discounted(non_neg_integer, pos_integer) :: non_neg_integer
  def discounted(subtotal, divisor) do
    discount = div(subtotal, divisor)
    subtotal - discount
  end

  defp price_lines(lines) do
    lines
    |> Task.async_stream(&price_line/1, timeout: @line_timeout_ms, on_timeout: :kill_task)
    |> Enum.reduce_while({:ok, []}, fn
      {:ok, {:ok, line}}, {:ok, priced} -> {:cont, {:ok, [line | priced]}}
      {:ok, {:error, reason}}, _priced -> {:halt, {:error, reason}}
      {:exit, reason}, _priced -> {:halt, {:error, reason}}
    end)
  end

  defp price_line(%Line{} = line) do
    with {:ok, price} <- Catalogue.price(line.sku) do
      {:ok, %{line | price: price}}
    end
  end

  defp subtotal(lines) do
    lines |> Enum.map(fn line -> line.price * line.quantity end) |> Enum.sum()
  end
end
