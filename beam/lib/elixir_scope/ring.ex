defmodule ElixirScope.Ring do
  @moduledoc """
  One fixed ring of `:atomics` per scheduler: events survive the process that wrote them.

  A slot is reserved with `add_get`, filled, and committed by its word 0, written last: the slot
  number (38 bits), one bit that says that words 10 and 11 are 0 and were not written (they rarely have a meaning, and
  a word costs 10 ns), and a 20-bit xor check of the other words. A full ring drops the newest event and counts
  it. The limit word is the one switch: 0 refuses everything at once.

  The rings are made once per VM and kept in one persistent term; they outlive this application.

  Events with a small payload have rings of their own, with wider slots (`ElixirScope.WideRing`), after those of the
  schedulers in the same tuple.

  Layout of a ring (64-bit words, indices from 1): 1 head (slots reserved), 2 mask (slots - 1), 3 words of a slot, 9 limit,
  17 refused because full, 18 refused because off, 25 tail (written by the one reader), 33.. slots of 12 words, or more.
  """
  import Bitwise
  require ElixirScope.Counters
  alias ElixirScope.{Counters, Identity, WideRing}

  @head 1
  @mask 2
  @width 3
  @limit 9
  @full 17
  @off 18
  @tail 25
  @first 33
  @words 12
  @short 1 <<< 20
  @number 0x3FFFFFFFFF
  # Processes preempted between the check of the limit and the reservation may overshoot it.
  @slack 64
  @key {__MODULE__, :runtime}

  @typedoc """
  `{rings, mask, node_key, counters, max_offset as HLC, identity}`: a ring for each scheduler, then a wide one for each;
  the mask is that of the first half.
  """
  @type runtime ::
          {tuple, pos_integer, non_neg_integer, :atomics.atomics_ref(), pos_integer, Identity.t()}

  @doc "Makes the rings, unless this VM has them. Capture is on."
  @spec setup(pos_integer, pos_integer) :: runtime
  def setup(slots, bytes_max) do
    case runtime() do
      nil ->
        lanes = min(:erlang.system_info(:schedulers), 511)
        slots = fit(power_of_two(max(slots, 256)), lanes, bytes_max)
        identity = Identity.current()
        wide = max(div(slots, 8), 128)

        rings = for(_ <- 1..lanes, do: new(slots)) ++ for _ <- 1..lanes, do: new(wide, WideRing.words())
        offset = ElixirScope.Config.get(:max_offset_us) <<< 10
        term = {List.to_tuple(rings), slots - 1, identity.key, Counters.new(), offset, identity}
        :persistent_term.put(@key, term)
        term

      term ->
        term
    end
  end

  @doc "One empty ring of `slots` (a power of two) that accepts events."
  @spec new(pos_integer, pos_integer) :: :atomics.atomics_ref()
  def new(slots, words \\ @words) do
    ref = :atomics.new(@first - 1 + slots * words, signed: true)
    :atomics.put(ref, @mask, slots - 1)
    :atomics.put(ref, @width, words)
    :atomics.put(ref, @limit, slots - @slack)
    ref
  end

  defp power_of_two(n), do: 1 <<< (length(Integer.digits(n, 2)) - 1)

  defp fit(slots, lanes, bytes_max) do
    if slots > 256 and (slots * @words + div(slots, 8) * WideRing.words()) * 8 * lanes > bytes_max,
      do: fit(div(slots, 2), lanes, bytes_max),
      else: slots
  end

  @doc "The rings and what goes with them, or `nil` before the first set-up."
  @spec runtime() :: runtime | nil
  def runtime, do: :persistent_term.get(@key, nil)

  @doc "Writes an event to the ring of this scheduler. Its id, or 0 if it was refused and counted."
  @spec put(
          runtime,
          w,
          w,
          w,
          w,
          w,
          w,
          w,
          w,
          w,
          w,
          w
        ) :: non_neg_integer
        when w: non_neg_integer
  def put({rings, mask, _, _, _, _}, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11) do
    lane = :erlang.system_info(:scheduler_id)

    case put_in_ring(:erlang.element(lane, rings), mask, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11) do
      0 -> 0
      n -> n <<< 10 ||| lane
    end
  end

  @doc "Writes an event to one ring. The slot number, or 0 if it was refused."
  def put_in_ring(ring, mask, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11) do
    case reserve(ring) do
      0 ->
        0

      n ->
        base = (n &&& mask) * @words + @first
        :atomics.put(ring, base + 1, w1)
        :atomics.put(ring, base + 2, w2)
        :atomics.put(ring, base + 3, w3)
        :atomics.put(ring, base + 4, w4)
        :atomics.put(ring, base + 5, w5)
        :atomics.put(ring, base + 6, w6)
        :atomics.put(ring, base + 7, w7)
        :atomics.put(ring, base + 8, w8)
        :atomics.put(ring, base + 9, w9)
        x = check(w1, w2, w3, w4, w5, w6, w7, w8, w9)
        :atomics.put(ring, base, commit(n, tail_words(ring, base, w10, w11, x)))
        n
    end
  end

  @doc "Reserves a slot: its number, or 0 if it was refused and counted."
  @spec reserve(:atomics.atomics_ref()) :: non_neg_integer
  def reserve(ring) do
    limit = :atomics.get(ring, @limit)

    if :atomics.get(ring, @head) < limit do
      n = :atomics.add_get(ring, @head, 1)
      # Beyond the slack: the slot stays uncommitted, the reader counts it as torn.
      if n <= limit + @slack, do: n, else: 0
    else
      :atomics.add(ring, if(limit == 0, do: @off, else: @full), 1)
      0
    end
  end

  @compile {:inline, reserve: 1, check: 9, fold: 1, commit: 2, tail_words: 5}
  defp check(w1, w2, w3, w4, w5, w6, w7, w8, w9) do
    x = bxor(w1, bxor(w2, bxor(w3, bxor(w4, bxor(w5, bxor(w6, w7))))))
    bxor(x, bxor(w8, w9))
  end

  defp fold(x), do: bxor(x, bxor(x >>> 20, x >>> 40)) &&& 0xFFFFF

  defp tail_words(_ring, _base, 0, 0, x), do: fold(x) ||| @short

  defp tail_words(ring, base, w10, w11, x) do
    :atomics.put(ring, base + 10, w10)
    :atomics.put(ring, base + 11, w11)
    fold(bxor(x, bxor(w10, w11)))
  end

  defp commit(n, x), do: (n &&& @number) <<< 21 ||| x

  @doc """
  Reads slot `n`: its 96 bytes and its module key, or `:hole` (not committed), `:torn`, or `:taken` (by a reader that
  ended before it freed it).
  """
  @spec read(:atomics.atomics_ref(), pos_integer, pos_integer, 1..1023) ::
          {binary, non_neg_integer} | :hole | :torn | :taken
  def read(ring, mask, n, lane) do
    case :atomics.get(ring, @width) do
      @words -> read_event(ring, mask, n, lane)
      _ -> WideRing.read(ring, mask, n, lane)
    end
  end

  defp read_event(ring, mask, n, lane) do
    base = (n &&& mask) * @words + @first
    word = :atomics.get(ring, base)

    if word >>> 21 == (n &&& @number) do
      w1 = :atomics.get(ring, base + 1)
      w2 = :atomics.get(ring, base + 2)
      w3 = :atomics.get(ring, base + 3)
      w4 = :atomics.get(ring, base + 4)
      w5 = :atomics.get(ring, base + 5)
      w6 = :atomics.get(ring, base + 6)
      w7 = :atomics.get(ring, base + 7)
      w8 = :atomics.get(ring, base + 8)
      w9 = :atomics.get(ring, base + 9)
      short? = (word &&& @short) != 0
      w10 = if short?, do: 0, else: :atomics.get(ring, base + 10)
      w11 = if short?, do: 0, else: :atomics.get(ring, base + 11)
      x = check(w1, w2, w3, w4, w5, w6, w7, w8, w9)

      if (word &&& 0xFFFFF) == fold(bxor(x, bxor(w10, w11))) do
        {record(n <<< 10 ||| lane, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11), w4}
      else
        :torn
      end
    else
      if word == -n, do: :taken, else: :hole
    end
  end

  @doc "Marks slot `n` as taken: the next reader skips it."
  @spec take(:atomics.atomics_ref(), pos_integer, pos_integer) :: :ok
  def take(ring, mask, n), do: :atomics.put(ring, base(ring, mask, n), -n)

  defp base(ring, mask, n), do: (n &&& mask) * :atomics.get(ring, @width) + @first

  @doc "The ring's slots - 1."
  @spec mask(:atomics.atomics_ref()) :: non_neg_integer
  def mask(ring), do: :atomics.get(ring, @mask)

  @doc "Slots that a reader has taken, freed or not. Only while no reader runs."
  @spec taken(:atomics.atomics_ref()) :: non_neg_integer
  def taken(ring) do
    {tail, mask} = {tail(ring), mask(ring)}
    marked? = fn n -> :atomics.get(ring, base(ring, mask, n)) == -n end
    tail + Enum.count((tail + 1)..min(head(ring), tail + mask + 1)//1, marked?)
  end

  # Building the bytes is most of a drain's cost: words without a meaning are a literal.
  defp record(w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, 0, 0) do
    <<w0::64-little, w1::64-little, w2::64-little, w3::64-little, w4::64-little, w5::64-little, w6::64-little,
      w7::64-little, w8::64-little, w9::64-little, 0::128>>
  end

  defp record(w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11) do
    <<w0::64-little, w1::64-little, w2::64-little, w3::64-little, w4::64-little, w5::64-little, w6::64-little,
      w7::64-little, w8::64-little, w9::64-little, w10::64-little, w11::64-little>>
  end

  @doc "Slots reserved so far."
  @spec head(:atomics.atomics_ref()) :: non_neg_integer
  def head(ring), do: :atomics.get(ring, @head)

  @doc "Slots that the reader has done with."
  @spec tail(:atomics.atomics_ref()) :: non_neg_integer
  def tail(ring), do: :atomics.get(ring, @tail)

  @doc "`{reserved, refused because full, refused because off}`."
  @spec totals(:atomics.atomics_ref()) :: {integer, integer, integer}
  def totals(ring),
    do: {:atomics.get(ring, @head), :atomics.get(ring, @full), :atomics.get(ring, @off)}

  @doc "The reader has done with all slots up to `tail`: they may be written again."
  @spec free(:atomics.atomics_ref(), pos_integer, non_neg_integer, :atomics.atomics_ref()) :: :ok
  def free(ring, mask, tail, counters) do
    :atomics.put(ring, @tail, tail)
    open(ring, mask, counters)
  end

  # The switch is read after the limit was raised: a concurrent switch-off wins.
  defp open(ring, mask, counters) do
    if :atomics.get(counters, Counters.field(:switch)) == 1 do
      :atomics.put(ring, @limit, :atomics.get(ring, @tail) + mask + 1 - @slack)

      if :atomics.get(counters, Counters.field(:switch)) == 0,
        do: :atomics.put(ring, @limit, 0)
    end

    :ok
  end

  @doc "Capture on or off, at once, for every probe of this node."
  @spec switch(boolean) :: :ok
  def switch(on?) do
    {rings, _, _, counters, _, _} = runtime()
    :atomics.put(counters, Counters.field(:switch), if(on?, do: 1, else: 0))

    for ring <- Tuple.to_list(rings) do
      if on?, do: open(ring, mask(ring), counters), else: :atomics.put(ring, @limit, 0)
    end

    :ok
  end

  @doc "Whether capture is on."
  @spec on?() :: boolean
  def on? do
    case runtime() do
      nil -> false
      {_, _, _, counters, _, _} -> :atomics.get(counters, Counters.field(:switch)) == 1
    end
  end
end
