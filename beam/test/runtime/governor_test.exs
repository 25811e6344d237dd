defmodule ElixirScope.GovernorTest do
  @moduledoc "Rings that overflow lower the share of new traces, step by step, and slowly back."
  use ExUnit.Case, async: false
  alias ElixirScope.{Governor, Probe, Writer}
  alias ElixirScope.Test.Agent

  doctest Governor

  setup do
    Application.put_env(:elixir_scope, :governor, true)
    ElixirScope.Test.Agent.forget_kept()

    on_exit(fn ->
      Application.put_env(:elixir_scope, :governor, false)
      ElixirScope.Test.Agent.forget_kept()
      wait(fn -> ElixirScope.stats().governor == 0 end)
    end)
  end

  # 100 ms a step; `full` grows while `overflow?`.
  defp run(governor, from, to, overflow?) do
    Enum.reduce(div(from, 100)..(div(to, 100) - 1), governor, fn i, governor ->
      Governor.step(governor, i * 100, governor.full + if(overflow?, do: 1, else: 0))
    end)
  end

  test "a short overflow changes nothing, nor do many that are apart" do
    governor = Governor.new(0, 7)
    assert run(governor, 0, 1_900, true).level == 0

    apart =
      Enum.reduce(0..20, governor, fn i, governor ->
        governor
        |> run(i * 3_000, i * 3_000 + 1_000, true)
        |> run(i * 3_000 + 1_000, i * 3_000 + 3_000, false)
      end)

    assert apart.level == 0
  end

  test "one step for each two seconds, no further than 1/64, and back after ten quiet seconds each" do
    governor = run(Governor.new(0, 0), 0, 4_200, true)
    assert governor.level == 2
    governor = run(governor, 4_200, 60_000, true)
    assert governor.level == 6
    assert Governor.rate(1.0, governor.level) == 1 / 64
    # It latches.
    assert run(governor, 60_000, 70_000, false).level == 6
    assert run(governor, 60_000, 70_200, false).level == 5
    # An overflow meanwhile begins the ten seconds again.
    again = governor |> run(60_000, 69_000, false) |> run(69_000, 69_100, true)
    assert run(again, 69_100, 79_000, false).level == 6
    assert run(governor, 60_000, 125_000, false).level == 0
  end

  test "entries follow the level; a writer that starts again keeps it" do
    {_, _, _, counters, _, _} = ElixirScope.Ring.runtime()
    :atomics.put(counters, 24, 6)
    restart()
    assert ElixirScope.stats().governor == 6

    before = ElixirScope.stats()
    sampled = Enum.count(1..3_000, fn _ -> ElixirScope.trace("x", fn -> ElixirScope.current_trace() end) end)
    assert sampled in 10..110
    # What is not begun emits nothing and drops nothing: two events for each that was.
    stats = ElixirScope.stats()
    assert stats.emitted - before.emitted == 2 * sampled
    assert stats.dropped.governor == 0
  end

  @tag timeout: 60_000
  test "for real: a flood lowers the share, what goes on is counted" do
    stop = :atomics.new(1, [])
    path = Agent.path()
    Application.put_env(:elixir_scope, :socket, path)
    start_supervised!({Agent, path: path})
    wait(fn -> Writer.link() == :ready end)

    flood =
      Task.async(fn ->
        ElixirScope.trace("flood", fn ->
          flood(Probe.call(1, 1), stop, :erlang.monotonic_time(:second) + 30)
        end)
      end)

    wait(fn -> ElixirScope.stats().governor in 1..6 end)
    :atomics.put(stop, 1, 1)
    Task.await(flood)
    assert ElixirScope.stats().dropped.ring_full > 0
    assert Process.alive?(Process.whereis(Writer))
    # Switched off, it lets every trace begin again.
    Application.put_env(:elixir_scope, :governor, false)
    wait(fn -> ElixirScope.stats().governor == 0 end)
  after
    Application.delete_env(:elixir_scope, :socket)
  end

  defp flood(frame, stop, until) do
    for _ <- 1..1_000, do: Probe.branch(1, 1, frame)

    if :atomics.get(stop, 1) == 0 and :erlang.monotonic_time(:second) < until,
      do: flood(frame, stop, until),
      else: :ok
  end

  defp restart do
    pid = Process.whereis(Writer)
    ref = Process.monitor(pid)
    Process.exit(pid, :kill)
    receive do: ({:DOWN, ^ref, _, _, _} -> :ok)
    wait(fn -> is_pid(Process.whereis(Writer)) end)
  end

  defp wait(fun, left \\ 2000) do
    cond do
      fun.() -> :ok
      left == 0 -> flunk("waited in vain: #{inspect(ElixirScope.stats())}")
      true -> Process.sleep(10) && wait(fun, left - 1)
    end
  end
end
