defmodule ElixirScope.Probe do
  @moduledoc """
  What the injected code calls. Not for people: use `ElixirScope`.

  `key` is the module version key, `site` the number of the instrumented point. A *frame* is
  `{call, context id, caller's call}`, or 0 in an untraced call; it is handed to the later sites of the same clause.
  No function here raises, blocks or allocates more than a few words; what cannot be recorded is counted.
  """
  import Bitwise
  require ElixirScope.Kinds
  alias ElixirScope.{Capture, Context, ErrorEvent, Event, Kinds, SelfSend}

  @context :"$elixir_scope"

  @type frame :: Context.frame()
  @typedoc "Bound variables: `[{name, value}]`."
  @type binds :: [{atom, term}]

  @doc "A clause was entered."
  @spec call(non_neg_integer, pos_integer) :: frame
  def call(key, site), do: Event.enter(Kinds.kind(:call) ||| site <<< 20, key)

  @doc "A clause was entered; its arguments are recorded."
  @spec call_values(non_neg_integer, pos_integer, binds) :: frame
  def call_values(key, site, binds), do: key |> call(site) |> Capture.values(key, site, 0, binds)

  @doc "A clause of an anonymous function was entered."
  @spec fn_clause(non_neg_integer, pos_integer, frame) :: frame
  def fn_clause(key, site, {outer, id, _}) do
    word = Kinds.kind(:fn) ||| site <<< 20

    case :erlang.get(@context) do
      {hlc, call, ordinal, static} = context when :erlang.element(5, static) == id and outer > 0 ->
        case :erlang.seq_trace_info(:label) do
          {:label, {:elixir_scope, _, _, _, ^hlc, ^call, _, _}} ->
            Event.frame(word, key, outer, 0, 0, context)

          label ->
            Event.placed({hlc, outer, ordinal, static}, label, :site, word, key)
        end

      _ ->
        Event.enter(word, key)
    end
  end

  def fn_clause(key, site, _untraced), do: Event.enter(Kinds.kind(:fn) ||| site <<< 20, key)

  @doc "As `fn_clause/3`; its arguments are recorded."
  @spec fn_clause_values(non_neg_integer, pos_integer, frame, binds) :: frame
  def fn_clause_values(key, site, outer, binds),
    do: key |> fn_clause(site, outer) |> Capture.values(key, site, 0, binds)

  @doc "A clause of `case` and its kin was taken."
  @spec branch(non_neg_integer, pos_integer, frame) :: :ok
  def branch(key, site, frame), do: Event.within(Kinds.kind(:branch) ||| site <<< 20, key, frame)

  @doc "As `branch/3`; the variables it bound are recorded."
  @spec branch_values(non_neg_integer, pos_integer, frame, binds) :: :ok
  def branch_values(key, site, frame, binds) do
    branch(key, site, frame)
    Capture.values(frame, key, site, 2, binds)
    :ok
  end

  @doc "A message was taken by a clause of `receive`: the frame of what follows."
  @spec receive_clause(non_neg_integer, pos_integer, frame) :: frame
  def receive_clause(key, site, frame) do
    word = Kinds.kind(:branch) ||| site <<< 20

    case :erlang.get(@context) do
      :undefined ->
        Event.open(word, key)

      {_, call, _, {_, _, _, _, id, _, _, _, _}} = context ->
        # The clause's own frame is the parent, unless the message brings another.
        case frame do
          {own, ^id, caller} when own > 0 -> word |> taken(key, own, context) |> returns_to(id, caller)
          _ -> taken(word, key, call, context)
        end
    end
  end

  # The clause that took the message returns to its own caller.
  defp returns_to({call, id, _}, id, caller), do: {call, id, caller}
  defp returns_to(frame, _id, _caller), do: frame

  defp taken(word, key, parent, {hlc, call, ordinal, static} = context) do
    case :erlang.seq_trace_info(:label) do
      {:label, {:elixir_scope, _, _, _, ^hlc, ^call, _, _}} -> quiet(word, key, parent, context)
      [] -> quiet(word, key, parent, context)
      label -> Event.placed({hlc, parent, ordinal, static}, label, :receive, word, key)
    end
  end

  defp quiet(word, key, parent, context) do
    case Context.receive_quiet(context) do
      :none -> 0
      {context, _, _, _, _} -> Event.frame(word, key, parent, 0, 0, context)
    end
  end

  @doc "As `receive_clause/3`; the variables it bound are recorded."
  @spec receive_values(non_neg_integer, pos_integer, frame, binds) :: frame
  def receive_values(key, site, frame, binds),
    do: key |> receive_clause(site, frame) |> Capture.values(key, site, 3, binds)

  @doc "A clause's value, where its last expression is no tail call."
  @spec return(non_neg_integer, pos_integer, frame, value) :: value when value: term
  def return(key, site, {_, _, parent} = frame, value) do
    # The caller's call again, also if the caller is not instrumented.
    Event.within(Kinds.kind(:return) ||| Kinds.class(value) <<< 6 ||| site <<< 20, key, frame, parent)
    value
  end

  def return(_key, _site, _untraced, value), do: value

  @doc "As `return/4`; the value is recorded."
  @spec return_values(non_neg_integer, pos_integer, frame, value) :: value when value: term
  def return_values(key, site, frame, value) do
    Capture.values(frame, key, site, 1, [{:"", value}])
    return(key, site, frame, value)
  end

  @doc """
  The clause goes on after calls of its own: its frame is the process's call again, and what it sends next carries
  it, not the label of the reply that it was given.
  """
  @spec resume(frame) :: :ok
  def resume({call, id, _}) do
    case :erlang.get(@context) do
      {hlc, now, ordinal, static} = context when :erlang.element(5, static) == id and call > 0 ->
        case :erlang.seq_trace_info(:label) do
          {:label, {:elixir_scope, _, _, _, ^hlc, ^now, _, _}} when now == call -> :ok
          {:label, {:elixir_scope, _, _, _, ^hlc, ^now, _, _}} -> resumed({hlc, call, ordinal, static})
          label -> resume_from(label, call, context)
        end

      _ ->
        :ok
    end
  end

  def resume(_untraced), do: :ok

  defp resume_from(label, call, {_, _, _, {_, t1, t2, t3, _, _, extent, _, _}} = context) do
    case label do
      {:label, {:elixir_scope, ^t1, ^t2, ^t3, other, _, _, _}} ->
        {hlc, _, ordinal, static} = context
        resumed({max(hlc, other), call, ordinal, static})

      {:label, {:elixir_scope, _, _, _, _, _, _, _}} when extent != :open ->
        # A link, and the process's own trace again.
        {{hlc, _, ordinal, static}, _, _, _, _} = Context.place(context, label, :site)
        resumed({hlc, call, ordinal, static})

      [] ->
        resumed(put_elem(context, 1, call))

      # A raw process that was handed another trace: the next entry switches to it.
      _ ->
        :ok
    end
  end

  defp resumed({hlc, call, _, static} = context) do
    :erlang.put(@context, context)
    Event.relabel(hlc, call, static)
    :ok
  end

  @doc "A `rescue` or `catch` clause was taken: the frames inside it ended by an exception, which is recorded with it."
  @spec exception(non_neg_integer, pos_integer, frame, :error | :exit | :throw, term, list) :: :ok
  def exception(key, site, frame, kind, reason, stacktrace \\ [])

  def exception(key, site, {call, _, _} = frame, kind, reason, stacktrace) do
    word = Kinds.kind(:exception) ||| Kinds.exception_class(kind) <<< 6 ||| site <<< 20
    Event.with_payload(word, key, frame, call, fn -> ErrorEvent.payload(kind, reason, stacktrace) end)
  end

  def exception(_key, _site, _untraced, _kind, _reason, _stacktrace), do: :ok

  @doc "A message is about to be sent; only a send to oneself is an event."
  @spec sent(non_neg_integer, pos_integer, frame, term, term) :: :ok
  def sent(key, site, frame, dest, message) do
    resume(frame)

    if SelfSend.self?(dest) do
      Event.within(Kinds.kind(:send) ||| site <<< 20, key, frame)

      case :erlang.get(@context) do
        {hlc, call, _, _} -> SelfSend.put(hlc, call, message)
        :undefined -> :ok
      end
    end

    :ok
  end

  @doc "A GenServer callback begins (`ElixirScope.Callback`)."
  @spec callback(non_neg_integer, pos_integer, atom, term, term) :: frame
  defdelegate callback(key, site, name, message, state), to: ElixirScope.Callback, as: :enter

  @doc "As `callback/5`; message and state are recorded."
  @spec callback_values(non_neg_integer, pos_integer, atom, term, term) :: frame
  def callback_values(key, site, name, message, state) do
    frame = callback(key, site, name, message, state)
    Capture.values(frame, key, site, 3, [{:message, message}])
    Capture.values(frame, key, site, 4, [{:state, state}])
  end

  @doc "A GenServer callback ends with `result`; `state` is the state it began with."
  @spec callback_return(non_neg_integer, pos_integer, frame, result, term) :: result
        when result: term
  defdelegate callback_return(key, site, frame, result, state), to: ElixirScope.Callback, as: :leave

  @doc "As `callback_return/5`; reply and new state are recorded."
  @spec callback_return_values(non_neg_integer, pos_integer, frame, result, term) :: result
        when result: term
  def callback_return_values(key, site, frame, result, state) do
    case ElixirScope.Callback.reply(result) do
      {:ok, reply} -> Capture.values(frame, key, site, 6, [{:reply, reply}])
      :none -> :ok
    end

    case ElixirScope.Callback.state(result) do
      {:ok, new} -> Capture.values(frame, key, site, 5, [{:state, new}])
      :none -> :ok
    end

    callback_return(key, site, frame, result, state)
  end
end
