defmodule Bookshop.Orders do
  @moduledoc "Places orders: finds the book, takes it from the stock, says what it costs."

  alias Bookshop.{Catalogue, Stock}

  @type reason :: :not_found | :bad_quantity | :sold_out

  @spec place(map) :: {:ok, map} | {:error, reason}
  def place(params) do
    with {:ok, book} <- Catalogue.fetch(params["book"]),
         {:ok, quantity} <- quantity(params["quantity"]),
         {:ok, left} <- Stock.take(book.slug, quantity) do
      {:ok, %{book: book.slug, quantity: quantity, total: total(book, quantity), left: left}}
    end
  end

  defp quantity(text) do
    case Integer.parse(text || "") do
      {number, ""} when number > 0 -> {:ok, number}
      _ -> {:error, :bad_quantity}
    end
  end

  # From ten on, the tenth is free.
  defp total(book, quantity) when quantity >= 10, do: book.price * (quantity - 1)
  defp total(book, quantity), do: book.price * quantity
end
