defmodule BookshopWeb.BookController do
  @moduledoc false

  alias Bookshop.Catalogue
  alias BookshopWeb.Conn

  def index(conn, _params), do: Conn.json(conn, 200, Enum.map(Catalogue.list(), &shown/1))

  def show(conn, %{"slug" => slug}) do
    case Catalogue.fetch(slug) do
      {:ok, book} -> Conn.json(conn, 200, shown(book))
      {:error, :not_found} -> Conn.json(conn, 404, %{error: "no such book"})
    end
  end

  defp shown(book), do: Map.take(book, [:slug, :title, :price])
end
