defmodule Shop.Receipt do
  @moduledoc """
  What a customer gets for a placed order.

  `stock_release` says which release of the stock node reserved the goods, `entry` is the number of
  the ledger's entry; `total` is in cents.
  """

  @enforce_keys [:order_id, :total, :payment, :entry, :stock_release]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          order_id: pos_integer,
          total: non_neg_integer,
          payment: String.t(),
          entry: pos_integer,
          stock_release: String.t()
        }
end
