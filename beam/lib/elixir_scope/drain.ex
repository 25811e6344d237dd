defmodule ElixirScope.Drain do
  @moduledoc """
  The reader's side of one ring: takes committed events in slot order, tolerates holes.

  A hole is a slot that was reserved and is not committed yet. It is skipped and looked at again;
  after `hole_ms` it counts as torn (its process was killed between two words). The ring's tail stays
  at the oldest hole, so that no slot is used twice; what was taken is marked, so that a reader that follows a crashed
  one takes nothing twice.
  """
  alias ElixirScope.Ring

  @hole_ms 100
  # Slots taken at most in one pass over one ring: the writer must return to its socket.
  @pass_max 8192

  defstruct [:ring, :mask, :lane, next: 1, holes: []]

  @type t :: %__MODULE__{
          ring: :atomics.atomics_ref(),
          mask: pos_integer,
          lane: pos_integer,
          next: pos_integer,
          holes: [{pos_integer, integer}]
        }

  @doc "A reader that continues where the last reader of this ring stopped."
  @spec new(:atomics.atomics_ref(), pos_integer, pos_integer) :: t
  def new(ring, mask, lane),
    do: %__MODULE__{ring: ring, mask: mask, lane: lane, next: Ring.tail(ring) + 1}

  @doc """
  Takes what is committed: `{records, count, torn, more?, reader}`, the records in reverse order as
  `{bytes, module key}`. `now_ms` is a monotonic time.
  """
  @spec take(t, integer) ::
          {[{binary, non_neg_integer}], non_neg_integer, non_neg_integer, boolean, t}
  def take(%__MODULE__{} = d, now_ms) do
    {records, count, torn, holes} = again(Enum.reverse(d.holes), d, now_ms, [], 0, 0, [])
    head = Ring.head(d.ring)
    last = min(head, d.next + @pass_max - 1)
    {records, count, torn, holes} = scan(d.next, last, d, now_ms, records, count, torn, holes)
    {records, count, torn, last < head, %{d | next: last + 1, holes: holes}}
  end

  @doc "Skips everything that is reserved, unread: how many slots that was."
  @spec skip(t) :: {non_neg_integer, t}
  def skip(%__MODULE__{} = d) do
    head = Ring.head(d.ring)
    {head - d.next + 1 + length(d.holes), %{d | next: head + 1, holes: []}}
  end

  @doc "Frees the slots up to the oldest hole for writing again."
  @spec free(t, :atomics.atomics_ref()) :: t
  def free(%__MODULE__{} = d, counters) do
    tail =
      case d.holes do
        [] -> d.next - 1
        holes -> (holes |> List.last() |> elem(0)) - 1
      end

    if tail != Ring.tail(d.ring), do: Ring.free(d.ring, d.mask, tail, counters)
    d
  end

  # Holes are kept newest first.
  defp again([], _d, _now, records, count, torn, holes), do: {records, count, torn, holes}

  defp again([{n, since} = hole | rest], d, now, records, count, torn, holes) do
    case Ring.read(d.ring, d.mask, n, d.lane) do
      {_, _} = record ->
        Ring.take(d.ring, d.mask, n)
        again(rest, d, now, [record | records], count + 1, torn, holes)

      outcome when outcome == :torn or (outcome == :hole and now - since >= @hole_ms) ->
        Ring.take(d.ring, d.mask, n)
        again(rest, d, now, records, count, torn + 1, holes)

      :taken ->
        again(rest, d, now, records, count, torn, holes)

      :hole ->
        again(rest, d, now, records, count, torn, [hole | holes])
    end
  end

  defp scan(n, last, _d, _now, records, count, torn, holes) when n > last,
    do: {records, count, torn, holes}

  defp scan(n, last, d, now, records, count, torn, holes) do
    case Ring.read(d.ring, d.mask, n, d.lane) do
      {_, _} = record ->
        Ring.take(d.ring, d.mask, n)
        scan(n + 1, last, d, now, [record | records], count + 1, torn, holes)

      :torn ->
        Ring.take(d.ring, d.mask, n)
        scan(n + 1, last, d, now, records, count, torn + 1, holes)

      :taken ->
        scan(n + 1, last, d, now, records, count, torn, holes)

      :hole ->
        scan(n + 1, last, d, now, records, count, torn, [{n, now} | holes])
    end
  end
end
