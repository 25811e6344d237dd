# What a site costs: nanoseconds per event, best of five, an empty loop subtracted.
#
#     cd beam && MIX_ENV=prod mix run bench/costs.exs
#
# The rings are emptied between the rounds by the writer (no agent: events are counted as `agent_absent`).
defmodule Costs do
  alias ElixirScope.{Drain, Probe, Ring, Writer}

  @round 8_000
  @rounds 60

  def loop(0, _), do: :ok

  def loop(n, f) do
    f.()
    loop(n - 1, f)
  end

  # A round fits into the ring; between rounds the writer empties it.
  def measure(f, rounds \\ @rounds) do
    for(_ <- 1..rounds, do: one(f)) |> Enum.min()
  end

  defp one(f) do
    Writer.flush()
    t = :erlang.monotonic_time(:nanosecond)
    loop(@round, f)
    (:erlang.monotonic_time(:nanosecond) - t) / @round
  end

  def row(name, ns, empty, goal \\ nil) do
    ns = Float.round(max(ns - empty, 0.0), 1)
    verdict = if goal, do: "  goal <= #{goal}  #{if ns <= goal, do: "ok", else: "MISSED"}", else: ""
    IO.puts(String.pad_trailing(name, 46) <> String.pad_leading("#{ns}", 8) <> " ns" <> verdict)
  end

  # What the injected code does at an entry.
  def guarded(key, site) do
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

  def run do
    empty = measure(fn -> :ok end)
    row("empty loop", empty, 0.0)

    ElixirScope.on()
    row("untraced: clause", measure(fn -> guarded(1, 1) end), empty, 30)
    row("untraced: callback", measure(fn -> Probe.callback(1, 1, :handle_info, :tick, nil) end), empty, 30)

    ElixirScope.trace("bench", fn ->
      frame = Probe.call(1, 1)
      row("traced: clause (guard + call)", measure(fn -> guarded(1, 1) end), empty, 400)
      Probe.resume(frame)
      row("traced: fn", measure(fn -> Probe.fn_clause(1, 1, frame) end), empty, 400)
      Probe.resume(frame)
      row("traced: branch", measure(fn -> Probe.branch(1, 1, frame) end), empty, 400)
      row("traced: return", measure(fn -> Probe.return(1, 1, frame, {:ok, 1}) end), empty, 400)
      row("traced: exception", measure(fn -> Probe.exception(1, 1, frame, :error, :badarith) end), empty, 400)
      row("traced: resume, same call", measure(fn -> Probe.resume(frame) end), empty)
      row("traced: send to another", measure(fn -> Probe.sent(1, 1, frame, :nobody, 1) end), empty)
      row("traced: receive", measure(fn -> Probe.receive_clause(1, 1, frame) end), empty, 400)

      row(
        "traced: value of a small map (1 message)",
        measure(fn -> Probe.return_values(1, 1, frame, %{id: 1}) end, 5),
        empty
      )
    end)

    label = {:elixir_scope, 1, 2, 3, 4, 5, 6, 7}

    callback = fn ->
      :erlang.seq_trace(:label, label)
      frame = ElixirScope.Callback.enter(1, 1, :init, {:get, 1}, nil)
      Probe.callback_return(1, 1, frame, {:reply, 1, nil}, nil)
    end

    row("traced: callback and its return (2 events)", measure(callback), empty)
    :seq_trace.set_token([])

    ElixirScope.off()
    row("off: clause", measure(fn -> guarded(1, 1) end), empty, 15)
    row("off: trace/2", measure(fn -> ElixirScope.trace("x", fn -> 1 end) end), empty)
    ElixirScope.on()

    row(
      "on: trace/2 (2 events, root by message)",
      measure(fn -> ElixirScope.trace("x", fn -> 1 end) end, 5),
      empty
    )

    drain()
  end

  defp drain do
    {_, mask, _, _, _, _} = Ring.runtime()
    slots = mask + 1
    ring = Ring.new(slots)
    for n <- 1..(slots - 64), do: Ring.put_in_ring(ring, mask, n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    reader = Drain.new(ring, mask, 1)
    t = :erlang.monotonic_time(:nanosecond)
    count = drain_all(reader, 0)
    row("writer: drain, per event", (:erlang.monotonic_time(:nanosecond) - t) / count, 0.0)
  end

  defp drain_all(reader, sum) do
    case Drain.take(reader, 0) do
      {_records, count, 0, true, reader} -> drain_all(reader, sum + count)
      {_records, count, 0, false, _} -> sum + count
    end
  end
end

Costs.run()
