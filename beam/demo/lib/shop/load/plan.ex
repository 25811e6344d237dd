defmodule Shop.Load.Plan do
  @moduledoc """
  Which order is the n-th, and what its answer should be: a pure function of the seed.

  | scenario | what happens | answer |
  |---|---|---|
  | `success` | the goods are there, the card is good | a receipt |
  | `deferred` | the payment is answered by another request's callback | a receipt |
  | `slow` | the bank takes its time | a receipt |
  | `insufficient` | 10 lamps, there are 5 | `{:error, :insufficient_stock}` |
  | `nil_divisor` | the pay node knows no discount for partners | `{:error, :internal}` |
  | `timeout` | the bank is too slow | `{:error, :timeout}` |
  | `crash` | a fraud desk crashes on the card, and is restarted | `{:error, :crashed}` |
  | `stolen` | the card is refused | `{:error, :stolen_card}` |

  Order 123 is always `insufficient`.
  """

  alias Shop.Order
  alias Shop.Order.Line

  # Of 200 orders 8 are slow and 1 times out, so that the 99th percentile of a mix is a slow bank's answer, not the
  # border between two scenarios.
  @mix [
    success: 168,
    deferred: 6,
    slow: 8,
    insufficient: 6,
    nil_divisor: 4,
    timeout: 1,
    crash: 4,
    stolen: 3
  ]
  @skus {"apple", "bread", "chair", "desk"}

  @type scenario ::
          :success | :deferred | :slow | :insufficient | :nil_divisor | :timeout | :crash | :stolen
  @type mix :: [{scenario, pos_integer}]

  @doc "The usual mix: the weight of each scenario."
  @spec mix() :: mix
  def mix, do: @mix

  @doc """
  A mix from text.

      iex> Shop.Load.Plan.parse_mix("success:9,slow:1")
      {:ok, [success: 9, slow: 1]}
      iex> Shop.Load.Plan.parse_mix("success")
      {:ok, [success: 1]}
      iex> Shop.Load.Plan.parse_mix("nonsense:1")
      {:error, "no such scenario: nonsense:1"}
  """
  @spec parse_mix(String.t()) :: {:ok, mix} | {:error, String.t()}
  def parse_mix(text) do
    text
    |> String.split(",")
    |> Enum.reduce_while({:ok, []}, fn part, {:ok, mix} ->
      with [name | weight] <- String.split(part, ":"),
           {scenario, _weight} <- Enum.find(@mix, fn {known, _} -> Atom.to_string(known) == name end),
           {weight, ""} when weight > 0 <- Integer.parse(List.first(weight) || "1") do
        {:cont, {:ok, mix ++ [{scenario, weight}]}}
      else
        _other -> {:halt, {:error, "no such scenario: #{part}"}}
      end
    end)
  end

  @doc "The n-th order of a seed, with its scenario."
  @spec order(pos_integer, seed :: integer, mix) :: {scenario, Order.t()}
  def order(id, seed, mix \\ @mix) do
    random = :rand.seed_s(:exsss, :erlang.phash2({seed, id}, 4_294_967_296))
    {pick, random} = :rand.uniform_s(mix |> Keyword.values() |> Enum.sum(), random)
    scenario = if id == 123, do: :insufficient, else: choose(mix, pick)
    {scenario, fill(scenario, basket(id, random))}
  end

  @doc "What a scenario's answer should be."
  @spec expected(scenario) :: :ok | {:error, term}
  def expected(scenario) when scenario in [:success, :deferred, :slow], do: :ok
  def expected(:insufficient), do: {:error, :insufficient_stock}
  def expected(:nil_divisor), do: {:error, :internal}
  def expected(:timeout), do: {:error, :timeout}
  def expected(:crash), do: {:error, :crashed}
  def expected(:stolen), do: {:error, :stolen_card}

  defp choose([{scenario, weight} | _rest], pick) when pick <= weight, do: scenario
  defp choose([{_scenario, weight} | rest], pick), do: choose(rest, pick - weight)

  defp basket(id, random) do
    {count, random} = :rand.uniform_s(3, random)

    {lines, random} =
      Enum.map_reduce(1..count, random, fn _index, random ->
        {product, random} = :rand.uniform_s(tuple_size(@skus), random)
        {quantity, random} = :rand.uniform_s(3, random)
        {%Line{sku: elem(@skus, product - 1), quantity: quantity}, random}
      end)

    {customer, _random} = :rand.uniform_s(1000, random)
    class = if rem(customer, 4) == 0, do: :member, else: :regular
    %Order{id: id, customer: "customer-#{customer}", class: class, lines: lines}
  end

  defp fill(:success, order), do: order
  defp fill(:insufficient, order), do: %{order | lines: [%Line{sku: "lamp", quantity: 10}]}
  defp fill(:nil_divisor, order), do: %{order | class: :partner}
  defp fill(:deferred, order), do: %{order | card: "4000-0200-0000-0001"}
  defp fill(:slow, order), do: %{order | card: "4000-0300-0000-0001"}
  defp fill(:timeout, order), do: %{order | card: "4000-0400-0000-0001"}
  defp fill(:crash, order), do: %{order | card: "4000-0119-0000-000#{7 + rem(order.id, 3)}"}
  defp fill(:stolen, order), do: %{order | card: "4000-0002-0000-0001"}
end
