defmodule Shop.Load.Report do
  @moduledoc """
  What a load did: counts, and latencies in microseconds from when a request was *due* to its answer,
  over all samples (nearest rank). A late start counts as latency (open loop).
  """

  alias Shop.Load.{Json, Plan}

  @type sample :: {Plan.scenario(), answer :: :ok | {:error, term}, latency_us :: non_neg_integer}
  @type t :: map

  @doc """
  The report of `sent` requests from the samples of those that were answered.

  `unexpected` counts answers other than the scenario's own, `unexpected_answers` says which: two
  orders that crash the same fraud desk at a time are an example, the second may find no desk.
  """
  @spec new(sent :: non_neg_integer, [sample], settings :: map) :: t
  def new(sent, samples, settings) do
    unexpected = Enum.reject(samples, fn {scenario, answer, _us} -> answer == Plan.expected(scenario) end)

    %{
      sent: sent,
      answered: length(samples),
      ok: Enum.count(samples, fn {_scenario, answer, _us} -> answer == :ok end),
      errors:
        for(
          {{:error, reason}, count} <- count_by(samples, &elem(&1, 1)),
          into: %{},
          do: {name(reason), count}
        ),
      unexpected: length(unexpected),
      unexpected_answers:
        count_by(unexpected, fn {scenario, answer, _us} -> "#{scenario}: #{inspect(answer)}" end),
      latency_us: latency(samples),
      scenarios:
        for {scenario, own} <- Enum.group_by(samples, &elem(&1, 0)), into: %{} do
          {scenario, Map.put(latency(own), :answered, length(own))}
        end,
      settings: settings
    }
  end

  @doc "The report as JSON."
  @spec to_json(t) :: String.t()
  def to_json(report), do: report |> Json.encode() |> IO.iodata_to_binary()

  @doc """
  A quantile by nearest rank of a tuple of sorted values; `nil` if there are none.

      iex> Shop.Load.Report.quantile({10, 20, 30, 40}, 0.5)
      20
      iex> Shop.Load.Report.quantile({}, 0.5)
      nil
  """
  @spec quantile(tuple, float) :: non_neg_integer | nil
  def quantile({}, _share), do: nil
  def quantile(sorted, share), do: elem(sorted, max(ceil(share * tuple_size(sorted)), 1) - 1)

  defp latency(samples) do
    sorted = samples |> Enum.map(&elem(&1, 2)) |> Enum.sort() |> List.to_tuple()

    for {name, share} <- [p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999, max: 1.0], into: %{} do
      {name, quantile(sorted, share)}
    end
  end

  defp count_by(samples, key), do: Enum.frequencies_by(samples, key)

  defp name(reason) when is_atom(reason), do: reason
  defp name(reason), do: inspect(reason)
end
