defmodule ElixirScope.Watch do
  @moduledoc """
  Spawned processes of traces, other nodes, and the start of `:telemetry`.

  A process that inherits a trace reports itself with its first event: a `spawn` event is recorded, and an `exit`
  event when it ends, however it ends (`:kill` included; the reason is `:"$unknown"` if it was over at once). At most `:watched_max` are watched at a time; beyond,
  neither event is recorded and the process is counted as `unwatched`. GenServers are not watched: their
  crashes come as crash reports.
  """
  use GenServer
  import Bitwise
  require ElixirScope.Counters
  require ElixirScope.Kinds
  alias ElixirScope.{Clock, Config, Context, Counters, Kinds, Outbox, Ring, Telemetry, Value}

  @table __MODULE__.Processes
  @remember_ms 1_000
  @telemetry_ms 1_000

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "The calling process was spawned in a trace: `words` are those of its `spawn` event."
  @spec spawned(Ring.runtime(), tuple) :: :ok
  def spawned({_, _, _, counters, _, _}, words) do
    watch = :erlang.whereis(__MODULE__)

    if is_pid(watch) and :atomics.add_get(counters, Counters.field(:watched), 1) <= Config.get(:watched_max) do
      :erlang.send(watch, {:spawned, self(), words})
    else
      if is_pid(watch), do: :atomics.sub(counters, Counters.field(:watched), 1)
      :atomics.add(counters, Counters.field(:unwatched), 1)
    end

    :ok
  end

  @doc "The trace, call, flags and clock of a watched process, also shortly after its end."
  @spec where(pid) :: {tuple, non_neg_integer, 0, non_neg_integer} | nil
  def where(pid) do
    case :ets.lookup(@table, pid) do
      [{_, trace, call, hlc, _}] -> {trace, call, 0, hlc}
      [] -> nil
    end
  rescue
    ArgumentError -> nil
  end

  @impl true
  def init(_) do
    :ets.new(@table, [:named_table, :protected])
    {_, _, _, counters, _, _} = runtime = Ring.runtime()
    :atomics.put(counters, Counters.field(:watched), 0)
    :net_kernel.monitor_nodes(true, node_type: :visible)
    send(self(), :telemetry)
    {:ok, runtime}
  end

  @impl true
  def handle_info(:telemetry, runtime) do
    if Telemetry.attach() == :later, do: Process.send_after(self(), :telemetry, @telemetry_ms)
    {:noreply, runtime}
  end

  def handle_info({:spawned, pid, words}, runtime) do
    {_, hlc, _, _, t1, t2, w7, pid_word, call, _, _} = words
    Outbox.post(runtime, words, :erlang.term_to_binary({pid_word}))
    :ets.insert(@table, {pid, {t1, t2, w7 &&& 0xFFFFFFFF}, call, hlc, pid_word})
    Process.monitor(pid)
    {:noreply, runtime}
  end

  def handle_info({:DOWN, _, :process, pid, reason}, runtime) do
    case :ets.lookup(@table, pid) do
      [{_, {t1, t2, t3}, _call, hlc, pid_word}] -> exited(runtime, {t1, t2, t3}, hlc, pid_word, reason)
      [] -> :ok
    end

    Process.send_after(self(), {:forget, pid}, @remember_ms)
    {:noreply, runtime}
  end

  def handle_info({:forget, pid}, {_, _, _, counters, _, _} = runtime) do
    :ets.delete(@table, pid)
    :atomics.sub(counters, Counters.field(:watched), 1)
    {:noreply, runtime}
  end

  def handle_info({event, node, _}, runtime) when event in [:nodeup, :nodedown] do
    kind = if event == :nodeup, do: Kinds.kind(:node_up), else: Kinds.kind(:node_down)
    us = Clock.now_us()
    words = {kind ||| Kinds.flag(:untraced), us <<< 10, us, 0, 0, 0, 0, Context.pid_word(self()), 0, 0, 0}
    Outbox.post(runtime, words, Atom.to_string(node))
    {:noreply, runtime}
  end

  def handle_info(_, runtime), do: {:noreply, runtime}

  # It had ended before it could be watched.
  defp exited(runtime, trace, hlc, pid_word, :noproc), do: exited(runtime, trace, hlc, pid_word, :"$unknown")

  defp exited(runtime, {t1, t2, t3}, hlc, pid_word, reason) do
    us = Clock.now_us()
    {bytes, cut, _} = Value.encode(reason)
    flags = if(cut, do: Kinds.flag(:cut), else: 0) ||| Clock.ahead(hlc, us <<< 10, elem(runtime, 4))
    w1 = Kinds.kind(:exit) ||| Kinds.class(reason) <<< 6 ||| flags
    words = {w1, max(hlc + 1, us <<< 10), us, 0, t1, t2, 0x7FFFFFF <<< 32 ||| t3, pid_word, 0, 0, 0}
    Outbox.post(runtime, words, bytes)
  end
end
