defmodule ElixirScope.Counters do
  @moduledoc """
  The node's totals since the VM started, in one `:atomics` array that survives restarts of this
  application: what the conservation law of `docs/node-socket.md` is made of.
  """

  # 1..8 are the drops by reason that are counted here; the rest follows.
  @fields [
    switch: 9,
    messages: 10,
    message_done: 11,
    numbered: 12,
    stored: 13,
    lost_numbered: 14,
    outstanding: 15,
    outstanding_bytes: 16,
    shapes: 17,
    foreign_tokens: 18,
    watched: 19,
    unwatched: 20,
    latched: 21,
    rearmed: 22,
    rearm_refused: 23,
    governor: 24,
    numbered_messages: 25,
    torn_slots: 26
  ]

  @doc "The index of a total (a literal, at compile time)."
  defmacro field(name), do: Keyword.fetch!(@fields, name)

  @doc "A new array; `switch` is on."
  @spec new() :: :atomics.atomics_ref()
  def new do
    ref = :atomics.new(32, signed: true)
    :atomics.put(ref, @fields[:switch], 1)
    ref
  end
end
