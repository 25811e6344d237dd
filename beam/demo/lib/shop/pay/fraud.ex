defmodule Shop.Pay.Fraud do
  @moduledoc """
  Looks at a card before it is charged: a desk for each last digit of the card's number, so that a crash
  does not stop the others. One series of cards crashes its desk, which its supervisor restarts.
  """
  use GenServer

  alias Shop.Remote

  @timeout_ms 1000
  @desks {:fraud_0, :fraud_1, :fraud_2, :fraud_3, :fraud_4, :fraud_5, :fraud_6, :fraud_7, :fraud_8, :fraud_9}

  @doc "The names of the desks, by last digit."
  @spec desks() :: [atom]
  def desks, do: Tuple.to_list(@desks)

  def child_spec(desk), do: %{id: desk, start: {__MODULE__, :start_link, [desk]}}

  def start_link(desk), do: GenServer.start_link(__MODULE__, [], name: desk)

  @doc "Whether the card may be charged."
  @spec check(String.t()) :: :ok | {:error, :stolen_card | :bad_card} | Remote.failure()
  def check(card) when is_binary(card) do
    case Integer.parse(String.last(card) || "") do
      {digit, ""} -> Remote.call(elem(@desks, digit), :pay, {:check, card}, @timeout_ms)
      _other -> {:error, :bad_card}
    end
  end

  @impl true
  def init([]), do: {:ok, %{checked: 0}}

  @impl true
  def handle_call({:check, card}, _from, state) do
    {:reply, judge(card), %{state | checked: state.checked + 1}}
  end

  defp judge("4" <> _rest = card) do
    case String.split(card, "-") do
      [_first, "0119", _third, _last] -> raise "no rule for the series 0119"
      [_first, "0002", _third, _last] -> {:error, :stolen_card}
      [_first, _series, _third, _last] -> :ok
      _other -> {:error, :bad_card}
    end
  end

  defp judge(_other), do: {:error, :bad_card}
end
