defmodule Shop.Pay.Discounts do
  @moduledoc """
  The discount of each class of customers, as the divisor of the subtotal: 10 is a tenth off.

  The table was never told of the class `:partner`.
  """

  @divisors %{regular: 100, member: 10}

  @doc "The divisor of a class; called over `:erpc`."
  @spec divisor(Shop.Order.class()) :: pos_integer | nil
  def divisor(class), do: Map.get(@divisors, class)
end
