defmodule ElixirScope.Context do
  @moduledoc """
  The trace that a process is in: a small tuple in its process dictionary, and the `seq_trace` label that
  carries it with every message the process sends.

  Label (flat, recognised by its tag, never built in a match specification):
  `{:elixir_scope, trace 127..80, trace 79..32, trace 31..0, hlc, call, node key, time in us}`.

  Inside the **extent** of a traced call the process's own context is the truth: a missing or foreign
  token is overwritten with the next event, only its clock is merged, and another trace becomes a `link`
  (once an extent). Extents:

  - `:scoped` - `ElixirScope.trace/2` and GenServer callbacks: begins and ends exactly;
  - `:task` - a spawned process that inherited the token; it switches to another trace only at a `receive`;
  - `:open` - a raw process that took a message of a trace: a fresh token of another process switches it,
    and an instrumented `receive` of an untokened message ends it.

  Under `:"$elixir_scope"` lies `{hlc, call, ordinal, static}`, only while the process is in a trace. Under
  `:"$elixir_scope_process"` lies what outlasts an extent: `{pid word, ordinal, last token seen, self-sends,
  continuation}`.
  """
  import Bitwise
  require ElixirScope.Counters
  require ElixirScope.Kinds
  alias ElixirScope.{Clock, Counters, Kinds, Ring, SelfSend, Watch}

  @context :"$elixir_scope"
  @process :"$elixir_scope_process"
  @links_max 32

  @typedoc """
  `{runtime, t1, t2, t3, id, pid word, extent, values?, links}`: what does not change with an event.
  """
  @type static :: tuple
  @typedoc "`{hlc, call, ordinal, static}`"
  @type t :: {non_neg_integer, non_neg_integer, non_neg_integer, static}
  @typedoc "`{call, context id, the caller's call}`, or 0 in an untraced call"
  @type frame :: 0 | {non_neg_integer, pos_integer, non_neg_integer}
  @typedoc "Where an event of the process hangs: the context, the parent, flags, words 10 and 11."
  @type place :: {t, non_neg_integer, non_neg_integer, non_neg_integer, non_neg_integer}

  @doc "The process's context."
  @spec get() :: t | :undefined
  def get, do: :erlang.get(@context)

  @doc "A new context for this process, not yet stored."
  @spec new(Ring.runtime(), {integer, integer, integer}, integer, integer, atom) :: t
  def new(runtime, trace, hlc, call, extent), do: new(runtime, trace, hlc, call, extent, process())

  @doc "As `new/5`, where it is known what the process keeps between extents."
  @spec new(Ring.runtime(), {integer, integer, integer}, integer, integer, atom, tuple) :: t
  def new(runtime, {t1, t2, t3}, hlc, call, extent, {pid_word, ordinal, _, _, _}) do
    # No two contexts of a process begin at the same ordinal.
    {hlc, call, ordinal, {runtime, t1, t2, t3, ordinal + 1, pid_word, extent, :unknown, []}}
  end

  @doc "Stores the context and renews the label: messages now carry this clock and this call."
  @spec store(t, non_neg_integer) :: t
  def store({hlc, call, _, {runtime, t1, t2, t3, _, _, _, _, _}} = context, us) do
    :erlang.put(@context, context)
    :erlang.seq_trace(:label, {:elixir_scope, t1, t2, t3, hlc, call, :erlang.element(3, runtime), us})
    context
  end

  @doc "What the process keeps between extents."
  @spec process() :: tuple
  def process do
    case :erlang.get(@process) do
      :undefined -> {pid_word(self()), 0, nil, [], nil}
      process -> process
    end
  end

  @doc "Stores what the process keeps between extents."
  @spec put_process(tuple) :: :ok
  def put_process(process) do
    :erlang.put(@process, process)
    :ok
  end

  @doc "Ends the extent. The token stays, so that a reply sent after a callback carries it."
  @spec leave(t) :: :ok
  def leave({_, _, ordinal, _}) do
    case :erlang.get(@process) do
      {_, ^ordinal, _, _, _} ->
        :ok

      {pid_word, _, last, sends, continue} ->
        :erlang.put(@process, {pid_word, ordinal, last, sends, continue})

      :undefined ->
        put_process(put_elem(process(), 1, ordinal))
    end

    :erlang.erase(@context)
    :ok
  end

  @doc "Ends the extent and drops the token: what the process does next is in no trace."
  @spec drop() :: 0
  def drop do
    case get() do
      :undefined -> :ok
      context -> leave(context)
    end

    clear_token()
    0
  end

  @doc "Removes our token from the process; another user's is left alone."
  @spec clear_token() :: :ok
  def clear_token do
    case :erlang.seq_trace_info(:label) do
      {:label, {:elixir_scope, _, _, _, _, _, _, _}} -> :seq_trace.set_token([])
      _ -> :ok
    end

    :ok
  end

  @doc "Word 8 of a record: a local pid as one small integer."
  @spec pid_word(pid) :: non_neg_integer
  def pid_word(pid) do
    bytes = :erlang.term_to_binary(pid)
    <<id::32, serial::32, _creation::32>> = binary_part(bytes, byte_size(bytes), -12)
    (serial &&& 0x7FFFFFFF) <<< 28 ||| (id &&& 0x0FFFFFFF)
  end

  @doc """
  The place of an event in a process whose context is `context` and whose token is not the one that the
  process set last. `at` is `:receive` at a receive clause, else `:site`.
  """
  @spec place(t, term, :site | :receive) :: place | :none
  def place({hlc, call, ordinal, static} = context, label, at) do
    {runtime, t1, t2, t3, _, _, extent, _, _} = static

    case label do
      {:label, {:elixir_scope, ^t1, ^t2, ^t3, other, parent, node, us}} ->
        merged = {max(hlc, other), call, ordinal, static}

        if extent == :open or (at == :receive and extent == :task),
          do: {merged, parent, Kinds.flag(:remote), node, us},
          else: {merged, call, 0, 0, 0}

      {:label, {:elixir_scope, o1, o2, o3, other, parent, node, us}} ->
        foreign_trace(context, {o1, o2, o3}, {other, parent, node, us}, at)

      [] ->
        {context, call, 0, 0, 0}

      _foreign ->
        # Another user's token: ours to see, not ours to change (see `Probe`).
        :atomics.add(:erlang.element(4, runtime), Counters.field(:foreign_tokens), 1)
        {context, call, 0, 0, 0}
    end
  end

  defp foreign_trace({hlc, call, ordinal, static}, trace, {other, _, _, _} = from, at) do
    {runtime, _, _, _, _, _, extent, _, links} = static
    context = {max(hlc, other), call, ordinal, static}

    cond do
      (extent == :open or (extent == :task and at == :receive)) and from_another?() ->
        leave(context)
        seen()
        enter(runtime, trace, from, :open)

      trace in links or length(links) >= @links_max ->
        {context, call, 0, 0, 0}

      true ->
        context = link(context, trace)
        {context, call, 0, 0, 0}
    end
  end

  defp from_another? do
    case :seq_trace.get_token() do
      {_, _, _, from, _} -> from != self()
      [] -> false
    end
  end

  @doc "Remembers the token as one that has had its effect."
  @spec seen() :: :ok
  def seen do
    case :seq_trace.get_token() do
      {_, _, serial, from, _} -> put_process(put_elem(process(), 2, {from, serial}))
      [] -> :ok
    end
  end

  @doc "Records a link to another trace, once an extent."
  @spec link(t, {integer, integer, integer}) :: t
  def link({hlc, call, ordinal, static}, {o1, o2, o3} = trace) do
    {runtime, t1, t2, t3, _, pid_word, _, _, links} = static
    us = Clock.now_us()
    w1 = Kinds.kind(:link) ||| Clock.ahead(hlc, us <<< 10, elem(runtime, 4))
    hlc = max(hlc + 1, us <<< 10)
    w7 = (ordinal &&& 0x7FFFFFF) <<< 32 ||| t3
    Ring.put(runtime, w1, hlc, us, o1, t1, t2, w7, pid_word, call, o2, o3)
    {hlc, call, ordinal + 1, put_elem(static, 8, [trace | links])}
  end

  @doc """
  The place of the first event of an extent that a message's token begins: the parent is the label's
  call.
  """
  @spec enter(Ring.runtime(), {integer, integer, integer}, tuple, atom) :: place
  def enter(runtime, trace, {hlc, call, node, us}, extent) do
    context = new(runtime, trace, hlc, call, extent)
    {context, call, Kinds.flag(:remote), node, us}
  end

  @doc """
  The place of the first event of a process that has no context but a token: a spawned process or a raw
  one that took a message. `:none` if the token is left over from earlier work, or another user's.
  """
  @spec open() :: place | :none
  def open do
    runtime = Ring.runtime()

    case :seq_trace.get_token() do
      {_, {:elixir_scope, t1, t2, t3, hlc, call, node, us}, serial, from, _} when runtime != nil ->
        process = process()
        first? = :erlang.get(@process) == :undefined
        extent = origin(from, serial, {hlc, call}, process, first?)

        if extent == :stale do
          clear_token()
          :none
        else
          put_process(put_elem(process(), 2, {from, serial}))
          runtime |> enter({t1, t2, t3}, {hlc, call, node, us}, extent) |> born(extent)
        end

      {_, _, _, _, _} when runtime != nil ->
        :atomics.add(:erlang.element(4, runtime), Counters.field(:foreign_tokens), 1)
        :none

      _ ->
        :none
    end
  end

  # The first event of a spawned process is its `spawn`.
  defp born({{hlc, _, ordinal, static}, call, flags, node, sent}, :task) do
    {runtime, t1, t2, t3, _, pid_word, _, _, _} = static
    us = Clock.now_us()
    ahead = Clock.ahead(hlc, us <<< 10, elem(runtime, 4))
    hlc = max(hlc + 1, us <<< 10)
    w7 = (ordinal &&& 0x7FFFFFF) <<< 32 ||| t3
    w1 = Kinds.kind(:spawn) ||| flags ||| ahead
    Watch.spawned(runtime, {w1, hlc, us, 0, t1, t2, w7, pid_word, call, node, sent})
    {{hlc, call, ordinal + 1, static}, call, flags, node, sent}
  end

  defp born(place, _extent), do: place

  # A process that inherits a token is itself the token's sender. So is a server of proc_lib that has sent
  # something: that one's start is seen by `init`.
  defp origin(from, serial, {hlc, call}, {_, _, last, _, _}, first?) do
    cond do
      # `Task` hands its function over by a message.
      first? and :erlang.get(:"$callers") != :undefined -> :task
      from == self() and first? and :erlang.get(:"$ancestors") == :undefined -> :task
      from == self() and SelfSend.take(hlc, call) != :none -> :open
      from == self() or last == {from, serial} -> :stale
      true -> :open
    end
  end

  @doc """
  The place of an event at a receive clause, when the message taken brought no fresh token (it came from a
  timer, a socket, a monitor, an untraced process, or the process itself).
  """
  @spec receive_quiet(t) :: place | :none
  def receive_quiet({hlc, call, _, {_, _, _, _, _, _, extent, _, _}} = context) do
    cond do
      extent == :scoped -> {context, call, 0, 0, 0}
      extent == :task and :erlang.get(:"$callers") != :undefined -> {context, call, 0, 0, 0}
      SelfSend.take(hlc, call) != :none -> {context, call, 0, 0, 0}
      true -> drop() && :none
    end
  end
end
