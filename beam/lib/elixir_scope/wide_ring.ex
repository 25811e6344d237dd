defmodule ElixirScope.WideRing do
  @moduledoc """
  Rings for events with a payload of at most #{35 * 7} bytes: captured values, mostly.

  As `ElixirScope.Ring`, with slots of 48 words: 0 commit, 1 to 11 the event, 12 the payload's size, 13.. the payload,
  7 bytes a word, because 8 would make large integers of them. Why not a table or a message: where a request is traced,
  most of what is called is not in the processor's caches, and a few plain words cost a tenth of either.
  """
  import Bitwise
  require ElixirScope.Kinds
  alias ElixirScope.{Kinds, Ring}

  @words 48
  @first 33
  @payload 13
  @bytes_max (@words - @payload) * 7
  @number 0x3FFFFFFFFF

  @doc "Words of a slot."
  @spec words() :: pos_integer
  def words, do: @words

  @doc "The largest payload that a slot takes."
  @spec bytes_max() :: pos_integer
  def bytes_max, do: @bytes_max

  @doc "Writes an event with its payload to the wide ring of this scheduler. Its id, or 0 if it was refused and counted."
  @spec put(Ring.runtime(), tuple, binary) :: non_neg_integer
  def put({rings, _, _, _, _, _}, words, payload) when byte_size(payload) <= @bytes_max do
    lane = :erlang.system_info(:scheduler_id) + (tuple_size(rings) >>> 1)
    ring = :erlang.element(lane, rings)

    case Ring.reserve(ring) do
      0 ->
        0

      n ->
        write(ring, (n &&& Ring.mask(ring)) * @words + @first, n, words, payload)
        n <<< 10 ||| lane
    end
  end

  defp write(ring, base, n, {w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11}, payload) do
    w1 = w1 ||| Kinds.flag(:payload)
    size = byte_size(payload)
    :atomics.put(ring, base + 1, w1)
    :atomics.put(ring, base + 2, w2)
    :atomics.put(ring, base + 3, w3)
    :atomics.put(ring, base + 4, w4)
    :atomics.put(ring, base + 5, w5)
    :atomics.put(ring, base + 6, w6)
    :atomics.put(ring, base + 7, w7)
    :atomics.put(ring, base + 8, w8)
    :atomics.put(ring, base + 9, w9)
    :atomics.put(ring, base + 10, w10)
    :atomics.put(ring, base + 11, w11)
    :atomics.put(ring, base + 12, size)
    x = check(w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, size)
    x = write_payload(ring, base + @payload, payload, x)
    :atomics.put(ring, base, (n &&& @number) <<< 21 ||| fold(x))
  end

  defp write_payload(ring, at, <<word::56-little, rest::binary>>, x) do
    :atomics.put(ring, at, word)
    write_payload(ring, at + 1, rest, bxor(x, word))
  end

  defp write_payload(_ring, _at, <<>>, x), do: x

  defp write_payload(ring, at, rest, x) do
    bits = bit_size(rest)
    <<word::size(bits)-little>> = rest
    :atomics.put(ring, at, word)
    bxor(x, word)
  end

  @compile {:inline, check: 12, fold: 1}
  defp check(w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12) do
    x = bxor(w1, bxor(w2, bxor(w3, bxor(w4, bxor(w5, bxor(w6, w7))))))
    bxor(x, bxor(w8, bxor(w9, bxor(w10, bxor(w11, w12)))))
  end

  defp fold(x), do: bxor(x, bxor(x >>> 20, x >>> 40)) &&& 0xFFFFF

  @doc "Reads slot `n`, as `ElixirScope.Ring.read/4` does: the event, the payload's size (32 bits) and the payload."
  @spec read(:atomics.atomics_ref(), non_neg_integer, pos_integer, pos_integer) ::
          {binary, non_neg_integer} | :hole | :torn | :taken
  def read(ring, mask, n, lane) do
    base = (n &&& mask) * @words + @first
    word = :atomics.get(ring, base)

    cond do
      word >>> 21 == (n &&& @number) -> committed(ring, base, word, n <<< 10 ||| lane)
      word == -n -> :taken
      true -> :hole
    end
  end

  defp committed(ring, base, word, id) do
    words = for i <- 1..12, do: :atomics.get(ring, base + i)
    size = List.last(words)

    if size in 0..@bytes_max do
      count = div(size + 6, 7)
      payload = for i <- 0..(count - 1)//1, do: :atomics.get(ring, base + @payload + i)
      x = Enum.reduce(payload, Enum.reduce(words, 0, &bxor/2), &bxor/2)

      if (word &&& 0xFFFFF) == fold(x),
        do: {record(id, words, payload, size), Enum.at(words, 3)},
        else: :torn
    else
      :torn
    end
  end

  defp record(id, words, payload, size) do
    {event, [_size]} = Enum.split(words, 11)
    event = for word <- event, into: <<id::64-little>>, do: <<word::64-little>>
    payload = for word <- payload, into: <<>>, do: <<word::56-little>>
    <<event::binary, size::32-little, binary_part(payload, 0, size)::binary>>
  end
end
