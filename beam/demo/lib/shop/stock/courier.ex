defmodule Shop.Stock.Courier do
  @moduledoc """
  Takes parcels, one after the other, in a plain loop (no `GenServer`).

  The loop calls itself by a local call: a process that runs it stays in the code it was started with
  when a new version is loaded, until it is told to `upgrade/0`.
  """

  alias Shop.Events
  alias Shop.Stock.Reservation

  def child_spec(_options), do: %{id: __MODULE__, start: {__MODULE__, :start_link, []}}

  @doc "Starts the courier, under this module's name."
  @spec start_link() :: {:ok, pid}
  def start_link do
    pid = spawn_link(fn -> loop(%{parcels: 0}) end)
    Process.register(pid, __MODULE__)
    {:ok, pid}
  end

  @doc "Hands a parcel over."
  @spec deliver(Reservation.t()) :: :ok
  def deliver(%Reservation{} = reservation) do
    send(__MODULE__, {:parcel, reservation.order_id})
    :ok
  end

  @doc "How many parcels were delivered, and the literal of the code that the process runs in."
  @spec status() :: {:ok, {non_neg_integer, String.t()}} | {:error, :timeout}
  def status do
    reference = make_ref()
    send(__MODULE__, {:status, self(), reference})

    receive do
      {^reference, status} -> {:ok, status}
    after
      1000 -> {:error, :timeout}
    end
  end

  @doc "Moves the process to the newest loaded code."
  @spec upgrade() :: :ok
  def upgrade do
    send(__MODULE__, :upgrade)
    :ok
  end

  @doc false
  def loop(state) do
    receive do
      {:parcel, order_id} ->
        Events.publish({:dispatched, order_id, literal()})
        loop(%{state | parcels: state.parcels + 1})

      {:status, from, reference} ->
        send(from, {reference, {state.parcels, literal()}})
        loop(state)

      :upgrade ->
        __MODULE__.loop(state)
    end
  end

  defp literal, do: "courier-release-1"
end
