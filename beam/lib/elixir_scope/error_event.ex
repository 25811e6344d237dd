defmodule ElixirScope.ErrorEvent do
  @moduledoc """
  `error` events: of the process's trace and last known frame, or flagged `untraced`.

  Messages are made from redacted exceptions: `KeyError` and its kin carry whole terms, a
  `FunctionClauseError` arguments. Only arities leave the stack trace, never arguments.
  """
  import Bitwise
  require ElixirScope.Kinds
  alias ElixirScope.{Clock, Context, Kinds, Outbox, Ring, Value}

  @reported :"$elixir_scope_error"
  @frames_max 32
  @message_max 2_048

  @doc "Records an error of this process, once: the same error seen again (a crash report) is skipped."
  @spec record(:error | :exit | :throw, term, list, keyword) :: :ok
  def record(kind, reason, stacktrace, opts \\ []) do
    hash = :erlang.phash2(root_cause(kind, reason))

    if :erlang.get(@reported) != hash do
      :erlang.put(@reported, hash)
      runtime = Ring.runtime()
      if runtime != nil and Ring.on?(), do: emit(runtime, Context.get(), kind, reason, stacktrace, opts)
    end

    :ok
  end

  @doc "Records an error of another process, which is dead: `where` is its trace, if known."
  @spec record_of(pid, term, :error | :exit | :throw, term, list) :: :ok
  def record_of(pid, where, kind, reason, stacktrace) do
    runtime = Ring.runtime()

    if runtime != nil and Ring.on?() do
      {{t1, t2, t3}, call, flags, hlc} = where || {{0, 0, 0}, 0, Kinds.flag(:untraced), 0}
      us = Clock.now_us()
      w1 = word(kind) ||| flags ||| Clock.ahead(hlc, us <<< 10, elem(runtime, 4))
      words = {w1, max(hlc + 1, us <<< 10), us, 0, t1, t2, t3, pid_word(pid), call, 0, 0}
      Outbox.post(runtime, words, payload(kind, reason, stacktrace, process: inspect(pid)))
    end

    :ok
  end

  defp pid_word(pid) when node(pid) == node(), do: Context.pid_word(pid)
  defp pid_word(_), do: 0

  defp word(kind), do: Kinds.kind(:error) ||| Kinds.exception_class(kind) <<< 6

  defp emit(runtime, :undefined, kind, reason, stacktrace, opts) do
    {pid_word, ordinal, last, sends, continue} = Context.process()
    us = Clock.now_us()
    w1 = word(kind) ||| Kinds.flag(:untraced)
    words = {w1, us <<< 10, us, 0, 0, 0, (ordinal &&& 0x7FFFFFF) <<< 32, pid_word, 0, 0, 0}
    Outbox.post(runtime, words, payload(kind, reason, stacktrace, opts))
    Context.put_process({pid_word, ordinal + 1, last, sends, continue})
  end

  defp emit(runtime, {hlc, call, ordinal, static}, kind, reason, stacktrace, opts) do
    {_, t1, t2, t3, _, pid_word, _, _, _} = static
    us = Clock.now_us()
    w1 = word(kind) ||| Clock.ahead(hlc, us <<< 10, elem(runtime, 4))
    hlc = max(hlc + 1, us <<< 10)
    words = {w1, hlc, us, 0, t1, t2, (ordinal &&& 0x7FFFFFF) <<< 32 ||| t3, pid_word, call, 0, 0}
    Outbox.post(runtime, words, payload(kind, reason, stacktrace, opts))
    Context.store({hlc, call, ordinal + 1, static}, us)
  end

  @doc "The error payload of `docs/node-socket.md`."
  @spec payload(:error | :exit | :throw, term, list, keyword) :: binary
  def payload(kind, reason, stacktrace, opts \\ []) do
    cause = root_cause(kind, reason)
    stacktrace = if is_list(stacktrace) and stacktrace != [], do: stacktrace, else: inner_stack(reason)
    {type, message} = describe(kind, cause, stacktrace)
    {shown, _, _} = Value.limit(cause)

    :erlang.term_to_binary(%{
      kind: kind,
      type: type,
      message: cut(message),
      stacktrace: stacktrace |> Enum.take(@frames_max) |> Enum.flat_map(&frame/1),
      process: Keyword.get_lazy(opts, :process, &process_name/0),
      reason: shown
    })
  end

  # `exit({%ArithmeticError{}, stack})`: the error is the inner one.
  defp root_cause(:exit, {reason, [frame | _]}) when is_tuple(frame) and tuple_size(frame) in [3, 4],
    do: reason

  defp root_cause(_kind, reason), do: reason

  defp inner_stack({_, [frame | _] = stack}) when is_tuple(frame) and tuple_size(frame) in [3, 4], do: stack
  defp inner_stack(_), do: []

  defp describe(kind, %{__exception__: true} = exception, _stack) when kind in [:error, :exit],
    do: {inspect(exception.__struct__), message(exception)}

  defp describe(:error, reason, stack) do
    exception = Exception.normalize(:error, reason, stack)
    {inspect(exception.__struct__), message(exception)}
  end

  defp describe(kind, reason, _stack) do
    {Atom.to_string(kind), inspect(Value.brief(reason), limit: 20, printable_limit: 512)}
  end

  # The fields are redacted before the message is made of them.
  defp message(exception) do
    fields = exception |> Map.from_struct() |> Map.delete(:__exception__)

    redacted =
      Map.new(fields, fn
        {:message, text} when is_binary(text) -> {:message, text}
        {key, value} -> {key, shown(value, key)}
      end)

    Exception.message(Map.merge(exception, redacted))
  rescue
    _ -> inspect(exception.__struct__)
  end

  # What exceptions need to make their text stays as it is.
  defp shown(value, key) when is_atom(value) or key in [:module, :function, :arity], do: value
  defp shown(value, _key) when is_integer(value) and abs(value) < 0x10000000000000000, do: value

  defp shown(value, _key), do: Value.brief(value)

  defp cut(text) when byte_size(text) > @message_max, do: String.slice(text, 0, 500) <> "..."
  defp cut(text), do: text

  defp frame({module, function, arity, location}) when is_atom(module) and is_atom(function) do
    arity = if is_list(arity), do: length(arity), else: arity
    file = to_string(location[:file] || "")
    [{Atom.to_string(module), Atom.to_string(function), arity, file, location[:line] || 0}]
  end

  defp frame({function, arity, location}) when is_function(function) do
    info = :erlang.fun_info(function)
    frame({info[:module], info[:name], arity, location})
  end

  defp frame(_), do: []

  defp process_name do
    case Process.info(self(), :registered_name) do
      {:registered_name, name} when is_atom(name) -> inspect(name)
      _ -> initial_call()
    end
  end

  defp initial_call do
    case :erlang.get(:"$initial_call") do
      {m, f, a} -> "#{inspect(m)}.#{f}/#{a}"
      _ -> inspect(self())
    end
  end
end
