defmodule ElixirScope.Callback do
  @moduledoc """
  GenServer callbacks: which trace, if any, a callback belongs to.

  The VM clears the token at an ordinary untokened message, but not at timer, socket, port and `:DOWN`
  messages. So a callback was caused by the token only if its sender is another process and
  `{sender, serial}` is not what the previous callback saw. Else the callback is fresh: it is in no trace,
  and our own left-over token is removed, so that what the callback sends carries no false trace.

  Exceptions to "fresh": a message that the process sent to itself (`ElixirScope.SelfSend`);
  `handle_continue` and `terminate` after a callback that asked for them; `init`, which runs with the token
  of the process that started this one.
  """
  import Bitwise
  require ElixirScope.Counters
  require ElixirScope.Kinds
  alias ElixirScope.{Context, Counters, Event, Kinds, Ring, SelfSend, Shape, StateChange}

  @process :"$elixir_scope_process"

  # No frame of any call, and not 0: so the callback's end is seen, where a trace's reply may have been taken.
  @untraced {0, 0, 0}

  @doc "The callback `name` begins."
  @spec enter(non_neg_integer, pos_integer, atom, term, term) :: Context.frame()
  def enter(key, site, name, message, _state) do
    # An untraced callback pays for these two looks only.
    context = :erlang.get(:"$elixir_scope")

    if context == :undefined and :erlang.seq_trace_info(:label) == [],
      do: @untraced,
      else: traced(context, key, site, name, message)
  end

  defp traced(context, key, site, name, message) do
    case Ring.runtime() do
      nil -> 0
      runtime -> runtime |> cause(name, message, context) |> begin(runtime, key, site, message)
    end
  end

  # What caused the callback: a place, or `:none`, or `{:nested, context}`.
  defp cause(runtime, name, message, :undefined),
    do: cause(runtime, name, message, :seq_trace.get_token(), Context.process())

  defp cause(runtime, name, message, context),
    do: running(runtime, name, message, :seq_trace.get_token(), context)

  # A context at a callback's entry: the callback is called by code of ours, or the last extent was left
  # by a throw, or an uninstrumented part of the server took a message of a trace.
  defp running(runtime, name, message, token, {hlc, call, _, {_, _, _, _, _, _, extent, _, _}} = context) do
    case token do
      {_, {:elixir_scope, _, _, _, ^hlc, ^call, _, _}, _, _, _} when extent == :scoped ->
        {:nested, context}

      [] when extent == :scoped ->
        {:nested, context}

      _ ->
        Context.leave(context)
        cause(runtime, name, message, token, Context.process())
    end
  end

  defp cause(_runtime, name, _message, _token, {pid_word, ordinal, last, sends, {_, _, _} = continue})
       when name in [:handle_continue, :terminate] do
    Context.put_process({pid_word, ordinal, last, sends, nil})
    {trace, hlc, call} = continue
    {Context.new(Ring.runtime(), trace, hlc, call, :scoped), call, 0, 0, 0}
  end

  defp cause(runtime, name, message, token, process) do
    # A continuation follows its callback at once, or never.
    process = if elem(process, 4) != nil, do: forget_continuation(process), else: process

    case token do
      {_, {:elixir_scope, t1, t2, t3, hlc, call, node, us}, serial, from, _} ->
        if caused?(name, message, from, serial, hlc, call, process) do
          process = caused(from, process)
          :erlang.put(@process, put_elem(process, 2, {from, serial}))
          context = Context.new(runtime, {t1, t2, t3}, hlc, call, :scoped, process)
          {context, call, Kinds.flag(:remote), node, us}
        else
          Context.clear_token()
          :none
        end

      [] ->
        :none

      _foreign ->
        :atomics.add(:erlang.element(4, runtime), Counters.field(:foreign_tokens), 1)
        :none
    end
  end

  # A send to oneself was taken from what the process keeps.
  defp caused(from, _process) when from == self(), do: Context.process()
  defp caused(_from, process), do: process

  defp forget_continuation(process) do
    process = put_elem(process, 4, nil)
    Context.put_process(process)
    process
  end

  defp caused?(:init, _message, _from, _serial, _hlc, _call, _process), do: true
  # These follow a callback of this process, which was untraced, or left no continuation.
  defp caused?(:handle_continue, _, _, _, _, _, _), do: false
  defp caused?(:terminate, _, _, _, _, _, _), do: false

  defp caused?(_name, message, from, serial, hlc, call, {_, _, last, _, _}) do
    if from == self(),
      do: SelfSend.take(hlc, call, message) == :ok,
      else: last != {from, serial}
  end

  defp begin(:none, _runtime, _key, _site, _message), do: @untraced

  defp begin({:nested, {_, call, _, _} = context}, runtime, key, site, message),
    do: Event.frame(word(runtime, site, message), key, call, 0, 0, context)

  defp begin({context, parent, flags, w10, w11}, runtime, key, site, message) do
    # Its own call in the caller's place: the extent ends with this callback, not with one that it calls.
    case Event.frame(word(runtime, site, message) ||| flags, key, parent, w10, w11, context) do
      {call, id, _} -> {call, id, call}
      0 -> 0
    end
  end

  defp word(runtime, site, message),
    do: Kinds.kind(:callback) ||| site <<< 20 ||| Shape.id(runtime, message) <<< 44

  @doc "The callback ends with `result`; `state` is the state it began with."
  @spec leave(non_neg_integer, pos_integer, Context.frame(), result, term) :: result
        when result: term
  def leave(_key, _site, {0, 0, 0}, result, _state) do
    # Something in the callback took a message of a trace: that trace ends with the callback.
    if :erlang.seq_trace_info(:label) != [] do
      Context.seen()
      Context.drop()
    end

    result
  end

  # Its event found the ring full: the extent ends, the token travels on.
  def leave(_key, _site, {0, id, _}, result, _state) do
    case Context.get() do
      {_, _, _, static} = context when :erlang.element(5, static) == id -> Context.leave(context)
      _ -> :ok
    end

    result
  end

  def leave(_key, _site, 0, result, _state), do: result

  def leave(key, site, {call, id, outer} = frame, result, state) do
    Event.within(return_word(site, result, state), key, frame)

    case Context.get() do
      {hlc, _, _, {_, t1, t2, t3, ^id, _, _, _, _}} = context when outer == call ->
        Context.leave(context)
        if continues?(result), do: continue({t1, t2, t3}, hlc, call)

      _ ->
        :ok
    end

    result
  end

  defp return_word(site, result, state) do
    changed = if changed?(result, state), do: Kinds.flag(:state_changed), else: 0
    Kinds.kind(:callback_return) ||| Kinds.class(result) <<< 6 ||| site <<< 20 ||| changed
  end

  defp changed?(result, old) do
    case state(result) do
      {:ok, new} -> StateChange.changed?(old, new)
      :none -> false
    end
  end

  defp continues?({_, _, {:continue, _}}), do: true
  defp continues?({_, _, _, {:continue, _}}), do: true
  defp continues?(result) when is_tuple(result) and tuple_size(result) > 1, do: elem(result, 0) == :stop
  defp continues?(_), do: false

  defp continue(trace, hlc, call),
    do: Context.put_process(put_elem(Context.process(), 4, {trace, hlc, call}))

  @doc "The new state in a callback's result."
  @spec state(term) :: {:ok, term} | :none
  def state({:reply, _, state}), do: {:ok, state}
  def state({:reply, _, state, _}), do: {:ok, state}
  def state({:noreply, state}), do: {:ok, state}
  def state({:noreply, state, _}), do: {:ok, state}
  def state({:stop, _, state}), do: {:ok, state}
  def state({:stop, _, _, state}), do: {:ok, state}
  def state({:ok, state}), do: {:ok, state}
  def state({:ok, state, _}), do: {:ok, state}
  def state(_), do: :none

  @doc "The reply in a callback's result."
  @spec reply(term) :: {:ok, term} | :none
  def reply({:reply, reply, _}), do: {:ok, reply}
  def reply({:reply, reply, _, _}), do: {:ok, reply}
  def reply({:stop, _, reply, _}), do: {:ok, reply}
  def reply(_), do: :none
end
