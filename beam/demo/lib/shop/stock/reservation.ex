defmodule Shop.Stock.Reservation do
  @moduledoc "Goods that are set aside for an order, and the release of the stock node that did it."

  @enforce_keys [:order_id, :goods, :release]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          order_id: pos_integer,
          goods: [{sku :: String.t(), quantity :: pos_integer}],
          release: String.t()
        }
end
