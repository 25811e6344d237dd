defmodule Shop.Stock.Release do
  @moduledoc "Which release of the stock node this is. Every release has its own literal here."

  @doc "This release's name."
  @spec literal() :: String.t()
  def literal, do: "stock-release-1"
end
