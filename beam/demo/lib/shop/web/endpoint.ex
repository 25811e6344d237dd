defmodule Shop.Web.Endpoint do
  @moduledoc """
  Where requests come in. The trace begins here, and nowhere else does the shop know of tracing.

  What an order raises is answered with `{:error, :internal}`, as a web framework does.
  """

  alias Shop.{Order, Receipt}
  alias Shop.Web.Orders

  @doc "`POST /orders`: always answers."
  @spec post_order(Order.t()) :: {:ok, Receipt.t()} | {:error, term}
  def post_order(%Order{} = order) do
    ElixirScope.trace("POST /orders", fn -> Orders.place(order) end, attributes: %{order: order.id})
  rescue
    error ->
      :logger.warning("order ~b: ~ts", [order.id, Exception.message(error)])
      {:error, :internal}
  end
end
