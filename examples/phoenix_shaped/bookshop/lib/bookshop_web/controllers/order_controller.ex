defmodule BookshopWeb.OrderController do
  @moduledoc false

  alias Bookshop.Orders
  alias BookshopWeb.Conn

  def create(conn, params) do
    case Orders.place(params) do
      {:ok, order} -> Conn.json(conn, 201, order)
      {:error, :not_found} -> Conn.json(conn, 404, %{error: "no such book"})
      {:error, reason} -> Conn.json(conn, 422, %{error: reason})
    end
  end
end
