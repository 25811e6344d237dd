defmodule Shop.Pay.Ledger do
  @moduledoc """
  The book of payments. Whoever records a payment is told the entry's number by the message
  `{:recorded, order_id, number}`.
  """
  use GenServer

  alias Shop.Cluster

  def start_link(_options), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "Records a payment, from any node."
  @spec record(pos_integer, non_neg_integer) :: :ok
  def record(order_id, amount) do
    GenServer.cast({__MODULE__, Cluster.node_of(:pay)}, {:record, order_id, amount, self()})
  end

  @doc "The number of entries and their sum, in cents."
  @spec balance() :: {non_neg_integer, non_neg_integer}
  def balance, do: GenServer.call({__MODULE__, Cluster.node_of(:pay)}, :balance)

  @impl true
  def init([]), do: {:ok, %{entries: 0, sum: 0}}

  @impl true
  def handle_cast({:record, order_id, amount, from}, book) do
    number = book.entries + 1
    send(from, {:recorded, order_id, number})
    {:noreply, %{book | entries: number, sum: book.sum + amount}}
  end

  @impl true
  def handle_call(:balance, _from, book), do: {:reply, {book.entries, book.sum}, book}
end
