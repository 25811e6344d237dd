defmodule Bookshop.Stock do
  @moduledoc "How many of each book are there."
  use GenServer

  @there %{"sicp" => 20, "taocp" => 3}

  def start_link(_), do: GenServer.start_link(__MODULE__, @there, name: __MODULE__)

  @spec take(String.t(), pos_integer) :: {:ok, non_neg_integer} | {:error, :sold_out}
  def take(slug, quantity), do: GenServer.call(__MODULE__, {:take, slug, quantity})

  @impl true
  def init(there), do: {:ok, there}

  @impl true
  def handle_call({:take, slug, quantity}, _from, there) do
    case there do
      %{^slug => level} when level >= quantity ->
        {:reply, {:ok, level - quantity}, %{there | slug => level - quantity}}

      _ ->
        {:reply, {:error, :sold_out}, there}
    end
  end
end
