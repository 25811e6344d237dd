defmodule ElixirScope.Outbox do
  @moduledoc """
  Events with a payload: encoded in the process that made them. A small payload goes into the scheduler's wide ring
  (`ElixirScope.WideRing`), a larger one into a table that the writer empties.

  A table, not the writer's mailbox: a message to a waiting process makes it runnable, and a trace of sixty values would
  switch to the writer and back sixty times, on the scheduler of the request that is traced. What is in the table also
  outlives a writer that crashed.

  The events on their way are bounded in number and bytes; what exceeds the bound is dropped and
  counted as `payload_full` (`refused` if one payload is larger than 64 KiB).
  """
  import Bitwise
  require ElixirScope.Counters
  require ElixirScope.Kinds
  alias ElixirScope.{Config, Counters, Kinds, Ring, WideRing}

  @payload_max 65_536
  @head_bytes 100
  @ring_max WideRing.bytes_max()
  @lane 1023
  @table __MODULE__

  @doc "Makes the table. Its owner is the caller."
  @spec setup() :: :ok
  def setup do
    if :ets.whereis(@table) == :undefined,
      do: :ets.new(@table, [:named_table, :public, write_concurrency: true])

    :ok
  end

  @doc "Takes what is in the table, in any order, about `limit` events: `{bytes, record}` each."
  @spec take(pos_integer) :: [{pos_integer, binary}]
  def take(limit) do
    case :ets.select(@table, [{{:"$1", :_, :_}, [], [:"$1"]}], limit) do
      {ids, _more} -> for id <- ids, {_, bytes, record} <- :ets.take(@table, id), do: {bytes, record}
      :"$end_of_table" -> []
    end
  end

  @doc """
  Counts as torn what is on its way and in no table: a process was killed between the two, or the writer ended with what
  it had taken. `{events, bytes}` are those that the caller has taken and not numbered yet.
  """
  @spec settle(:atomics.atomics_ref(), {non_neg_integer, non_neg_integer}) :: :ok
  def settle(counters, {events, bytes}) do
    on_way = :atomics.get(counters, Counters.field(:outstanding))
    bytes_on_way = :atomics.get(counters, Counters.field(:outstanding_bytes))

    {events, bytes} =
      :ets.foldl(fn {_, size, _}, {events, bytes} -> {events + 1, bytes + size} end, {events, bytes}, @table)

    if on_way > events do
      release(counters, on_way - events, max(bytes_on_way - bytes, 0))
      :atomics.add(counters, Kinds.reason(:torn), on_way - events)
    end

    :ok
  end

  @doc "Takes one event: its id, 0 if it was dropped and counted."
  @spec post(Ring.runtime(), tuple, iodata) :: non_neg_integer
  def post({_, _, _, counters, _, _} = runtime, words, payload) do
    payload = flat(payload)

    if byte_size(payload) <= @ring_max,
      do: WideRing.put(runtime, words, payload),
      else: put(counters, words, payload)
  end

  defp flat(payload) when is_binary(payload), do: payload
  defp flat([a | b]) when is_binary(a) and is_binary(b), do: <<a::binary, b::binary>>
  defp flat(payload), do: :erlang.iolist_to_binary(payload)

  @doc "Whether a payload would be taken now, so that it is worth making."
  @spec room?(Ring.runtime()) :: boolean
  def room?({_, _, _, counters, _, _}) do
    %{payload_messages_max: messages_max, payload_bytes_max: bytes_max} = Config.loaded()

    :atomics.get(counters, Counters.field(:outstanding)) < messages_max and
      :atomics.get(counters, Counters.field(:outstanding_bytes)) < bytes_max and
      :atomics.get(counters, Counters.field(:switch)) == 1
  end

  @doc "Counts an event whose payload was not worth making: there was no room for it."
  @spec refuse(Ring.runtime()) :: :ok
  def refuse({_, _, _, counters, _, _}) do
    reason =
      if :atomics.get(counters, Counters.field(:switch)) == 1,
        do: Kinds.reason(:payload_full),
        else: Kinds.reason(:switched_off)

    :atomics.add(counters, Counters.field(:messages), 1)
    :atomics.add(counters, reason, 1)
  end

  @doc """
  Takes one event that the caller can record without its payload as well: its id, or 0, and then nothing was counted.
  """
  @spec offer(Ring.runtime(), tuple, iodata) :: non_neg_integer
  def offer({_, _, _, counters, _, _} = runtime, words, payload) do
    payload = flat(payload)
    bytes = @head_bytes + byte_size(payload)

    if byte_size(payload) <= @payload_max and room?(runtime) and reserve(counters, bytes) do
      id = :atomics.add_get(counters, Counters.field(:messages), 1) <<< 10 ||| @lane
      deliver(counters, bytes, record(id, words, payload), id)
    else
      0
    end
  end

  defp put(counters, words, payload) do
    id = :atomics.add_get(counters, Counters.field(:messages), 1) <<< 10 ||| @lane
    bytes = @head_bytes + byte_size(payload)

    cond do
      :atomics.get(counters, Counters.field(:switch)) == 0 -> dropped(counters, Kinds.reason(:switched_off))
      byte_size(payload) > @payload_max -> dropped(counters, Kinds.reason(:refused))
      reserve(counters, bytes) -> deliver(counters, bytes, record(id, words, payload), id)
      true -> dropped(counters, Kinds.reason(:payload_full))
    end
  end

  defp dropped(counters, reason) do
    :atomics.add(counters, reason, 1)
    0
  end

  defp record(id, {w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11}, payload) do
    <<id::64-little, w1 ||| Kinds.flag(:payload)::64-little, w2::64-little, w3::64-little, w4::64-little,
      w5::64-little, w6::64-little, w7::64-little, w8::64-little, w9::64-little, w10::64-little,
      w11::64-little, byte_size(payload)::32-little, payload::binary>>
  end

  defp reserve(counters, bytes) do
    %{payload_messages_max: messages_max, payload_bytes_max: bytes_max} = Config.loaded()
    messages = :atomics.add_get(counters, Counters.field(:outstanding), 1)
    queued = :atomics.add_get(counters, Counters.field(:outstanding_bytes), bytes)

    if messages <= messages_max and queued <= bytes_max do
      true
    else
      release(counters, 1, bytes)
      false
    end
  end

  defp release(counters, count, bytes) do
    :atomics.sub(counters, Counters.field(:outstanding), count)
    :atomics.sub(counters, Counters.field(:outstanding_bytes), bytes)
  end

  # One flat binary: a large one is shared, not copied. No table: the application is stopping.
  defp deliver(counters, bytes, record, id) do
    :ets.insert(@table, {id, bytes, record})
    id
  rescue
    ArgumentError ->
      release(counters, 1, bytes)
      :atomics.add(counters, Kinds.reason(:payload_full), 1)
      id
  end
end
