defmodule Shop.Pay.Gateway do
  @moduledoc """
  Charges cards. No charge is answered by the callback that it came with:

  - most are authorised at once, by a message that the gateway sends to itself;
  - cards of the series 0200 wait for company: they are answered by the callback of the *next* charge,
    or by a timer after 20 ms;
  - the bank of the series 0300 takes 120 ms, longer than usual but in time;
  - the bank of the series 0400 takes 900 ms, longer than any caller waits.
  """
  use GenServer

  alias Shop.Remote

  @timeout_ms 400
  @company_ms 20
  @slow_ms 120
  @too_slow_ms 900

  def start_link(_options), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "Charges a card with an amount in cents."
  @spec charge(pos_integer, non_neg_integer, String.t()) :: {:ok, String.t()} | Remote.failure()
  def charge(order_id, amount, card) when is_integer(amount) do
    Remote.call(__MODULE__, :pay, {:charge, order_id, amount, card}, @timeout_ms)
  end

  @impl true
  def init([]), do: {:ok, %{waiting: []}}

  @impl true
  def handle_call({:charge, order_id, _amount, card}, from, state) do
    state = answer_waiting(state)

    case series(card) do
      "0200" ->
        Process.send_after(self(), {:alone, from}, @company_ms)
        {:noreply, %{state | waiting: [{from, order_id} | state.waiting]}}

      "0300" ->
        Process.send_after(self(), {:authorised, from, order_id}, @slow_ms)
        {:noreply, state}

      "0400" ->
        Process.send_after(self(), {:authorised, from, order_id}, @too_slow_ms)
        {:noreply, state}

      _usual ->
        send(self(), {:authorised, from, order_id})
        {:noreply, state}
    end
  end

  @impl true
  def handle_info({:authorised, from, order_id}, state) do
    GenServer.reply(from, authorisation(order_id))
    {:noreply, state}
  end

  def handle_info({:alone, from}, state) do
    {alone, rest} = Enum.split_with(state.waiting, fn {waiting, _order_id} -> waiting == from end)
    answer_waiting(%{state | waiting: alone})
    {:noreply, %{state | waiting: rest}}
  end

  defp answer_waiting(state) do
    Enum.each(state.waiting, fn {from, order_id} -> GenServer.reply(from, authorisation(order_id)) end)
    %{state | waiting: []}
  end

  defp authorisation(order_id), do: {:ok, "auth-#{order_id}"}

  defp series(card) do
    case String.split(card, "-") do
      [_first, series | _rest] -> series
      _other -> :none
    end
  end
end
