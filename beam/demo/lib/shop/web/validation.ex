defmodule Shop.Web.Validation do
  @moduledoc "Whether an order can be an order at all."

  alias Shop.Order
  alias Shop.Order.Line

  @quantity_max 1000

  @doc "The order itself, or what is wrong with it."
  @spec check(Order.t()) :: {:ok, Order.t()} | {:error, :no_lines | {:bad_line, term}}
  def check(%Order{lines: []}), do: {:error, :no_lines}

  def check(%Order{lines: lines} = order) do
    case Enum.find(lines, &(not valid?(&1))) do
      nil -> {:ok, order}
      line -> {:error, {:bad_line, line}}
    end
  end

  defp valid?(%Line{sku: sku, quantity: quantity})
       when is_binary(sku) and is_integer(quantity) and quantity in 1..@quantity_max,
       do: true

  defp valid?(_other), do: false
end
