defmodule ElixirScope do
  @moduledoc """
  Traces that cross processes and nodes of the BEAM, down to the clause that was taken.

      ElixirScope.trace("place order", fn -> Shop.Orders.place(order) end)

  Everything that the function causes - in this process, in the GenServers it calls, in tasks, on other nodes -
  belongs to one trace: the VM's own `seq_trace` token carries it with every message. What is seen inside depends
  on which modules are instrumented (`instrument/2`, or at build time).

  Events go to fixed rings, from there to the agent's local socket (`docs/node-socket.md`). Nothing here blocks, grows
  without bound or raises into the application; what is not recorded is counted (`stats/0`). One switch stops
  everything within a millisecond: `off/0`.
  """
  require ElixirScope.Counters
  alias ElixirScope.{Context, Counters, Entry, Identity, Loader, Ring, Totals, TraceParent}

  @doc """
  Runs a function as a trace, and gives its result.

  In a process that is in a trace already, it is a call of that trace. An exception is recorded and raised again
  with its own stack trace.

  Options: `:traceparent` (W3C header text: the trace is continued), `:sample` (0.0..1.0, instead of the configured
  rate), `:attributes` (map or keyword list, redacted like captured values), `:key` and `:site` (module version key and site
  of the call, given by instrumented code).

      iex> ElixirScope.trace("answer", fn -> 42 end)
      42
  """
  @spec trace(atom | String.t(), (() -> result), keyword) :: result when result: term
  def trace(name, fun, opts \\ []) when is_function(fun, 0) do
    case Entry.begin(name, opts) do
      :none -> fun.()
      entry -> run(entry, fun)
    end
  end

  defp run(entry, fun) do
    result = fun.()
    Entry.finish(entry, {:ok, result})
    result
  catch
    kind, reason ->
      stacktrace = __STACKTRACE__
      Entry.finish(entry, {kind, reason, stacktrace})
      :erlang.raise(kind, reason, stacktrace)
  end

  @doc """
  `trace/3` that continues the trace of a `traceparent` header; without a valid one a new trace.
  """
  @spec with_traceparent(String.t() | nil, (() -> result)) :: result when result: term
  def with_traceparent(header, fun), do: trace("traceparent", fun, traceparent: header)

  @doc """
  The W3C `traceparent` of this process, for an outgoing call, or `nil` outside of a trace.

  Its span id is the first 8 bytes of SHA-256 over `"elixirscope span 1\\n"`, node key and event id (u64
  big-endian each): `ElixirScope.Identity.span_id/2`.

      iex> ElixirScope.traceparent()
      nil
  """
  @spec traceparent() :: String.t() | nil
  def traceparent do
    case here() do
      nil -> nil
      {trace, node, call} -> TraceParent.format(trace, Identity.span_id(node, call), true)
    end
  end

  @doc """
  The trace id of this process in hex, or `nil`.

      iex> ElixirScope.current_trace()
      nil
  """
  @spec current_trace() :: String.t() | nil
  def current_trace do
    case here() do
      nil -> nil
      {trace, _, _} -> TraceParent.id(trace)
    end
  end

  defp here do
    with :undefined <- Context.get(),
         {:label, {:elixir_scope, t1, t2, t3, _, call, node, _}} <- :erlang.seq_trace_info(:label) do
      {{t1, t2, t3}, node, call}
    else
      {_, call, _, {runtime, t1, t2, t3, _, _, _, _, _}} -> {{t1, t2, t3}, elem(runtime, 2), call}
      _ -> nil
    end
  end

  @doc "Instruments a loaded module (`ElixirScope.Loader`)."
  @spec instrument(module, keyword) :: {:ok, ElixirScope.SiteTable.t()} | {:error, Loader.error()}
  def instrument(module, opts \\ []), do: Loader.instrument(module, opts)

  @doc "Puts the original module back (`ElixirScope.Loader`)."
  @spec remove(module, keyword) :: :ok | {:error, Loader.error()}
  def remove(module, opts \\ []), do: Loader.remove(module, opts)

  @doc "Capture on."
  @spec on() :: :ok
  def on do
    latch(0)
    Ring.switch(true)
  end

  @doc """
  Capture off, at once and everywhere on this node: every probe refuses, no entry begins a trace. It latches: only
  `on/0` undoes it, the agent cannot.
  """
  @spec off() :: :ok
  def off do
    latch(1)
    Ring.switch(false)
  end

  defp latch(value) do
    {_, _, _, counters, _, _} = Ring.runtime()
    :atomics.put(counters, Counters.field(:latched), value)
  end

  @doc false
  @spec remote_switch(boolean) :: :ok
  def remote_switch(on?) do
    {_, _, _, counters, _, _} = Ring.runtime()
    if :atomics.get(counters, Counters.field(:latched)) == 0, do: Ring.switch(on?), else: :ok
  end

  @doc """
  Totals since the VM started. `emitted = stored + buffered + in_rings + sum(dropped)`, exactly for a node at rest.
  """
  @spec stats() :: map
  def stats, do: Totals.stats(Ring.runtime())
end
