# What a site costs: nanoseconds per event, best of many rounds, an empty loop subtracted; and what memory is used.
#
#     cd beam && MIX_ENV=prod mix run --no-start bench/costs.exs [--json]
#
# `--json`: one object a line, `{"name", "value", "unit", "goal"}`. The rings are emptied between the rounds by the
# writer (no agent: events are counted as `agent_absent`).
defmodule Costs do
  alias ElixirScope.{Drain, Probe, Ring, Writer}

  @round 8_000
  @rounds 60
  @processes 100_000

  def main(arguments) do
    {:ok, _} = Application.ensure_all_started(:elixir_scope)
    Process.put(:json, "--json" in arguments)
    times()
    drain()
    memory()
  end

  defp times do
    empty = measure(fn -> :ok end)
    row("empty loop", empty, 0.0)

    ElixirScope.on()
    row("untraced: clause", measure(fn -> guarded(1, 1) end), empty, 30)
    row("untraced: callback", measure(fn -> Probe.callback(1, 1, :handle_info, :tick, nil) end), empty, 30)
    row("untraced: branch", measure(fn -> within(0) end), empty, 30)

    ElixirScope.trace("bench", fn -> traced(empty) end)
    callback(empty)

    ElixirScope.off()
    row("off: clause", measure(fn -> guarded(1, 1) end), empty, 15)
    row("off: trace/2", measure(fn -> ElixirScope.trace("x", fn -> 1 end) end), empty)
    ElixirScope.on()

    row(
      "on: trace/2 (2 events, root with payload)",
      measure(fn -> ElixirScope.trace("x", fn -> 1 end) end, 5),
      empty
    )

    row("unsampled: trace/2", measure(fn -> ElixirScope.trace("x", fn -> 1 end, sample: 0.0) end), empty)
  end

  defp traced(empty) do
    frame = Probe.call(1, 1)
    row("traced: clause (guard + call)", measure(fn -> guarded(1, 1) end), empty, 400)
    Probe.resume(frame)
    row("traced: fn", measure(fn -> Probe.fn_clause(1, 1, frame) end), empty, 400)
    Probe.resume(frame)
    row("traced: branch", measure(fn -> Probe.branch(1, 1, frame) end), empty, 400)
    row("traced: return", measure(fn -> Probe.return(1, 1, frame, {:ok, 1}) end), empty, 400)
    row("traced: receive", measure(fn -> Probe.receive_clause(1, 1, frame) end), empty, 400)
    row("traced: resume, same call", measure(fn -> Probe.resume(frame) end), empty)
    row("traced: send to another", measure(fn -> Probe.sent(1, 1, frame, :nobody, 1) end), empty)

    # With payload: fewer than a wide ring has slots.
    exception = fn -> Probe.exception(1, 1, frame, :error, :badarith, []) end
    row("traced: exception with what it was", measure(exception, 20, 1_000), empty)
    value = fn -> ElixirScope.Capture.values(frame, 1, 1, 2, [{:x, %{id: 1}}]) end
    row("traced: value of a small map", measure(value, 20, 1_000), empty, 2_500)
    four = %{id: 1, name: "pen", quantity: 4, price: 3.5}
    value = fn -> ElixirScope.Capture.values(frame, 1, 1, 2, [{:x, four}]) end
    row("traced: value of a map of four", measure(value, 20, 1_000), empty)
  end

  defp callback(empty) do
    label = {:elixir_scope, 1, 2, 3, 4, 5, 6, 7}

    callback = fn ->
      :erlang.seq_trace(:label, label)
      frame = ElixirScope.Callback.enter(1, 1, :init, {:get, 1}, nil)
      Probe.callback_return(1, 1, frame, {:reply, 1, nil}, nil)
    end

    row("traced: callback and its return (2 events)", measure(callback), empty, 800)
    :seq_trace.set_token([])
  end

  defp drain do
    {_, mask, _, _, _, _} = Ring.runtime()
    slots = mask + 1
    ring = Ring.new(slots)
    for n <- 1..(slots - 64), do: Ring.put_in_ring(ring, mask, n, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0)
    t = :erlang.monotonic_time(:nanosecond)
    count = drain_all(Drain.new(ring, mask, 1), 0)
    row("writer: drain, per event", (:erlang.monotonic_time(:nanosecond) - t) / count, 0.0)
  end

  defp drain_all(reader, sum) do
    case Drain.take(reader, 0) do
      {_records, count, 0, true, reader} -> drain_all(reader, sum + count)
      {_records, count, 0, false, _} -> sum + count
    end
  end

  # Processes that were traced once and sit idle, against as many that never were.
  defp memory do
    before = ours()
    plain = idle(fn -> :ok end)
    plain_size = size(plain)
    stop(plain)

    traced = idle(fn -> ElixirScope.trace("once", fn -> Probe.call(1, 1) end) end)
    traced_size = size(traced)
    now = ours()
    stop(traced)
    figure("memory: rings and run time, in all", now / 1_048_576, "MiB", nil)
    figure("memory: growth of ours with 100,000 traced once", max(now - before, 0) / 1_048_576, "MiB", 1)
    # What a process keeps between traces: its own number, its ordinal and the last token that it saw.
    figure("memory: growth of an idle process traced once", max(traced_size - plain_size, 0.0), "bytes", 0)
  end

  # The rings, our tables and our processes, in bytes.
  defp ours do
    Writer.flush()
    {rings, _, _, _, _, _} = Ring.runtime()
    rings = for(ring <- Tuple.to_list(rings), do: :atomics.info(ring).memory) |> Enum.sum()

    tables =
      for table <- :ets.all(),
          name = :ets.info(table, :name),
          name != :undefined,
          String.starts_with?(Atom.to_string(name), "Elixir.ElixirScope"),
          do: :ets.info(table, :memory) * :erlang.system_info(:wordsize)

    children = for {_, pid, _, _} <- Supervisor.which_children(ElixirScope.Supervisor), do: process_bytes(pid)
    rings + Enum.sum(tables) + Enum.sum(children)
  end

  # With the binaries that it refers to: the chunks that wait for an agent.
  defp process_bytes(pid) do
    :erlang.garbage_collect(pid)
    {:binary, binaries} = :erlang.process_info(pid, :binary)
    bytes = for({_, size, _} <- Enum.uniq_by(binaries, &elem(&1, 0)), do: size) |> Enum.sum()
    {:memory, memory} = :erlang.process_info(pid, :memory)
    memory + bytes
  end

  defp idle(fun) do
    parent = self()

    for i <- 1..@processes do
      # As a GenServer or a task is started: with a process dictionary of its own.
      pid =
        :proc_lib.spawn(fn ->
          fun.()
          :erlang.garbage_collect()
          send(parent, :idle)
          Process.hibernate(__MODULE__, :wait, [])
        end)

      receive do: (:idle -> :ok)
      if rem(i, 2_000) == 0, do: Writer.flush()
      pid
    end
  end

  @doc false
  def wait, do: receive(do: (:stop -> :ok))

  # Bytes a process, on average.
  defp size(pids) do
    sizes = for pid <- pids, {:memory, bytes} <- [:erlang.process_info(pid, :memory)], do: bytes
    Enum.sum(sizes) / length(sizes)
  end

  defp stop(pids), do: Enum.each(pids, &send(&1, :stop))

  # What the injected code does at an entry and at a branch.
  defp guarded(key, site) do
    case :erlang.get(:"$elixir_scope") do
      :undefined ->
        case :erlang.seq_trace_info(:label) do
          [] -> 0
          _ -> Probe.call(key, site)
        end

      _ ->
        Probe.call(key, site)
    end
  end

  defp within(0), do: :ok
  defp within(frame), do: Probe.branch(1, 1, frame)

  # A round fits into the ring; between rounds the writer empties it.
  defp measure(f, rounds \\ @rounds, round \\ @round),
    do: for(_ <- 1..rounds, do: one(f, round)) |> Enum.min()

  defp one(f, round) do
    Writer.flush()
    t = :erlang.monotonic_time(:nanosecond)
    loop(round, f)
    (:erlang.monotonic_time(:nanosecond) - t) / round
  end

  defp loop(0, _), do: :ok

  defp loop(n, f) do
    f.()
    loop(n - 1, f)
  end

  defp row(name, ns, empty, goal \\ nil), do: figure(name, max(ns - empty, 0.0), "ns", goal)

  defp figure(name, value, unit, goal) do
    value = Float.round(value * 1.0, 1)

    if Process.get(:json),
      do: IO.puts(~s({"name": "#{name}", "value": #{value}, "unit": "#{unit}", "goal": #{goal || "null"}})),
      else: IO.puts(text(name, value, unit, goal))
  end

  defp text(name, value, unit, goal) do
    verdict = if goal, do: "  goal <= #{goal}  #{if value <= goal, do: "ok", else: "MISSED"}", else: ""
    String.pad_trailing(name, 50) <> String.pad_leading("#{value}", 10) <> " " <> unit <> verdict
  end
end

Costs.main(System.argv())
