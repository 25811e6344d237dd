defmodule ElixirScope.Resend do
  @moduledoc """
  The bounded buffer of chunks that the agent has not stored yet. Pure.

  Chunks wait, are sent, and are forgotten when the agent says that it has stored them. When the
  buffer is full, the bytes of the oldest *sent* chunk are let go (its numbers are remembered: lost if
  the agent goes away before storing it); without one, the new chunk is refused.

      iex> alias ElixirScope.Resend
      iex> {:ok, r} = Resend.push(Resend.new(100), 1, 2, "12345")
      iex> {{1, 2, "12345"}, r} = Resend.next(r)
      iex> {stored, lost, r} = Resend.welcome(r, 0)
      iex> {stored, lost, Resend.count(r)}
      {0, 0, 2}
  """

  @let_go_max 4096

  defstruct [:bytes_max, bytes: 0, count: 0, let_go: 0, sent: :queue.new(), waiting: :queue.new()]

  @type t :: %__MODULE__{}
  @typedoc "`{first number, count, bytes}`"
  @type chunk :: {pos_integer, pos_integer, binary}

  @doc "An empty buffer."
  @spec new(pos_integer) :: t
  def new(bytes_max), do: %__MODULE__{bytes_max: bytes_max}

  @doc "Events in the buffer."
  @spec count(t) :: non_neg_integer
  def count(r), do: r.count

  @doc "Whether chunks wait to be sent."
  @spec waiting?(t) :: boolean
  def waiting?(r), do: not :queue.is_empty(r.waiting)

  @doc "Whether a chunk of that size would be refused."
  @spec full?(t, non_neg_integer) :: boolean
  def full?(r, size), do: r.bytes + size > r.bytes_max and not can_let_go?(r)

  defp can_let_go?(r),
    do: r.let_go < @let_go_max and r.let_go < :queue.len(r.sent)

  @doc "Adds a chunk of `count` events, the first numbered `first`."
  @spec push(t, pos_integer, pos_integer, binary) :: {:ok, t} | :full
  def push(r, first, count, data) do
    size = byte_size(data)

    cond do
      r.bytes + size <= r.bytes_max ->
        waiting = :queue.in({first, count, data}, r.waiting)
        {:ok, %{r | waiting: waiting, bytes: r.bytes + size, count: r.count + count}}

      can_let_go?(r) ->
        r |> let_one_go() |> push(first, count, data)

      true ->
        :full
    end
  end

  # Chunks are let go in order: the first `let_go` of `sent` have no bytes.
  defp let_one_go(r) do
    {gone, rest} = :queue.split(r.let_go, r.sent)
    {{:value, {first, count, data}}, rest} = :queue.out(rest)
    sent = :queue.join(:queue.in({first, count, nil}, gone), rest)
    %{r | sent: sent, let_go: r.let_go + 1, bytes: r.bytes - byte_size(data)}
  end

  @doc "The next chunk to send, which counts as sent from now on."
  @spec next(t) :: {chunk, t} | :none
  def next(r) do
    case :queue.out(r.waiting) do
      {{:value, chunk}, waiting} -> {chunk, %{r | waiting: waiting, sent: :queue.in(chunk, r.sent)}}
      {:empty, _} -> :none
    end
  end

  @doc "The agent has stored everything up to `number`: `{events stored, buffer}`."
  @spec stored(t, non_neg_integer) :: {non_neg_integer, t}
  def stored(r, number), do: stored(r, number, 0)

  defp stored(r, number, total) do
    case :queue.peek(r.sent) do
      {:value, {first, count, data}} when first + count - 1 <= number ->
        stored(forget(r, count, data), number, total + count)

      _ ->
        {total, r}
    end
  end

  defp forget(r, count, nil),
    do: %{r | sent: :queue.drop(r.sent), let_go: r.let_go - 1, count: r.count - count}

  defp forget(r, count, data),
    do: %{r | sent: :queue.drop(r.sent), bytes: r.bytes - byte_size(data), count: r.count - count}

  @doc """
  An agent has connected and has stored everything up to `number`: what it has is forgotten, what was
  let go and is not stored is lost, the rest is to be sent again. `{stored, lost, buffer}`.
  """
  @spec welcome(t, non_neg_integer) :: {non_neg_integer, non_neg_integer, t}
  def welcome(r, number) do
    {stored, r} = stored(r, number)
    {lost, r} = lose(r, 0)
    # What the agent has from another connection may still be marked as waiting.
    r = %{r | waiting: :queue.join(r.sent, r.waiting), sent: :queue.new()}
    {again, r} = drop_waiting(r, number, 0)
    {stored + again, lost, r}
  end

  defp lose(r, total) do
    case :queue.peek(r.sent) do
      {:value, {_first, count, nil}} -> lose(forget(r, count, nil), total + count)
      _ -> {total, r}
    end
  end

  defp drop_waiting(r, number, total) do
    case :queue.peek(r.waiting) do
      {:value, {first, count, data}} when first + count - 1 <= number ->
        bytes = r.bytes - byte_size(data)
        r = %{r | waiting: :queue.drop(r.waiting), bytes: bytes, count: r.count - count}
        drop_waiting(r, number, total + count)

      _ ->
        {total, r}
    end
  end
end
