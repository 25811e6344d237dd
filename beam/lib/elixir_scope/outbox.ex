defmodule ElixirScope.Outbox do
  @moduledoc """
  Events with a payload: encoded in the process that made them, sent to the writer as one message.

  The messages on their way are bounded in number and bytes; what exceeds the bound is dropped and
  counted as `payload_full` (`refused` if one payload is larger than 64 KiB).
  """
  import Bitwise
  require ElixirScope.Counters
  require ElixirScope.Kinds
  alias ElixirScope.{Config, Counters, Kinds, Ring}

  @payload_max 65_536
  @lane 1023

  @typedoc "Words 1 to 11 and the payload (`nil`: none)."
  @type event :: {tuple, iodata | nil}

  @doc """
  Sends events in one message: their ids, 0 for each that was dropped.
  """
  @spec post(Ring.runtime(), [event]) :: [non_neg_integer]
  def post({_, _, _, counters, _, _}, events) do
    {ids, records, bytes} = encode(events, counters, [], [], 0)

    cond do
      records == [] -> ids
      send_all(counters, length(records), bytes, records) -> ids
      true -> Enum.map(ids, fn _ -> 0 end)
    end
  end

  @doc "Sends one event: its id, 0 if it was dropped."
  @spec post_one(Ring.runtime(), tuple, iodata | nil) :: non_neg_integer
  def post_one(runtime, words, payload), do: runtime |> post([{words, payload}]) |> hd()

  @doc "Whether a payload would be taken now, so that it is worth making."
  @spec room?(Ring.runtime()) :: boolean
  def room?({_, _, _, counters, _, _}) do
    %{payload_messages_max: messages_max, payload_bytes_max: bytes_max} = Config.loaded()

    :atomics.get(counters, Counters.field(:outstanding)) < messages_max and
      :atomics.get(counters, Counters.field(:outstanding_bytes)) < bytes_max and
      :atomics.get(counters, Counters.field(:switch)) == 1 and is_pid(:erlang.whereis(ElixirScope.Writer))
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
  Sends one event that the caller can record without its payload as well: its id, or 0, and then nothing was counted.
  """
  @spec offer(Ring.runtime(), tuple, iodata) :: non_neg_integer
  def offer({_, _, _, counters, _, _} = runtime, words, payload) do
    size = IO.iodata_length(payload)
    bytes = 96 + 4 + size

    if size <= @payload_max and room?(runtime) and reserve(counters, 1, bytes) do
      id = :atomics.add_get(counters, Counters.field(:messages), 1) <<< 10 ||| @lane
      deliver(counters, 1, bytes, record(id, words, payload, size), id)
    else
      0
    end
  end

  # A writer that has gone since: the event is one that was refused.
  defp deliver(counters, count, bytes, records, id) do
    if send_to_writer(count, bytes, records) do
      id
    else
      release(counters, count, bytes)
      :atomics.add(counters, Kinds.reason(:payload_full), count)
      id
    end
  end

  defp encode([], _counters, ids, records, bytes),
    do: {Enum.reverse(ids), Enum.reverse(records), bytes}

  defp encode([{words, payload} | rest], counters, ids, records, bytes) do
    size = size(payload)
    n = :atomics.add_get(counters, Counters.field(:messages), 1)

    cond do
      :atomics.get(counters, Counters.field(:switch)) == 0 ->
        :atomics.add(counters, Kinds.reason(:switched_off), 1)
        encode(rest, counters, [0 | ids], records, bytes)

      size > @payload_max ->
        :atomics.add(counters, Kinds.reason(:refused), 1)
        encode(rest, counters, [0 | ids], records, bytes)

      true ->
        id = n <<< 10 ||| @lane
        record = record(id, words, payload, size)
        encode(rest, counters, [id | ids], [record | records], bytes + 96 + size)
    end
  end

  defp other_record(id, {w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11}, payload, size) do
    w1 = if payload, do: w1 ||| Kinds.flag(:payload), else: w1

    head =
      <<id::64-little, w1::64-little, w2::64-little, w3::64-little, w4::64-little, w5::64-little,
        w6::64-little, w7::64-little, w8::64-little, w9::64-little, w10::64-little, w11::64-little>>

    if payload, do: [head, <<size::32-little>> | payload], else: head
  end

  defp flat([record]) when is_binary(record), do: record
  defp flat(record) when is_binary(record), do: record
  defp flat(records), do: :erlang.iolist_to_binary(records)

  # The usual cases become one binary at once.
  defp record(id, {w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11}, [a | b], size)
       when is_binary(a) and is_binary(b) do
    <<id::64-little, w1 ||| Kinds.flag(:payload)::64-little, w2::64-little, w3::64-little, w4::64-little,
      w5::64-little, w6::64-little, w7::64-little, w8::64-little, w9::64-little, w10::64-little,
      w11::64-little, size::32-little, a::binary, b::binary>>
  end

  defp record(id, words, payload, size) when is_binary(payload), do: record(id, words, [payload | ""], size)
  defp record(id, words, payload, size), do: other_record(id, words, payload, size)

  defp size(nil), do: 0
  defp size(payload) when is_binary(payload), do: byte_size(payload)
  defp size([a | b]) when is_binary(a) and is_binary(b), do: byte_size(a) + byte_size(b)
  defp size(payload), do: IO.iodata_length(payload)

  defp send_all(counters, count, bytes, records) do
    reserved? = reserve(counters, count, bytes)

    cond do
      reserved? and send_to_writer(count, bytes, records) ->
        true

      true ->
        if reserved?, do: release(counters, count, bytes)
        :atomics.add(counters, Kinds.reason(:payload_full), count)
        false
    end
  end

  defp reserve(counters, count, bytes) do
    %{payload_messages_max: messages_max, payload_bytes_max: bytes_max} = Config.loaded()
    messages = :atomics.add_get(counters, Counters.field(:outstanding), count)
    queued = :atomics.add_get(counters, Counters.field(:outstanding_bytes), bytes)

    if messages <= messages_max and queued <= bytes_max do
      true
    else
      release(counters, count, bytes)
      false
    end
  end

  defp release(counters, count, bytes) do
    :atomics.sub(counters, Counters.field(:outstanding), count)
    :atomics.sub(counters, Counters.field(:outstanding_bytes), bytes)
  end

  defp send_to_writer(count, bytes, records) do
    writer = :erlang.whereis(ElixirScope.Writer)

    if is_pid(writer) do
      # One flat binary: a large one is shared, not copied, and lives outside the heap.
      :erlang.send(writer, {:events, count, bytes, flat(records)})
      true
    else
      false
    end
  end
end
