defmodule ElixirScope.Totals do
  @moduledoc """
  The conservation law: `emitted = stored + buffered + in rings + sum(dropped)`.

  All numbers are totals since the VM started. Each is read once, so that the law holds exactly for a
  node at rest, and the totals are monotone.
  """
  require ElixirScope.Counters
  require ElixirScope.Kinds
  alias ElixirScope.{Counters, Kinds, Ring}

  @doc "`{emitted, dropped by reason 1..8}`, as a CHUNK carries them."
  @spec emitted_and_dropped(Ring.runtime()) :: {non_neg_integer, [non_neg_integer]}
  def emitted_and_dropped({rings, _, _, counters, _, _}) do
    dropped = for {_, i} <- Kinds.reasons(), do: :atomics.get(counters, i)
    messages = :atomics.get(counters, Counters.field(:messages))

    {full, off, heads} =
      rings
      |> Tuple.to_list()
      |> Enum.reduce({0, 0, 0}, fn ring, {full, off, heads} ->
        {h, f, o} = Ring.totals(ring)
        {full + f, off + o, heads + h}
      end)

    dropped =
      dropped
      |> List.update_at(Kinds.reason(:ring_full) - 1, &(&1 + full))
      |> List.update_at(Kinds.reason(:switched_off) - 1, &(&1 + off))

    {heads + full + off + messages, dropped}
  end

  @doc "Events that full rings have refused, since the VM started."
  @spec ring_full(Ring.runtime()) :: non_neg_integer
  def ring_full({rings, _, _, _, _, _}), do: full(tuple_size(rings), rings, 0)

  defp full(0, _rings, sum), do: sum
  defp full(n, rings, sum), do: full(n - 1, rings, sum + (rings |> elem(n - 1) |> Ring.totals() |> elem(1)))

  # What was reserved and not yet numbered or counted; exact while no slot is a hole.
  defp in_rings({rings, _, _, counters, _, _}) do
    rings
    |> Tuple.to_list()
    |> Enum.reduce(:atomics.get(counters, Counters.field(:outstanding)), fn ring, sum ->
      tail = Ring.tail(ring)
      sum + Ring.head(ring) - tail
    end)
  end

  @doc "The law's terms, for `ElixirScope.stats/0`."
  @spec stats(Ring.runtime()) :: map
  def stats({_, _, node_key, counters, _, _} = runtime) do
    get = &:atomics.get(counters, &1)
    numbered = get.(Counters.field(:numbered))
    stored = get.(Counters.field(:stored))
    lost = get.(Counters.field(:lost_numbered))
    {emitted, dropped} = emitted_and_dropped(runtime)
    buffered = numbered - stored - lost

    %{
      node_key: node_key,
      on: get.(Counters.field(:switch)) == 1,
      emitted: emitted,
      stored: stored,
      buffered: buffered,
      in_rings: in_rings(runtime),
      dropped: Map.new(Kinds.reasons(), fn {name, i} -> {name, Enum.at(dropped, i - 1)} end),
      outstanding: get.(Counters.field(:outstanding)),
      shapes: get.(Counters.field(:shapes)),
      foreign_tokens: get.(Counters.field(:foreign_tokens)),
      watched: get.(Counters.field(:watched)),
      unwatched: get.(Counters.field(:unwatched)),
      governor: get.(Counters.field(:governor)),
      rearmed: get.(Counters.field(:rearmed)),
      rearm_refused: get.(Counters.field(:rearm_refused))
    }
  end
end
