defmodule ElixirScope.Entry do
  @moduledoc """
  Where traces begin and end. `begin/2` and `finish/3` are a pair, in one process.

  Sampling is decided here, once. In a process that is in a trace already, an entry is a child call. After an
  entry the process has the token that it had before.
  """
  import Bitwise
  require ElixirScope.Counters
  require ElixirScope.Kinds

  alias ElixirScope.{
    Clock,
    Config,
    Context,
    Counters,
    ErrorEvent,
    Event,
    Governor,
    Kinds,
    OpenTelemetry,
    Outbox,
    Probe
  }

  alias ElixirScope.{Ring, TraceParent, Value, Wire}

  @typedoc "What `finish/3` needs: nothing was begun, a child call, or a root."
  @type t :: :none | {:child, Context.frame(), keyword} | {:root, Context.frame(), term, keyword}

  @doc "Begins a trace, or a call in the trace that the process is in."
  @spec begin(atom | String.t(), keyword) :: t
  def begin(name, opts) do
    runtime = Ring.runtime()

    cond do
      runtime == nil or not Ring.on?() -> :none
      Context.get() != :undefined -> child(opts)
      inherited?() -> child(opts)
      true -> root(runtime, name, opts)
    end
  rescue
    # A name or attributes of a wrong kind: the application runs, untraced.
    _ -> :none
  end

  # A token without a context: a spawned process or a raw one in the middle of a trace.
  defp inherited?,
    do:
      match?({:label, {:elixir_scope, _, _, _, _, _, _, _}}, :erlang.seq_trace_info(:label)) and not stale?()

  defp stale? do
    {_, _, serial, from, _} = :seq_trace.get_token()
    {_, _, last, _, _} = Context.process()
    last == {from, serial}
  end

  defp child(opts) do
    case Probe.call(opts[:key] || 0, opts[:site] || 0) do
      0 -> :none
      frame -> {:child, frame, opts}
    end
  end

  defp root(runtime, name, opts) do
    {trace, span, sampled} = parent(opts)
    before = :erlang.seq_trace_info(:label)

    cond do
      match?({:label, l} when elem(l, 0) != :elixir_scope, tuple(before)) -> foreign(runtime)
      not sampled?(runtime, trace, sampled, opts) -> :none
      true -> start(runtime, name, trace, span, before, opts)
    end
  end

  defp tuple({:label, l}) when is_tuple(l) and tuple_size(l) > 0, do: {:label, l}
  defp tuple({:label, l}), do: {:label, {l}}
  defp tuple(other), do: other

  # Another user's token: a trace of ours could not travel without destroying it.
  defp foreign(runtime) do
    :atomics.add(:erlang.element(4, runtime), ElixirScope.Counters.field(:foreign_tokens), 1)
    :none
  end

  defp parent(opts) do
    case TraceParent.parse(opts[:traceparent]) do
      {:ok, trace, span, sampled} -> {trace, span, sampled}
      :error -> OpenTelemetry.current() || {TraceParent.random(), "", nil}
    end
  end

  # A parent that was not sampled stays so; a sampled one is subject to the rate, alike on every node.
  defp sampled?(_runtime, _trace, false, _opts), do: false

  defp sampled?({_, _, _, counters, _, _}, trace, _, opts) do
    level = :atomics.get(counters, Counters.field(:governor))
    TraceParent.sampled?(trace, Governor.rate(opts[:sample] || Config.get(:sample), level))
  end

  defp start(runtime, name, trace, span, before, opts) do
    if before != [], do: Context.clear_token()

    {_, _, _, {_, t1, t2, t3, id, pid_word, _, _, _} = static} =
      context = Context.new(runtime, trace, 0, 0, :scoped)

    ordinal = elem(context, 2)
    us = Clock.now_us()
    hlc = us <<< 10
    word = Kinds.kind(:root) ||| Kinds.flag(:root) ||| (opts[:site] || 0) <<< 20
    words = {word, hlc, us, opts[:key] || 0, t1, t2, (ordinal &&& 0x7FFFFFF) <<< 32 ||| t3, pid_word, 0, 0, 0}

    case root_event(runtime, words, payload(name, span, opts)) do
      0 ->
        :none

      call ->
        Context.store({hlc, call, ordinal + 1, static}, us)
        {:root, {call, id, 0}, before, opts}
    end
  end

  # Without room for the payload the root itself is still worth its place in the ring.
  defp root_event(runtime, words, payload) do
    case Outbox.post(runtime, words, payload) do
      0 -> apply(Ring, :put, [runtime | Tuple.to_list(words)])
      id -> id
    end
  end

  defp payload(name, span, opts) do
    {attributes, _, _} = opts |> Keyword.get(:attributes, %{}) |> Map.new() |> Value.encode()
    [Wire.str(to_string(name)), Wire.str(Base.encode16(span, case: :lower)), attributes]
  end

  @doc "Ends what `begin/2` began. The outcome is `{:ok, result}` or `{kind, reason, stacktrace}`."
  @spec finish(t, {:ok, term} | {:error | :exit | :throw, term, list}) :: :ok
  def finish(:none, _outcome), do: :ok

  def finish({:child, {_, _, parent} = frame, opts}, {:ok, result}) do
    Event.within(word(:return, Kinds.class(result), opts), opts[:key] || 0, frame, parent)
  end

  def finish({:child, {_, _, parent} = frame, opts}, {kind, reason, stacktrace}) do
    word = word(:exception, Kinds.exception_class(kind), opts)
    payload = fn -> ErrorEvent.payload(kind, reason, stacktrace) end
    Event.with_payload(word, opts[:key] || 0, frame, parent, payload)
  end

  def finish({:root, frame, before, opts}, {:ok, result}) do
    Event.within(word(:root_end, Kinds.class(result), opts), opts[:key] || 0, frame)
    close(frame, before)
  end

  def finish({:root, frame, before, opts}, {kind, reason, stacktrace}) do
    ErrorEvent.record(kind, reason, stacktrace)
    Event.within(word(:root_end, 0, opts), opts[:key] || 0, frame)
    close(frame, before)
  end

  defp word(:return, class, opts), do: Kinds.kind(:return) ||| class <<< 6 ||| (opts[:site] || 0) <<< 20
  defp word(:exception, class, opts), do: Kinds.kind(:exception) ||| class <<< 6 ||| (opts[:site] || 0) <<< 20
  defp word(:root_end, class, opts), do: Kinds.kind(:root_end) ||| class <<< 6 ||| (opts[:site] || 0) <<< 20

  defp close({_call, id, _}, before) do
    case Context.get() do
      {_, _, _, static} = context when :erlang.element(5, static) == id -> Context.leave(context)
      _ -> :ok
    end

    Context.clear_token()
    if before != [], do: Context.seen()
    :ok
  end
end
