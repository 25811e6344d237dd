defmodule BookshopWeb.Router do
  @moduledoc "Which controller answers a request."

  alias BookshopWeb.{BookController, Conn, OrderController}

  @spec call(Conn.t(), keyword) :: Conn.t()
  def call(conn, opts)

  def call(%Conn{method: "GET", path: ["books"]} = conn, _opts),
    do: BookController.index(conn, conn.params)

  def call(%Conn{method: "GET", path: ["books", slug]} = conn, _opts),
    do: BookController.show(conn, Map.put(conn.params, "slug", slug))

  def call(%Conn{method: "POST", path: ["orders"]} = conn, _opts),
    do: OrderController.create(conn, conn.params)

  def call(%Conn{} = conn, _opts), do: Conn.json(conn, 404, %{error: "no such page"})
end
