defmodule Bookshop.Catalogue.Book do
  @moduledoc "A book; its price is in cents."

  @enforce_keys [:slug, :title, :price]
  defstruct [:slug, :title, :price]

  @type t :: %__MODULE__{slug: String.t(), title: String.t(), price: pos_integer}
end
