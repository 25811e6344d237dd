defmodule Shop.Order do
  @moduledoc "A customer's order. Money is in cents, everywhere."

  alias Shop.Order.Line

  @enforce_keys [:id, :customer, :lines]
  defstruct [:id, :customer, :lines, class: :regular, card: "4000-0000-0000-0001"]

  @type class :: :regular | :member | :partner
  @type t :: %__MODULE__{
          id: pos_integer,
          customer: String.t(),
          lines: [Line.t()],
          class: class,
          card: String.t()
        }
end
