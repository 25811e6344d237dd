defmodule Shop.Order.Line do
  @moduledoc "One line of an order: so many of a product. The price is known once it has been priced."

  @enforce_keys [:sku, :quantity]
  defstruct [:sku, :quantity, price: nil]

  @type t :: %__MODULE__{sku: String.t(), quantity: pos_integer, price: non_neg_integer | nil}
end
