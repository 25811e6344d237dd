defmodule Bookshop.Catalogue do
  @moduledoc "What there is to buy."

  alias Bookshop.Catalogue.Book

  @books [
    %Book{slug: "sicp", title: "Structure and Interpretation", price: 5900},
    %Book{slug: "taocp", title: "The Art of Computer Programming", price: 18900}
  ]

  @spec list() :: [Book.t()]
  def list, do: @books

  @spec fetch(String.t()) :: {:ok, Book.t()} | {:error, :not_found}
  def fetch(slug) do
    case Enum.find(@books, &(&1.slug == slug)) do
      nil -> {:error, :not_found}
      book -> {:ok, book}
    end
  end
end
